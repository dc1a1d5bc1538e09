"""Suites: from a YAML file and its rows to tasks that can be run and judged.

Everything that can be wrong with a suite is refused here, in one line that names the place, and before a trial runs.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evalharness import registry
from evalharness.errors import ConfigError
from evalharness.external.ids import rows as listed
from evalharness.external.suite import check_plain, check_tasks, external_of, is_external
from evalharness.loading.rows import Row, inline, sourced
from evalharness.loading.shape import Place, shaped
from evalharness.loading.suite_file import SuiteFile, TaskSource
from evalharness.loading.tasks import Tasks, check_inside, ready
from evalharness.loading.trust import check_trust
from evalharness.loading.yaml_source import read_yaml
from evalharness.model import External, Suite
from evalharness.policy import checked, with_preset

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
    if isinstance(content, dict) and "gate" in content:
        content = {**content, "gate": with_preset(content["gate"], place.at("gate"))}
    said = shaped(content, SuiteFile, place)
    external = _external(said, content, place)
    workspace = ready("workspace", said.workspace, place.at("workspace"), file.parent)
    for index, pattern in enumerate(said.artifacts):
        check_inside(pattern, place.at(f"artifacts[{index}]"))
    tasks = Tasks(said, place, file.parent)
    rows = list(_rows(said, content, place, external))
    if not rows:
        raise place.at("tasks").fault("the suite has no tasks; add at least one")
    known = tuple(tasks.of(rows))
    check_trust(known, workspace, place)
    if external:
        check_tasks(external, [task.id for task in known], place)
    return Suite(
        name=said.name or file.stem,
        version=str(said.version),
        place=str(file),
        tasks=known,
        trials=said.trials,
        workspace=workspace,
        artifacts=said.artifacts,
        policy=said.gate and checked(said.gate, file),
        external=external,
    )


def _external(said: SuiteFile, content: dict[str, Any], place: Place) -> External | None:
    if not isinstance(said.tasks, TaskSource):
        return None
    if is_external(said):
        return external_of(said.tasks, content, place)
    check_plain(said.tasks, place)
    return None


def _rows(said: SuiteFile, content: dict[str, Any], place: Place, external: External | None) -> Iterable[Row]:
    folder = Path(place.file).parent
    if isinstance(said.tasks, TaskSource):
        here = place.at("tasks")
        return listed(said.tasks, external, here, folder) if external else sourced(said.tasks, here, folder)
    return inline(content["tasks"], place.at("tasks"))
