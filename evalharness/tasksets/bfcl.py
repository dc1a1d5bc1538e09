"""BFCL: one call of a function, with the right arguments (Berkeley Function Calling Leaderboard)."""

import json
from pathlib import Path
from typing import Any

from evalharness.errors import ConfigError
from evalharness.tasksets.source import Fields, located, packaged, records, sampled, value

INSTALL = "pip install --no-deps bfcl-eval"
ORIGIN = (
    f"name a file of the leaderboard with its folder possible_answer beside it, or run `{INSTALL}` and name no path"
)
CATEGORIES = ("simple_python", "multiple", "live_simple", "live_multiple")
OPENAPI = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
MANY = 4  # functions with more parameters are one slice


def load(
    category: str = "simple_python", path: str | None = None, limit: int | None = None, seed: int = 0, *, folder: Path
) -> list[Fields]:
    """Load a category: fields `question`, `functions`, `described` (the functions as text) and `possible`.

    Tagged by the number of parameters, by their types, and by whether one may be left out. The data comes from the
    package `bfcl-eval`, or from a file.
    """
    if category not in CATEGORIES:
        raise ConfigError(f"BFCL: category '{category}' is not one of {', '.join(CATEGORIES)}")
    if path is None:
        file = packaged("bfcl_eval", what="BFCL", install=INSTALL) / "data" / f"BFCL_v4_{category}.json"
    else:
        file = located(path, folder, what="BFCL", origin=ORIGIN)
    answers = _answers(file)
    rows = [_row(each, answers, f"{file}:{number}") for number, each in enumerate(records(file), 1)]
    return sampled(rows, limit, seed)


def _answers(file: Path) -> dict[str, Any]:
    """Read the possible answers, which the leaderboard keeps beside the questions."""
    beside = file.parent / "possible_answer" / file.name
    return {each["id"]: each["ground_truth"] for each in records(beside)} if beside.is_file() else {}


def _row(given: Fields, answers: dict[str, Any], place: str) -> Fields:
    functions = value(given, ("function", "functions"), place)
    possible = given.get("target") or given.get("ground_truth") or answers.get(str(given.get("id")))
    if not possible:
        raise ConfigError(f"{place}: has no possible answers; the folder possible_answer belongs beside the questions")
    turns = value(given, ("question", "input"), place)
    if len(turns) != 1 or len(possible) != 1:
        raise ConfigError(f"{place}: has several turns or calls; one of each is what can be judged")
    return {
        "id": given["id"],
        "question": "\n\n".join(str(message["content"]) for message in turns[0]),
        "functions": functions,
        "described": json.dumps(functions, indent=1, ensure_ascii=False),
        "possible": possible,
        "tags": _tags(functions, possible),
    }


def _tags(functions: list[Fields], possible: list[dict[str, Any]]) -> Fields:
    ((name, arguments),) = possible[0].items()
    described = next((each for each in functions if each["name"] == name), functions[0])
    kinds = {said.get("type") for said in described["parameters"].get("properties", {}).values()}
    optional = any("" in values for values in arguments.values())
    return {
        "parameters": str(len(arguments)) if len(arguments) < MANY else f"{MANY}+",
        "optional": "yes" if optional else "no",
        "type": sorted(kinds & {"array", "tuple", "dict", "boolean", "float"}),
    }


def openai_tools(functions: list[Fields]) -> list[Fields]:
    """Write the functions as providers take them under `tools`: standard types, and names without dots."""
    return [
        {
            "type": "function",
            "function": {
                "name": each["name"].replace(".", "_"),
                "description": each.get("description", ""),
                "parameters": _standard(each["parameters"]),
            },
        }
        for each in functions
    ]


def _standard(said: Any) -> Any:
    """Put the standard's names of types wherever a schema says one."""
    if isinstance(said, list):
        return [_standard(each) for each in said]
    if not isinstance(said, dict):
        return said
    found = {key: _standard(each) for key, each in said.items()}
    if isinstance(said.get("type"), str):
        found["type"] = OPENAPI.get(said["type"], said["type"])
    return found
