"""A gate on disk: the only module that knows the file names and formats of a gate directory.

    gate.json        what was asked: policy, suite, both arms       comparison.json, verdict.json    what was decided
    looks.jsonl      every look, its boundary and spent error       report.*                         for people

The trials themselves lie in run directories, which `gate.json` names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Self, TypeVar

import msgspec

from evalharness.errors import ConfigError, StorageFault
from evalharness.gating.drift import Drift
from evalharness.journal import only_begun, read_lines, write_whole
from evalharness.model import AgentDefinition, Allowance, Comparison, Policy
from evalharness.procedure import Look

HEADER = "gate.json"
LOOKS = "looks.jsonl"
COMPARISON = "comparison.json"
VERDICT = "verdict.json"
GATE_SCHEMA = 1
Document = TypeVar("Document", bound=msgspec.Struct)


class GateSide(msgspec.Struct, frozen=True, kw_only=True):
    """One arm: `stored` names what is there already, `definition` how to run it; trials go to `run` and `confirm`."""

    run: str
    confirm: str
    definition: AgentDefinition | None = None
    stored: str | None = None


class GateHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate was asked, written once; `drift` is the sample that a stored baseline was tried with before."""

    schema: int
    gate_id: str
    suite: str
    suite_digest: str
    policy: Policy
    trials: int
    looks: tuple[int, ...]
    baseline: GateSide
    candidate: GateSide
    started_at: str
    seed: int | None = None
    notes: tuple[str, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    drift: Drift | None = None


def is_gate(path: Path) -> bool:
    """Say whether a path is a gate directory."""
    return (path / HEADER).is_file()


class GateStore:
    """A gate directory that exists."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.header = msgspec.json.decode((path / HEADER).read_bytes(), type=GateHeader)
        except FileNotFoundError as exc:
            raise ConfigError(f"{path} is no gate directory (it has no {HEADER})") from exc
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{path / HEADER} is damaged ({exc}): start the gate again") from exc
        if self.header.schema > GATE_SCHEMA:
            raise ConfigError(f"{path / HEADER}: written by a newer evalh: upgrade evalharness")

    @classmethod
    def create(cls, path: Path, header: GateHeader) -> Self:
        """Make a gate directory; one that holds anything already is refused."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not only_begun(path, HEADER):
                raise ConfigError(f"{path} is not empty: name another --out, or go on with `evalh gate {path}`")
        except OSError as exc:
            raise StorageFault(f"{path}: {exc.strerror or exc}") from exc
        write_whole(path / HEADER, _pretty(header))
        return cls(path)

    def write_looks(self, looks: Sequence[Look]) -> None:
        """Write every look so far."""
        write_whole(self.path / LOOKS, b"".join(msgspec.json.encode(look) + b"\n" for look in looks))

    def looks(self) -> tuple[Look, ...]:
        """Return every look so far."""
        file = self.path / LOOKS
        return tuple(read_lines(file, Look)) if file.exists() else ()

    def document(self, kind: type[Document]) -> Document | None:
        """Return what was decided, as the document that was written; None while nothing is."""
        file = self.path / VERDICT
        try:
            return msgspec.json.decode(file.read_bytes(), type=kind) if file.exists() else None
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise ConfigError(f"{file} is damaged ({exc})") from exc

    def write_verdict(self, comparison: Comparison, document: msgspec.Struct) -> None:
        """Write what was decided, as the document that reports and `evalh promote` read, and what it rests on."""
        write_whole(self.path / COMPARISON, _pretty(comparison))
        write_whole(self.path / VERDICT, _pretty(document))


def _pretty(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
