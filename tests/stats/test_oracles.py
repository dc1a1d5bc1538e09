"""Every given reference value, asked of the library; a case that nobody answers fails."""

import json
import math
import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MODULES = [Path(__file__).with_name(f"oracle_cases{part}.py") for part in ("", "_planning")]
COMPLETE = all(module.is_file() for module in MODULES)
DISPATCH: dict[str, Callable[[dict[str, Any]], Any]] = {
    key: ask for module in MODULES if module.is_file() for key, ask in runpy.run_path(str(module))["CASES"].items()
}


def cases() -> list[Any]:
    file = Path(os.environ.get("EVALH_SHARED", "")) / "oracles" / "statistics.json"
    if not file.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(reason="EVALH_SHARED names no reference data"))]
    return [pytest.param(case, id=case["name"]) for case in json.loads(file.read_text())]


def answer_of(case: dict[str, Any]) -> Callable[[dict[str, Any]], Any] | None:
    names = sorted((key for key in DISPATCH if case["name"].startswith(key)), key=len)
    return DISPATCH[names[-1]] if names else DISPATCH.get(case["topic"])


def agree(actual: Any, expected: Any, tolerance: float) -> bool:
    if isinstance(expected, dict):
        if set(expected) == {"undefined"} or not isinstance(actual, dict):
            return bool(actual == expected)
        return all(
            actual[key] < value if key.endswith("_lt") else agree(actual[key], value, tolerance)
            for key, value in expected.items()
        )
    if isinstance(expected, list):
        return len(actual) == len(expected) and all(
            agree(one, other, tolerance) for one, other in zip(actual, expected, strict=True)
        )
    if isinstance(expected, bool | str) or expected is None:
        return bool(actual == expected)
    return math.isclose(actual, expected, rel_tol=0, abs_tol=tolerance)


@pytest.mark.parametrize("case", cases())
def test_reference_value(case: dict[str, Any]) -> None:
    ask = answer_of(case)
    if ask is None and not COMPLETE:
        pytest.skip("the other half of the cases is not here yet")
    assert ask is not None, f"nobody answers {case['name']} ({case['topic']})"
    assert agree(ask(case), case["expected"], case["tolerance"])
