"""promptfoo's configuration: prompts and providers become agents, tests and variables tasks, assertions graders."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from evalharness.adopt.adopted import Adopted, NoCounterpart
from evalharness.adopt.promptfoo_asserts import MODULE as CHECKS
from evalharness.adopt.promptfoo_asserts import Asserting
from evalharness.adopt.promptfoo_files import loaded, located, read_config
from evalharness.adopt.promptfoo_prompts import Prompt, prompts
from evalharness.adopt.promptfoo_providers import MODULE as AGENTS
from evalharness.adopt.promptfoo_providers import Provider, agent, providers
from evalharness.adopt.promptfoo_tests import rows, tests
from evalharness.adopt.templates import Template, missing
from evalharness.errors import ConfigError

TRIALS = 3
READ = frozenset({"description", "prompts", "providers", "targets", "tests", "defaultTest", "evaluateOptions"})
NOT_VARIABLES = ("id", "graders", "limits", "tags", "expected")
HARMLESS = frozenset(
    {"outputPath", "sharing", "tags", "metadata", "$schema", "writeLatestResults", "commandLineOptions"}
)


def adopted(path: Path, out: Path) -> Adopted:
    """Read a configuration as a suite whose files are to lie in `out`."""
    config, folder = read_config(path), path.parent
    found = Adopted(name=str(config.get("description") or path.parent.resolve().name)[:100])
    for key in sorted(config.keys() - READ - HARMLESS - {"assertionTemplates"}):
        found.lose(key, "is not taken over")
    _tasks(config, folder, out, found)
    asked = prompts(config.get("prompts"), folder, found)
    _agents(config, folder, out, asked, found)
    if not found.rows:
        raise ConfigError(f"{path}: no test could be taken over{_first(found)}")
    found.rows = _with_prompts(found.rows, asked)
    found.suite = {
        "version": 1,
        "trials": _trials(config),
        "tasks": {"file": "tasks.jsonl"},
        "gate": {"stance": "guard"},
    }
    scaffold = files("evalharness.adopt") / "scaffold"
    for name in (f"{AGENTS}.py", f"{CHECKS}.py"):
        if name in found.modules:
            found.modules[name] = (scaffold / name).read_text(encoding="utf-8") + "\n\n" + found.modules[name]
    return found


def _first(found: Adopted) -> str:
    return f" ({found.lost[0]})" if found.lost else ""


def _trials(config: dict[str, Any]) -> int:
    options = config.get("evaluateOptions")
    repeat = options.get("repeat") if isinstance(options, dict) else None
    return repeat if isinstance(repeat, int) and repeat > 1 else TRIALS


def _tasks(config: dict[str, Any], folder: Path, out: Path, found: Adopted) -> None:
    default = config.get("defaultTest") or {}
    if isinstance(default, str):
        try:
            default = loaded(located(default, folder))
        except NoCounterpart as exc:
            raise ConfigError(f"defaultTest: {exc}") from exc
    if not isinstance(default, dict):
        raise ConfigError("defaultTest: is no object")
    templates = config.get("assertionTemplates") or {}
    around = Asserting(found, folder, out, {}, None)
    seen: set[str] = set()
    for place, test in tests(config.get("tests"), folder, found):
        for row in rows(place, _resolved(test, templates), _resolved(default, templates), around):
            if row["id"] in seen:
                row["id"] = f"{row['id']} ({place})"
            seen.add(row["id"])
            found.rows.append(row)


def _resolved(test: dict[str, Any], templates: Any) -> dict[str, Any]:
    """Put in the assertions that `$ref` names."""
    said = test.get("assert")
    if not isinstance(said, list):
        return {**test, "assert": []} if said is not None else test
    known = templates if isinstance(templates, dict) else {}

    def looked_up(each: Any) -> Any:
        name = str(each.get("$ref", "")).rpartition("/")[2] if isinstance(each, dict) else ""
        return known.get(name, each) if name else each

    return {**test, "assert": [looked_up(each) for each in said]}


def _agents(config: dict[str, Any], folder: Path, out: Path, asked: list[Prompt], found: Adopted) -> None:
    """Make an agent of every provider with every prompt that it is for."""
    known = providers(config.get("providers", config.get("targets")), folder, found)
    for provider in known:
        for prompt in asked:
            if provider.prompts and prompt.label not in provider.prompts:
                continue
            name = _name(provider, prompt, alone=len(asked) == 1)
            made = agent(provider, prompt, folder=folder, out=out, adopted=found)
            if made is not None:
                name = name if name not in found.agents else f"{name} {len(found.agents) + 1}"
                found.agents[name] = {"name": name, **made}


def _name(provider: Provider, prompt: Prompt, *, alone: bool) -> str:
    return provider.label if alone else f"{provider.label} {prompt.label}"


def _with_prompts(rows: list[dict[str, Any]], asked: list[Prompt]) -> list[dict[str, Any]]:
    """Give every row every variable, and a prompt for agents without a template: as the first prompt puts it.

    A variable may hold the right answer, so none is shown that no prompt shows.
    """
    names = sorted({name for prompt in asked for name in prompt.names})
    variables = dict.fromkeys((name for row in rows for name in row if name not in NOT_VARIABLES), "")
    whole = [{"id": row["id"], "prompt": "", **variables, **row, **missing(names, row)} for row in rows]
    if not asked:
        return [{**row, "prompt": str(row["id"])} for row in whole]
    first = Template(asked[0].template)
    return [{**row, "prompt": _rendered(first, row)} for row in whole]


def _rendered(template: Template, row: dict[str, Any]) -> str:
    try:
        return template.render(row)
    except NoCounterpart:
        return str(row["id"])
