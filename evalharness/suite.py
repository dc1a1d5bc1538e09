"""Suites: from a YAML file and its rows to tasks that can be run and judged.

Everything that can be wrong with a suite is refused here, in one line that names the place, and before a trial runs.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evalharness import registry
from evalharness.errors import ConfigError
from evalharness.model import Suite
from evalharness.policy import with_preset
from evalharness.rows import Row, inline, sourced
from evalharness.shape import Place, shaped
from evalharness.suite_file import SuiteFile, TaskSource
from evalharness.tasks import Tasks, check_inside, ready
from evalharness.yaml_source import read_yaml

PACKAGE = Path(__file__).parent


def bundled() -> dict[str, Path]:
    """List the suites that come with the package, by name."""
    installed = PACKAGE / "suites"
    folder = installed if installed.is_dir() else PACKAGE.parent / "suites"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def suite_path(path: str | Path) -> Path:
    """Find a suite's file: a path, or the name of a bundled suite."""
    if Path(path).is_file():
        return Path(path)
    known = bundled()
    if str(path) in known:
        return known[str(path)]
    if Path(path).is_dir():
        raise ConfigError(f"{path}: is a folder; name the suite's file, such as {Path(path) / 'suite.yaml'}")
    near = registry.suggestion(str(path), list(known)) or f"; the bundled suites are {', '.join(known)}"
    raise ConfigError(f"{path}: no such file, and no bundled suite of this name{near}")


def load_suite(path: str | Path) -> Suite:
    """Load a suite from its file, or a bundled one by its name (`smoke-en`)."""
    file = suite_path(path)
    place = Place(str(file))
    content = read_yaml(file)
    if content is None:
        raise place.fault("is empty; `evalh init` writes a suite to start from")
    _refuse_external(content, place)
    if isinstance(content, dict) and "gate" in content:
        content = {**content, "gate": with_preset(content["gate"], place.at("gate"))}
    said = shaped(content, SuiteFile, place)
    workspace = ready("workspace", said.workspace, place.at("workspace"), file.parent)
    for index, pattern in enumerate(said.artifacts):
        check_inside(pattern, place.at(f"artifacts[{index}]"))
    tasks = Tasks(said, place, file.parent)
    rows = list(_rows(said, content, place, file.parent))
    if not rows:
        raise place.at("tasks").fault("the suite has no tasks; add at least one")
    return Suite(
        name=said.name or file.stem,
        version=str(said.version),
        place=str(file),
        tasks=tuple(tasks.of(rows)),
        trials=said.trials,
        workspace=workspace,
        artifacts=said.artifacts,
        policy=said.gate,
    )


def _refuse_external(content: Any, place: Place) -> None:
    tasks = content.get("tasks") if isinstance(content, dict) else None
    if isinstance(tasks, dict) and tasks.get("use") == "external":
        raise place.at("tasks").fault(
            "external runners are not supported; give the tasks as a list, {file: ...} or {use: 'module:function'}"
        )


def _rows(said: SuiteFile, content: dict[str, Any], place: Place, folder: Path) -> Iterator[Row]:
    if isinstance(said.tasks, TaskSource):
        return sourced(said.tasks, place.at("tasks"), folder)
    return inline(content["tasks"], place.at("tasks"))
