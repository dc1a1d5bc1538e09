"""Markdown for a pull request or a terminal pager: decision, why, numbers, flips."""

import re
from collections.abc import Iterable, Sequence

from evalharness.model import Check, Comparison, Decision, Side, TaskClass, TaskPair, Verdict
from evalharness.report import numbers

LISTS = {
    TaskClass.CONFIRMED_BROKEN: "Confirmed broken",
    TaskClass.SUSPECTED_BROKEN: "Suspected of having broken",
    TaskClass.CLEARED: "Cleared",
    TaskClass.FLAKE_ONSET: "Always passed, now sometimes",
    TaskClass.GRADER_FLAKE: "Same output, other grade",
    TaskClass.CONFIRMED_FIXED: "Confirmed fixed",
    TaskClass.SUSPECTED_FIXED: "Suspected of being fixed",
}
ALERTS = {Decision.PROMOTE: "TIP", Decision.BLOCK: "CAUTION", Decision.INCONCLUSIVE: "WARNING"}
LISTED = 50
ID_LENGTH = 80
SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#!|~@&])")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def escape(text: str) -> str:
    """Write foreign text so that Markdown and HTML take it for nothing but text."""
    return (
        SPECIAL.sub(r"\\\1", CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)).replace("&", "&amp;").replace("<", "&lt;")
    )


def render(comparison: Comparison, verdict: Verdict) -> str:
    """Write the report."""
    decision = f"> **{numbers.headline(comparison, verdict)}**\n> {escape(numbers.why(verdict))}"
    blocks = [
        f"> [!{ALERTS[verdict.decision]}]\n{decision}",
        *([f"To settle it: {escape(verdict.settled_by)}."] if verdict.settled_by else []),
        _numbers(comparison),
        _facts(comparison),
        _checks(verdict.checks),
        f"{escape(numbers.budget(verdict))}.",
        *(_tasks(title, comparison.of(state)) for state, title in LISTS.items()),
        _provenance(comparison),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _numbers(comparison: Comparison) -> str:
    delta = comparison.delta
    rows = [
        [f"pass rate {_n(comparison.baseline)}", numbers.rate(comparison.baseline.pass_rate), "baseline, 95 %"],
        [f"pass rate {_n(comparison.candidate)}", numbers.rate(comparison.candidate.pass_rate), "candidate, 95 %"],
        *(
            [f"change, {estimand} (n = {estimate.n} tasks)", numbers.change(estimate), f"90 %, {estimate.method}"]
            for estimand, estimate in delta.items()
        ),
        [
            "any change at all",
            f"p = {comparison.significance.pvalue:.3f}, one-sided worse",
            comparison.significance.method,
        ],
    ]
    return _table(["", "measured", "method"], rows)


def _n(side: Side) -> str:
    return f"(n = {side.tasks} tasks, {side.trials} trials)"


def _facts(comparison: Comparison) -> str:
    facts = [
        f"flips: {numbers.flips(comparison)}",
        f"unmeasured: {numbers.both(comparison, numbers.unmeasured)}",
        numbers.missing(comparison),
        f"cost: {numbers.both(comparison, numbers.money)}",
        f"left out: {numbers.left_out(comparison)}" if numbers.left_out(comparison) else "",
        f"tasks: {numbers.classes(comparison)}",
        *(numbers.measured(found) for found in comparison.measures.values()),
        numbers.slices(comparison.slices),
        *numbers.notices(comparison),
    ]
    return "\n".join(f"- {escape(fact)}" for fact in facts if fact)


def _checks(checks: Sequence[Check]) -> str:
    return _table(
        ["check", "decision", "because"],
        [[f"`{check.rule}`", check.decision.value, escape(check.because)] for check in checks],
    )


def _tasks(title: str, tasks: Sequence[TaskPair]) -> str:
    if not tasks:
        return ""
    listed = sorted(tasks, key=lambda task: task.pvalue)[:LISTED]
    rows = [[escape(task.task_id[:ID_LENGTH]), escape(numbers.evidence(task))] for task in listed]
    more = f"\n\n{len(tasks) - LISTED} more are in the JSON report." if len(tasks) > LISTED else ""
    table = _table(["task", "evidence (p: Fisher, one-sided)"], rows)
    return f"<details><summary>{title}: {len(tasks)}</summary>\n\n{table}{more}\n\n</details>"


def _provenance(comparison: Comparison) -> str:
    rows = [
        [word, escape(side.place), escape(f"{side.agent} {side.version}".strip()), f"`{side.fingerprint[:12]}`"]
        for word, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate))
    ]
    table = _table(["", "run", "agent", "fingerprint"], rows)
    return f"<details><summary>Provenance</summary>\n\n{table}\n\n</details>"
