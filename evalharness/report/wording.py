"""What the words of a report mean: a label, a meaning and a tone for every class of tasks."""

from evalharness.model import Decision, TaskClass

CLASSES = {
    TaskClass.CONFIRMED_BROKEN: ("confirmed broken", "fresh trials of both arms show that it got worse"),
    TaskClass.SUSPECTED_BROKEN: ("suspected broken", "it looks worse; no fresh trials have settled it"),
    TaskClass.FLAKE_ONSET: ("flake onset", "it always passed and now passes sometimes"),
    TaskClass.CLEARED: ("cleared", "it was suspected; fresh trials exclude a drop that matters"),
    TaskClass.GRADER_FLAKE: ("grader flake", "the same output was graded differently"),
    TaskClass.CONFIRMED_FIXED: ("confirmed fixed", "fresh trials of both arms show that it got better"),
    TaskClass.SUSPECTED_FIXED: ("suspected fixed", "it looks better; no fresh trials have settled it"),
    TaskClass.UNMEASURED: ("unmeasured", "an arm has no measured trial of it"),
    TaskClass.FLAKY: ("flaky", "it passes sometimes, in both arms alike"),
    TaskClass.UNDETERMINED: ("undetermined", "too few trials to say"),
    TaskClass.STABLE_FAIL: ("stable fail", "it always fails"),
    TaskClass.STABLE_PASS: ("stable pass", "it always passes"),
    TaskClass.MISSING: ("missing", "only one arm has it"),
    TaskClass.CHANGED: ("changed", "it asks, judges or allows something else now"),
}
"""Label and meaning of every class, the ones to look at first."""

ORDER = {state: place for place, state in enumerate(CLASSES)}
BAD = frozenset({TaskClass.CONFIRMED_BROKEN, TaskClass.SUSPECTED_BROKEN, TaskClass.FLAKE_ONSET})
GOOD = frozenset({TaskClass.CONFIRMED_FIXED, TaskClass.SUSPECTED_FIXED})

SIGNS = {Decision.PROMOTE: "\N{CHECK MARK}", Decision.BLOCK: "\N{MULTIPLICATION X}", Decision.INCONCLUSIVE: "?"}
"""A sign per decision, so that colour alone never says it."""


def duration(seconds: float | None) -> str:
    """Write a time with three digits, in milliseconds below a second."""
    if seconds is None:
        return "unknown"
    value, unit = (1000 * seconds, "ms") if seconds < 0.9995 else (seconds, "s")
    return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
