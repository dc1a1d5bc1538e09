"""The shape of the package: who may import whom, what a start costs, and how big things may get."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import ROOT, environment, write_agent, write_suite

PACKAGE = ROOT / "evalharness"
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for file in sorted(PACKAGE.rglob("*.py"))
    if "scaffold" not in file.parts
}
ADAPTERS = ("agents", "graders", "workspaces", "executors", "importers", "exporters")
HEAVY = ("litellm", "pandas", "scipy", "statsmodels", "ray", "numpy", "xllamacpp", "pyarrow")
LARGEST_FILE, LONGEST_FUNCTION = 250, 40
GROUPS = ("running", "gating", "auditing", "comparison", "loading")  # what several parts are made of
LAYERS = (  # from below; every part of the package stands in one, and imports from its own and those before it
    ("arithmetic and words", "stats text"),
    ("nouns", "model errors redact comparison.missing comparison.classes cells"),
    (
        "files and plans",
        (
            "loading.yaml_source git journal temporary loading.suite_file running.attribution running.planning "
            "running.shards running.budget running.pace running.backlog running.breaker rules"
        ),
    ),
    ("what model calls share", "running.response_cache litellm_loop"),
    (
        "adapters",
        (
            "workspaces tasksets graders agents executors importers exporters loading.checkout "
            "litellm_client rates running.underway"
        ),
    ),
    ("names, and runs on disk", "registry store run_list parts foreign"),
    ("policies", "loading.extensions loading.shape running.headroom policy gate"),
    (
        "suites and their trials",
        (
            "loading.definition loading.prompts loading.rows loading.tasks loading.trust loading.digests "
            "suite external running.judging running.trial adopt"
        ),
    ),
    ("running", "running.outage running.losses runner runs"),
    (
        "outcome tables",
        (
            "outcomes comparison.onsets comparison.grader_flakes comparison.screening comparison.slices summary "
            "comparison.plan_notes comparison.faults auditing.labels auditing.corrections running.allocation"
        ),
    ),
    ("comparing", ("measures comparison.pairing comparison.concerns comparison.holdout compare lineup")),
    ("deciding", "procedure calibrate"),
    ("versions", ("ledger comparing auditing.reference auditing.audit auditing.doubts gating.baseline gating.drift")),
    ("gating", "gating.store gating.beginning gating.tasks gating.arm gating.arms release gating.verdict"),
    ("work on runs", "merge pruning regrade exporting packs"),
    ("reports", "report evidence pages gates demo"),
    ("what people call", "api pytest_plugin cli __main__"),
)
LAYER = {name: number for number, (_, names) in enumerate(LAYERS) for name in names.split()}


def imported(file: Path) -> set[str]:
    """Return the modules of ours that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{each.name}" for each in node.names}
            found |= {name for name in names if name in MODULES} or {node.module}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return {name for name in found if name.partition(".")[0] == "evalharness"}


IMPORTS = {name: imported(file) for name, file in MODULES.items()}


def part(module: str) -> str:
    """Return the part of the package that a module belongs to; of a group its modules are parts, each in its layer."""
    first, second = [*module.split("."), "", ""][1:3]
    if first in GROUPS:
        return f"{first}.{second}" if second else ""
    return first


def within(*parts: str) -> set[str]:
    """Return the modules of these parts, such as `model` or `agents`."""
    return {name for name in MODULES if part(name) in parts}


def breaches(modules: set[str], forbidden: set[str]) -> list[str]:
    """List the imports that cross a line."""
    return sorted(f"{name} imports {other}" for name in modules for other in IMPORTS[name] & forbidden)


PROTOCOLS = {f"evalharness.{each}" for each in ADAPTERS}
RUNNING = within("runner", "runs", "running.trial", "compare", "gate", "release", "calibrate", "ledger", "procedure")


@pytest.mark.parametrize(
    ("modules", "forbidden"),
    [
        pytest.param(within("stats"), set(MODULES) - within("stats"), id="stats import nothing of ours"),
        pytest.param(
            within("model"),
            set(MODULES) - within("model") - {"evalharness.stats.results"},
            id="model imports only the result types",
        ),
        pytest.param(within("errors"), set(MODULES) - within("model"), id="errors import only nouns"),
        pytest.param(within(*ADAPTERS), within("store", "journal"), id="adapters know no run directory"),
        pytest.param(
            within("adopt", "external"),
            within("runner", "runs", "compare", "gate", "release", "ledger", "procedure", "stats"),
            id="other tools' suites know nothing of runs",
        ),
        pytest.param(
            within(
                "runner",
                "executors",
                "external",
                "running.planning",
                "running.budget",
                "running.pace",
                "running.breaker",
                "running.backlog",
                "running.outage",
                "rates",
            ),
            within("outcomes", "compare", "gate", "stats"),
            id="running knows no statistics",
        ),
        pytest.param(
            within("packs"), RUNNING | within("stats", "outcomes"), id="packs are written, not run and not compared"
        ),
    ],
)
def test_parts_that_have_nothing_to_do_with_each_other_do_not_meet(modules, forbidden):
    assert modules
    assert breaches(modules, forbidden) == []


