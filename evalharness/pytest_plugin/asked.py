"""What is asked of a test: how often it is tried, how often it has to pass, and what tells it from another one."""

import ast
import inspect
from dataclasses import dataclass
from hashlib import sha256
from textwrap import dedent

import pytest

OPTIONS = ("trials", "min_pass_rate")
NOT_TAGS = frozenset({"evalh", "parametrize", "skip", "skipif", "xfail", "usefixtures", "filterwarnings"})


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How often a test is tried, and the share of measured trials that it has to pass."""

    trials: int
    min_pass_rate: float


def asked(item: pytest.Item, otherwise: Asked | None) -> Asked | None:
    """Read the markers of a test, the nearest first; `otherwise` stands for what none says. None: leave it alone."""
    marks = list(item.iter_markers("evalh"))
    if not marks:
        return otherwise
    said = {name: value for mark in reversed(marks) for name, value in mark.kwargs.items()}
    unknown = [*(name for name in said if name not in OPTIONS), *(repr(arg) for mark in marks for arg in mark.args)]
    if unknown:
        raise pytest.UsageError(f"{item.nodeid}: marker evalh: unknown {unknown[0]}: use {' and '.join(OPTIONS)}")
    default = otherwise or Asked(trials=1, min_pass_rate=1.0)
    trials, share = said.get("trials", default.trials), said.get("min_pass_rate", default.min_pass_rate)
    if type(trials) is not int or trials < 1:
        raise pytest.UsageError(f"{item.nodeid}: marker evalh: trials={trials!r} must be a whole number from 1")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise pytest.UsageError(f"{item.nodeid}: marker evalh: min_pass_rate={share!r} must be a share from 0 to 1")
    return Asked(trials=trials, min_pass_rate=float(share))


def tags(item: pytest.Item) -> list[str]:
    """Return the team's own markers of a test, as tags of its task."""
    return sorted({mark.name for mark in item.iter_markers()} - NOT_TAGS)


def digest(item: pytest.Item) -> str:
    """Digest the code of a test without its decorators, blank lines and indentation; empty where it has none.

    Thresholds and markers may change and the test is still the same; what it asserts may not.
    """
    function = inspect.unwrap(getattr(item, "function", None) or (lambda: None))
    try:
        source = dedent(inspect.getsource(function))
        first = ast.parse(source).body[0].lineno
    except (OSError, TypeError, SyntaxError, IndexError):
        return ""
    lines = [line.rstrip() for line in source.splitlines()[first - 1 :] if line.strip()]
    return sha256("\n".join(lines).encode()).hexdigest() if hasattr(item, "function") else ""
