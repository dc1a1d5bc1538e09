"""What a command left behind: the records of its log by task, whatever tool wrote it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.external.command import of_agent
from evalharness.foreign import Source, load
from evalharness.foreign import told as with_transcripts
from evalharness.importers import Importer
from evalharness.importers.harbor import CUT_SHORT
from evalharness.importers.source import reading
from evalharness.model import Extension, External, Outcome, Record, Transcript
from evalharness.registry import build

PYTEST = "pytest"
HARBOR = "harbor"

# Tests that gave no verdict ran in the container that the agent left: where we ask for the run, breaking it is no way
# out of being counted. The tools' own means count these as 0, too.
UNJUDGED = {
    HARBOR: {"VerifierTimeoutError", "RewardFileNotFoundError", "RewardFileEmptyError", "VerifierOutputParseError"},
    "terminal_bench": {"parse_error", "test_timeout"},
}


class Told(Struct, frozen=True):
    """What the tool says of one trial."""

    record: Record
    transcript: Transcript | None


def importer_of(external: External) -> Importer:
    """Return what reads the logs of a suite's tool; pytest writes JUnit's XML."""
    name = "junit" if external.reads == PYTEST else external.reads
    options: dict[str, Any] = {} if external.pass_at is None else {"pass_at": external.pass_at}
    return build("importer", Extension(use=name, options=options | ({"asked": True} if name == HARBOR else {})))


def sources(path: Path, external: External, run: str | None) -> list[Source]:
    """Find the runs in a log, or in the logs of a folder."""
    importer = importer_of(external)
    return [
        Source(log, external.reads, importer, name)
        for log in _logs(path, importer)
        for name in importer.runs(log)
        if run in (None, name)
    ]


def _logs(path: Path, importer: Importer) -> Iterator[Path]:
    """Yield what the importer knows: a folder whole, such as that of a job, or else what lies in it."""
    if importer.sniff(path):
        yield path
    elif path.is_dir():
        for each in sorted(path.iterdir()):
            if not each.is_symlink():
                yield from _logs(each, importer)


def told(out: Path, external: External, options: Mapping[str, Any]) -> dict[str, list[Told]]:
    """Read what was left in a folder: for each task its trials, in the tool's order.

    Two runs that tell of one task are refused, as nobody said which counts.
    """
    run = None if external.run is None else of_agent(external.run, options)
    found: dict[str, list[Told]] = {}
    for source in sources(out, external, run):
        own: dict[str, list[Told]] = {}
        for each in _told(source):
            own.setdefault(each.record.task_id, []).append(each)
        if twice := sorted(found.keys() & own.keys()):
            raise ConfigError(f"several runs tell of task '{twice[0]}': name one with `run`, such as '{source.run}'")
        found |= own
    return found


def _told(source: Source) -> list[Told]:
    with reading(source.path):
        found = [
            Told(_counted(record, source.kind), transcript)
            for record, transcript in with_transcripts(source, load(source).records)
        ]
    found = [each for each in found if source.kind != HARBOR or each.record.cause != CUT_SHORT]  # still owed
    return sorted(found, key=lambda each: each.record.trial)


def _counted(record: Record, kind: str) -> Record:
    """Take a trial that its tests gave no verdict on as a fail, with the tool's word for it."""
    if record.outcome is not Outcome.ERROR or record.cause not in UNJUDGED.get(kind, ()):
        return record
    return msgspec.structs.replace(record, outcome=Outcome.FAIL, score=0.0)


def name_in_log(task_id: str, external: External) -> str:
    """Say what the log calls a task: JUnit's XML has `tests.test_a.test_b` for pytest's `tests/test_a.py::test_b`."""
    if external.reads != PYTEST or "::" not in task_id:
        return task_id
    address, bracket, parameters = task_id.partition("[")
    file, *names = address.split("::")
    return ".".join([file.removesuffix(".py").replace("/", "."), *names]) + bracket + parameters
