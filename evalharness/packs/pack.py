"""Packs: loaded from a file, found by name, and made into a suite that can be run."""

from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError
from evalharness.exporters.lines import line
from evalharness.loading.rows import Row
from evalharness.loading.shape import Place, shaped
from evalharness.loading.suite_file import SuiteFile, TaskSource
from evalharness.loading.tasks import Tasks
from evalharness.loading.yaml_source import read_yaml
from evalharness.model import GraderUse, Suite
from evalharness.packs.checking import Checked, breaking, check
from evalharness.packs.item import KNOWN, Item
from evalharness.suite import bundled, load_suite, suite_path


class Pack(Struct, frozen=True, kw_only=True):
    """Questions with short answers; `place` is the file they came from."""

    name: str
    place: str
    items: tuple[Item, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        """List the languages, the most frequent first."""
        return tuple(lang for lang, _ in Counter(item.lang for item in self.items).most_common())

    @property
    def digest(self) -> str:
        """Digest the items in their order: the same for a JSON list and for JSON lines."""
        return sha256("\n".join(_canonical(item.fields) for item in self.items).encode()).hexdigest()


def _canonical(fields: dict[str, Any]) -> str:
    return line(dict(sorted(fields.items())))


def load_pack(path: Path) -> Pack:
    """Load a pack whose items can be used: of the right shape, with unique ids and hashes of either recipe."""
    return usable(path, check(path, strict=False))


def usable(path: Path, checked: Checked) -> Pack:
    """Make a pack of checked rows; the first violation that makes it unusable is a ConfigError."""
    if wrong := breaking(checked.violations):
        raise ConfigError(f"{Place(wrong.place).fault(wrong.said)}; `evalh packs check` names all that is wrong")
    items = (msgspec.convert({**row.value, "fields": row.value}, Item) for row in checked.rows)
    return Pack(name=path.name.partition(".")[0], place=str(path), items=tuple(items))


def is_pack(path: Path) -> bool:
    """Say by its name whether a file is meant as a pack."""
    return path.suffix in (".json", ".jsonl")


def pack_path(source: str) -> Path:
    """Find the pack that is meant: its file, or the one that a suite (a file or a bundled name) reads."""
    if is_pack(Path(source)):
        return Path(source)
    suite = suite_path(source)
    place = Place(str(suite))
    said = shaped(read_yaml(suite), SuiteFile, place)
    if not isinstance(said.tasks, TaskSource) or said.tasks.file is None:
        raise place.at("tasks").fault("reads no pack; a pack is a .jsonl or .json file, named by `tasks: {file: ...}`")
    return suite.parent / said.tasks.file


def bundled_packs() -> dict[str, Path]:
    """List the packs that come with the package, by the name of their suite."""
    return {name: path.with_suffix(".jsonl") for name, path in bundled().items() if name.startswith("smoke-")}


def demanding(source: str, path: Path) -> bool:
    """Say whether a pack promised more than its schema: it comes with the package, or was generated."""
    return source in bundled_packs() or path in bundled_packs().values() or provenance_file(path).exists()


def provenance_file(pack: Path) -> Path:
    """Name the file beside a generated pack that says how each item came to be."""
    return pack.with_suffix(".provenance.jsonl")


def as_suite(pack: Pack) -> Suite:
    """Make a suite of a pack: the question is the prompt, the label is expected, and spelling is judged mildly."""
    english = pack.languages == ("en",)
    graders = (GraderUse(use="exact_match", options={} if english else {"normalisation": "script"}),)
    place = Place(pack.place)
    said = SuiteFile(
        tasks=TaskSource(file=Path(pack.place).name), prompt="{{ text }}", expected="label", graders=graders
    )
    # Only what a pack may say: a key `graders` or `files` in foreign data must not run or read anything.
    known = ({name: item.fields[name] for name in KNOWN if name in item.fields} for item in pack.items)
    rows = [Row(place.at(f"[{index}]"), fields) for index, fields in enumerate(known)]
    tasks = Tasks(said, place, Path(pack.place).parent)
    return Suite(name=pack.name, version="", place=pack.place, tasks=tuple(tasks.of(rows)))


def suite_of(source: str) -> Suite:
    """Load what SOURCE names as a suite: a pack's file, a suite's file, or a bundled suite."""
    path = Path(source)
    return as_suite(load_pack(path)) if is_pack(path) and not path.is_dir() else load_suite(source)
