"""Markdown for a pull request or a terminal pager: decision, why, numbers, flips; it fits a comment on GitHub."""

from collections.abc import Iterable, Sequence

from evalharness.model import Check, Comparison, Decision, Side, TaskClass, TaskPair, Verdict
from evalharness.report import inert, numbers

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
SENTENCE = 600
ROOM = 60_000
"""Bytes of a report: GitHub takes comments of 65,536 characters, and whoever posts one adds a few of their own."""

CUT = "\n\nThe rest does not fit here; it is in the HTML and JSON reports.\n"


def escape(text: str) -> str:
    """Write foreign text so that Markdown and HTML take it for nothing but text."""
    return inert.markdown(text, longest=SENTENCE)


def render(comparison: Comparison, verdict: Verdict) -> str:
    """Write the report; where it would be too long, lists of tasks are cut, and then whole parts at the end."""
    why = inert.markdown(numbers.why(verdict), longest=2 * SENTENCE)
    blocks = [
        f"> [!{ALERTS[verdict.decision]}]\n> **{numbers.headline(comparison, verdict)}**\n> {why}",
        *([f"To settle it: {escape(verdict.settled_by)}."] if verdict.settled_by else []),
        _numbers(comparison),
        _facts(comparison),
        _checks(verdict.checks),
        f"{escape(numbers.budget(verdict))}.",
        _provenance(comparison),
    ]
    room = ROOM - _size("\n\n".join(blocks)) - _size(CUT)
    lists: list[str] = []
    for state, title in LISTS.items():
        found = _tasks(title, comparison.of(state), room)
        room -= _size(found) + 2
        lists.append(found)
    return _fitting([*blocks[:-1], *lists, blocks[-1]])


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _fitting(blocks: Iterable[str]) -> str:
    """Put blocks together as long as they fit; what is decided comes first and always does."""
    text = ""
    for block in filter(None, blocks):
        if _size(text) + _size(block) + 2 > ROOM - _size(CUT):
            return text + CUT
        text += f"\n\n{block}" if text else block
    return f"{text}\n"


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
            f"{numbers.pvalue(comparison.significance.pvalue)}, one-sided worse",
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
        [[inert.code(check.rule), check.decision.value, escape(check.because)] for check in checks],
    )


def _tasks(title: str, tasks: Sequence[TaskPair], room: int) -> str:
    """List tasks, the most telling first, as far as there is room; nothing where there is none of them."""
    if not tasks:
        return ""
    head = f"<details><summary>{title}: {len(tasks)}</summary>\n\n"
    room -= _size(head) + 200  # the table's head, and what stands below it
    rows: list[list[str]] = []
    for task in sorted(tasks, key=lambda task: task.pvalue)[:LISTED]:
        row = [inert.code(task.task_id), escape(numbers.evidence(task))]
        room -= _size("".join(row)) + 10
        if room < 0:
            break
        rows.append(row)
    table = f"{_table(['task', 'evidence (p: Fisher, one-sided)'], rows)}\n\n" if rows else ""
    left = len(tasks) - len(rows)
    return f"{head}{table}{f'{left} more are in the HTML and JSON reports.' if left else ''}\n\n</details>"


def _provenance(comparison: Comparison) -> str:
    rows = [
        [word, inert.code(side.place, longest=200), _agent(side), inert.code(side.fingerprint[:12])]
        for word, side in (("baseline", comparison.baseline), ("candidate", comparison.candidate))
    ]
    table = _table(["", "run", "agent", "fingerprint"], rows)
    return f"<details><summary>Provenance</summary>\n\n{table}\n\n</details>"


def _agent(side: Side) -> str:
    return inert.code(f"{side.agent} {side.version}".strip(), longest=200)