def test_every_part_stands_in_one_layer():
    named = [name for _, names in LAYERS for name in names.split()]
    assert sorted(named) == sorted({part(module) for module in MODULES} - {""})


def test_modules_import_only_from_their_own_layer_and_those_below():
    above = {name: {other for other in MODULES if part(other) and LAYER[part(other)] > LAYER[name]} for name in LAYER}
    assert [breach for name in LAYER for breach in breaches(within(name), above[name])] == []


def test_adapters_import_each_others_protocols_only():
    """A host hands its function a local workspace, which is no import of another adapter but part of its contract.

    Process trees are no adapter at all.
    """
    allowed = PROTOCOLS | {f"evalharness.workspaces.{each}" for each in ("lifeline", "local", "process", "tree")}
    for family in ADAPTERS:
        others = within(*(each for each in ADAPTERS if each != family)) - allowed
        assert breaches(within(family), others) == []


def test_no_module_imports_itself_by_way_of_others():
    """Cycles between modules, by the imports at the top of their files."""
    top = {
        name: {
            other
            for node in ast.parse(file.read_text(encoding="utf-8")).body
            if isinstance(node, ast.ImportFrom | ast.Import)
            for other in imported_by(node)
        }
        for name, file in MODULES.items()
    }
    seen: dict[str, int] = {}

    def visit(name, path):
        if seen.get(name) == 2:
            return
        assert seen.get(name) != 1, " -> ".join([*path, name])
        seen[name] = 1
        for other in sorted(top.get(name, ())):
            if other != name:
                visit(other, [*path, name])
        seen[name] = 2

    for name in MODULES:
        visit(name, [])


def imported_by(node):
    """Return the modules of ours that one statement imports."""
    if isinstance(node, ast.Import):
        return {each.name for each in node.names if each.name in MODULES}
    found = {f"{node.module}.{each.name}" for each in node.names} & set(MODULES)
    return found or ({node.module} & set(MODULES))


def loaded(folder: Path, *arguments: str) -> set[str]:
    """Return the packages that a command loads in a process of its own."""
    return {name.partition(".")[0] for name in modules_loaded(folder, *arguments)}


def modules_loaded(folder: Path, *arguments: str) -> list[str]:
    """List the modules that a command loads in a process of its own, the interpreter's among them."""
    script = (
        "import sys, atexit, json\n"
        "atexit.register(lambda: open('loaded.json', 'w').write(json.dumps([*sys.modules])))\n"
        "from evalharness.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads((folder / "loaded.json").read_text())
    return found


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        pytest.param(["--help"], {*HEAVY, "rich", "httpx", "yaml", "jinja2"}, id="evalh --help"),
        pytest.param(["run", "--help"], {"litellm", "pandas", "scipy", "statsmodels"}, id="evalh run --help"),
        pytest.param(["power", "--help"], {"litellm"}, id="evalh power --help"),
    ],
)
def test_a_bare_start_loads_no_heavy_package(tmp_path, arguments, absent):
    assert loaded(tmp_path, *arguments) & absent == set()


@pytest.mark.parametrize("isolation", ["none", "host"])
def test_a_run_of_a_function_never_loads_what_other_commands_need(tmp_path, isolation):
    write_suite(tmp_path)
    write_agent(tmp_path, "def answer(task):\n    return 'yes'\n", isolation=isolation)
    found = loaded(tmp_path, "run", "suite.yaml", "-a", "agent.yaml", "-o", "run")
    assert found & {"litellm", "pandas", "scipy", "statsmodels", "numpy"} == set()


def test_comparing_never_loads_a_model_client(tmp_path):
    write_suite(tmp_path)
    write_agent(tmp_path, "def answer(task):\n    return 'yes'\n", isolation="none")
    loaded(tmp_path, "run", "suite.yaml", "-a", "agent.yaml", "-o", "run")
    assert "litellm" not in loaded(tmp_path, "compare", "run", "run")


def test_a_bare_start_loads_few_modules(tmp_path):
    """What a start costs is what it loads; `benchmarks/startup.py` measures the seconds."""
    found = modules_loaded(tmp_path, "--help")
    assert len([name for name in found if name.startswith("evalharness")]) < 25
    assert len(found) < 250


@pytest.mark.parametrize("name", sorted(MODULES))
def test_files_and_functions_stay_readable(name):
    source = MODULES[name].read_text(encoding="utf-8")
    assert source.count("\n") <= LARGEST_FILE, "find the missing noun"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            length = (node.end_lineno or 0) - body[0].lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines beside signature and docstring"


def tracked() -> list[Path]:
    """Return the files that belong to the repository."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_the_repository_names_no_place_of_the_machine_it_was_written_on():
    place = re.compile(rb"(?<![\w.])/(?:work|tmp/tester|home/\w+|Users/\w+|root)/[\w.]+")
    found = [
        f"{file.relative_to(ROOT)}: {match[0].decode()}"
        for file in tracked()
        for match in [place.search(file.read_bytes())]
        if match and file.name != "test_architecture.py"
    ]
    assert found == []
