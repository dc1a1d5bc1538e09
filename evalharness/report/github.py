"""What GitHub shows of a gate: annotations, a comment that is edited in place, and a check run; only text, no network.

Whatever a model or a task's author wrote passes through `inert`, so it can neither mention anybody, fake the hidden
marker of the comment, nor speak to the runner as a workflow command.
"""

import re
from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct, structs

from evalharness.model import Comparison, Decision, TaskClass, TaskPair, Verdict
from evalharness.report import inert, markdown, numbers

MOST_ANNOTATIONS = 10  # of a kind, per step; GitHub drops the rest
NOT_GATED = "not gated"
FAILED = "failed"


class Told(Struct, frozen=True, kw_only=True):
    """What came of a gate in a CI job: its decision, or why there is none.

    `decision` is promote, block, inconclusive, `not gated` or `failed`; `exit_code` is what the job ends with.
    """

    suite: str
    candidate: str
    baseline: str
    commit: str
    decision: str
    exit_code: int
    because: str
    body: str = ""
    link: str = ""
    before: str = ""

    @property
    def key(self) -> str:
        """Name the gate among those of one pull request."""
        return sha256(f"{self.suite}\0{self.candidate}".encode()).hexdigest()[:12]


def judged(comparison: Comparison, verdict: Verdict, told: Told) -> Told:
    """Put a verdict in place of what is told."""
    return structs.replace(
        told,
        decision=verdict.decision.value,
        exit_code=verdict.exit_code,
        because=f"{numbers.headline(comparison, verdict)}; {numbers.why(verdict)}",
        body=markdown.render(comparison, verdict),
    )


def marker(told: Told) -> str:
    """Begin the hidden first line by which the comment of this gate is found again."""
    return f"<!-- evalh-gate {told.key} "


def decision_of(body: str) -> str:
    """Read what a comment of ours decided."""
    found = re.match(r"<!-- evalh-gate [0-9a-f]{12} ([a-z]+(?: [a-z]+)?) -->", body)
    return found[1] if found else ""


def comment(told: Told) -> str:
    """Write the comment; the report in it leaves room for the rest."""
    return f"{marker(told)}{told.decision} -->\n{summary(told)}"


def summary(told: Told) -> str:
    """Write the page that says what was gated, what came of it and where the rest is."""
    title = f"### evalh: {inert.code(told.suite)}, {inert.code(told.candidate)} against {inert.code(told.baseline)}"
    body = told.body or f"> [!WARNING]\n> **{told.decision}**: {inert.markdown(told.because)}\n"
    changed = told.before not in ("", told.decision)
    was = [f"The last time this was **{inert.markdown(told.before)}**."] if changed else []
    more = f"[Run and artifacts]({told.link})" if told.link else "Runs and reports are in the job's artifacts"
    end = f"{more}; commit {inert.code(told.commit[:12])}"
    return "\n\n".join([title, *was, body, end]) + "\n"


def annotations(told: Told, comparison: Comparison | None) -> list[str]:
    """Write the workflow commands: the decision, then the tasks that broke, the gravest first."""
    grave = "error" if told.exit_code else "warning"
    level = {Decision.PROMOTE.value: "notice", Decision.INCONCLUSIVE.value: "warning" if told.exit_code else "notice"}
    lines = [command(level.get(told.decision, grave), f"evalh {told.decision}", told.because)]
    if comparison is None:
        return lines
    broken, suspected = comparison.of(TaskClass.CONFIRMED_BROKEN), comparison.of(TaskClass.SUSPECTED_BROKEN)
    return [
        *lines,
        *_named(broken, grave, "confirmed broken"),
        *_named(suspected, "warning", "suspected broken"),
    ]


def command(level: str, title: str, message: str) -> str:
    """Write one workflow command; line ends and control characters of foreign text stay inside it."""
    safe_title = _escaped(inert.line(title, longest=200)).replace(":", "%3A").replace(",", "%2C")
    return f"::{level} title={safe_title}::{_escaped(inert.line(message))}"


def check_run(told: Told, sha: str) -> dict[str, object]:
    """Describe the check run; what is no decision for or against is neutral."""
    conclusion = "neutral"
    if told.decision == Decision.PROMOTE:
        conclusion = "success"
    elif told.exit_code:
        conclusion = "failure"
    return {
        "name": f"evalh: {inert.line(told.suite, longest=80)}",
        "head_sha": sha,
        "status": "completed",
        "conclusion": conclusion,
        "output": {
            "title": inert.line(told.because, longest=200),
            "summary": summary(told),
        },
    }


def _named(tasks: Sequence[TaskPair], level: str, title: str) -> list[str]:
    first = sorted(tasks, key=lambda task: task.pvalue)[: MOST_ANNOTATIONS - 1]
    return [
        command(level, title, f"{inert.line(task.task_id, longest=200)}: {numbers.evidence(task)}") for task in first
    ]


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
