"""Tasks: what the rows of a suite become."""

import difflib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from evalharness import registry
from evalharness.errors import ConfigError
from evalharness.external.suite import is_external
from evalharness.loading.extensions import E, located
from evalharness.loading.prompts import PromptTemplate
from evalharness.loading.rows import Row
from evalharness.loading.shape import Place, shaped, unknown
from evalharness.loading.suite_file import RowKeys, SuiteFile
from evalharness.model import GraderUse, Limits, Task

ROW_KEYS = (*RowKeys.__struct_fields__, "prompt", "expected")


def ready_graders(graders: tuple[GraderUse, ...], place: Place, folder: Path) -> tuple[GraderUse, ...]:
    """Refuse a grader that cannot be built, and weights that add up to nothing; tell the others their folder."""
    if graders and sum(use.weight for use in graders) == 0:
        raise place.at("graders").fault("the weights add up to 0; give at least one grader a weight")
    return tuple(ready("grader", use, place.at(f"graders[{index}]"), folder) for index, use in enumerate(graders))


def ready(kind: Literal["grader", "workspace"], extension: E, place: Place, folder: Path) -> E:
    """Refuse an extension that cannot be built; tell it its folder if it asks."""
    try:
        found = located(kind, extension, folder)
        registry.build(kind, found)
    except ConfigError as exc:
        raise place.fault(str(exc)) from exc
    return found


def check_inside(path: str, place: Place) -> None:
    """Refuse a path that leads out of the workspace."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or "\0" in path:
        raise place.fault(f"'{path}' must be a path inside the workspace")


class Tasks:
    """Makes the tasks of a suite from its rows."""

    def __init__(self, said: SuiteFile, place: Place, folder: Path) -> None:
        self.said, self.place, self.folder = said, place, folder
        self.external = is_external(said)
        self.template = PromptTemplate(said.prompt, place.at("prompt")) if said.prompt is not None else None
        self.shared = ready_graders(said.graders, place, folder)
        self.limits = msgspec.to_builtins(said.limits)
        self.checked: dict[bytes, tuple[GraderUse, ...]] = {}
        self.files: dict[tuple[str, str], str] = {}

    def of(self, rows: list[Row]) -> Iterator[Task]:
        """Yield the task of every row; ids must be unique."""
        if self.template:
            self.template.check(name for row in rows for name in row.fields)
        places: dict[str, Place] = {}
        for row in rows:
            self.refuse_slips(row)
            task = self.task(row)
            if task.id in places:
                other = places[task.id]
                raise row.place.fault(
                    f"id {task.id!r} is used already at {': '.join(filter(None, (other.file, other.path)))}"
                )
            places[task.id] = row.place
            yield task

    def refuse_slips(self, row: Row) -> None:
        """Refuse a key that was probably meant as one of the harness's own, in tasks that stand in the suite."""
        if not isinstance(self.said.tasks, tuple):
            return
        fields = {*ROW_KEYS, self.said.expected, *(self.template.names if self.template else ())}
        for key in row.fields:
            if key not in fields and difflib.get_close_matches(key, ROW_KEYS, n=1, cutoff=0.82):
                raise row.place.fault(unknown("key", key, ROW_KEYS))

    def task(self, row: Row) -> Task:
        """Make the task of one row."""
        keys = shaped(row.fields, RowKeys, row.place)
        fields = {key: value for key, value in row.fields.items() if key not in RowKeys.__struct_fields__}
        prompt = self.prompt(row)
        return Task(
            id=_id(keys, fields, prompt, row.place),
            prompt=prompt,
            fields=fields,
            expected=self.expected(row),
            tags=_tags(keys.tags, row.place),
            files=self.placed(keys.files or {}, row.place),
            graders=self.graders(keys, row),
            limits=self.limited(keys),
        )

    def prompt(self, row: Row) -> str:
        """Fill in the template, or take the row's own prompt as it is."""
        if self.template:
            return self.template.render(row)
        prompt = row.fields.get("prompt", "" if self.external else None)
        if not isinstance(prompt, str):
            said = "has no 'prompt'" if prompt is None else "its 'prompt' must be text"
            raise row.place.fault(f"{said}; add one, or a template under `prompt` of the suite")
        return prompt

    def expected(self, row: Row) -> Any:
        """Take the expected answer from the field that the suite names."""
        name = self.said.expected
        if name is not None and name not in row.fields:
            near = registry.suggestion(name, list(row.fields))
            raise row.place.fault(f"field '{name}', which `expected` of the suite names, is missing{near}")
        return row.fields.get(name or "expected")

    def graders(self, keys: RowKeys, row: Row) -> tuple[GraderUse, ...]:
        """Take the row's own graders, or the suite's; equal ones are checked once and shared."""
        if keys.graders is None:
            found = self.shared
        else:
            key = msgspec.json.encode(keys.graders)
            if key not in self.checked:
                self.checked[key] = ready_graders(keys.graders, row.place, self.folder)
            found = self.checked[key]
        if not found and not self.external:
            raise row.place.fault("the task has no graders; add `graders` to the task or to the suite")
        return found

    def limited(self, keys: RowKeys) -> Limits:
        """Merge the row's limits into the suite's, field by field."""
        if keys.limits is None:
            return self.said.limits
        return msgspec.convert({**self.limits, **msgspec.to_builtins(keys.limits)}, Limits)

    def placed(self, files: dict[str, str], place: Place) -> dict[str, str]:
        """Find the files to place in the workspace; every one must exist."""
        merged = {**self.said.files, **files}
        return {path: self.source(path, source, place) for path, source in merged.items()}

    def source(self, path: str, source: str, place: Place) -> str:
        """Find one file to place, once for all tasks that name it."""
        if (path, source) not in self.files:
            here = place.at("files")
            check_inside(path, here)
            found = self.folder / source
            if not found.exists():
                raise here.fault(f"'{path}': no such file: {found}")
            self.files[path, source] = str(found.resolve())
        return self.files[path, source]


def _id(keys: RowKeys, fields: dict[str, Any], prompt: str, place: Place) -> str:
    """Take the row's id, or make one from its content, which survives reordering."""
    if keys.id is None:
        return sha256(msgspec.json.encode((prompt, fields), order="sorted")).hexdigest()[:12]
    if keys.id == "":
        raise place.at("id").fault("is empty; leave it out or name the task")
    return str(keys.id)


def _tags(tags: Any, place: Place) -> tuple[str, ...]:
    """Make tags of a list, of text with commas, or of an object (`key:value`); each stands once."""
    if isinstance(tags, str):
        tags = tags.split(",")
    if isinstance(tags, dict):
        tags = [f"{key}:{each}" for key, value in tags.items() for each in _tag_values(key, value, place)]
    return tuple(dict.fromkeys(filter(None, (_tag(each) for each in tags or ()))))


def _tag(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _tag_values(key: str, value: Any, place: Place) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, (dict, list)) for each in values):
        raise place.at(f"tags.{key}").fault("must be text, a number, or a list of these")
    return [_tag(each) for each in values if each is not None]
