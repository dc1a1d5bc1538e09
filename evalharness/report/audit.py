"""An audit of a grader on a terminal: what a pass is worth in one sentence, then the numbers, then where to look."""

import math
from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from evalharness.model.audit import Doubt, GraderAudit, TaskErrors, Utility
from evalharness.report import numbers
from evalharness.report.console import plain, printed
from evalharness.stats.results import Estimate

LISTED = 15
LISTED_TASKS = 5
TOO_WIDE = 0.3


def render(audit: GraderAudit, *, width: int = 80, colour: bool = False) -> str:
    """Write the audit for a terminal of this width."""
    blocks: list[RenderableType] = [
        plain(sentence(audit)),
        *(plain(fact) for fact in _basis(audit)),
        Text(""),
        _confusion(audit),
        Text(""),
        _rates(audit),
        *_tries(audit),
        Text(""),
        *(plain(_useful(each)) for each in audit.utility),
        *(plain(f"note: {note}") for note in audit.notes),
        *_by_model(audit),
        *_tasks(audit.tasks_with_errors),
        *_doubts(audit.doubts),
    ]
    return printed(blocks, width=width, colour=colour)


def sentence(audit: GraderAudit) -> str:
    """Say in one sentence what a pass is worth; too few answers give a range and no number."""
    precision, tally = audit.errors.precision, audit.errors.tally
    passes = tally.true_pass + tally.false_pass
    if precision.value is None or precision.low is None or precision.high is None:
        return "no answer that passes was audited: what a pass is worth is unknown"
    low, high = math.floor(100 * precision.low), math.ceil(100 * precision.high)
    if precision.high - precision.low > TOO_WIDE:
        few = f"the {passes} audited passes are" if passes > 1 else "one audited pass is"
        return f"of 100 answers that pass, between {low} and {high} are right: {few} too few to say more"
    about = round(100 * precision.value)
    if 0 < precision.value < 1:
        about = min(99, max(1, about))
    return f"of 100 answers that pass, about {about} are right ({low} to {high})"


def _basis(audit: GraderAudit) -> list[str]:
    covers = "all of them" if audit.audited == audit.answers else f"{audit.audited} of them"
    judged = f"{audit.run}, {audit.grader}: {_count(audit.answers, 'answer')} to {_count(audit.tasks, 'task')}"
    facts = [f"{judged}; {audit.reference} judges {covers} ({_count(audit.audited_tasks, 'task')})"]
    if audit.unjudged:
        facts.append(f"{audit.unjudged} more trials hold no answer that was graded; they are not in these numbers")
    return facts


def _confusion(audit: GraderAudit) -> Table:
    tally = audit.errors.tally
    table = Table(box=None, pad_edge=False)
    for name in ("audited answers", "right", "wrong"):
        table.add_column(name, justify="left" if name.startswith("a") else "right")
    table.add_row("passed", str(tally.true_pass), str(tally.false_pass))
    table.add_row("failed", str(tally.false_fail), str(tally.true_fail))
    return table


def _rates(audit: GraderAudit) -> Table:
    errors, tally = audit.errors, audit.errors.tally
    right, wrong = tally.true_pass + tally.false_fail, tally.true_fail + tally.false_pass
    passed, failed = tally.true_pass + tally.false_pass, tally.true_fail + tally.false_fail
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, estimate, n in (
        ("right among passed", errors.precision, f"95 %, {_count(passed, 'answer')}"),
        ("right among failed", errors.missed, f"95 %, {_count(failed, 'answer')}"),
        ("false passes, of the wrong", errors.false_pass_rate, f"95 %, {_count(wrong, 'answer')}"),
        ("false fails, of the right", errors.false_fail_rate, f"95 %, {_count(right, 'answer')}"),
        ("agreement", errors.agreement, f"95 %, {_count(audit.audited, 'answer')}"),
        ("pass rate as graded", audit.pass_rate, f"95 %, {_count(audit.answers, 'answer')}"),
        ("pass rate corrected", audit.corrected, _how(audit.corrected, audit)),
        ("  solved from the errors", audit.corrected_by_errors, "95 %, Lang-Reiczigel"),
        ("ceiling of trying again", audit.ceiling, f"95 %, {_count(audit.ceiling.n, 'task')}"),
    ):
        if estimate is not None:
            table.add_row(name, plain(numbers.rate(estimate)), Text(n))
    for name, beyond in (
        ("Cohen's kappa", audit.agreement.kappa),
        (f"alpha of {audit.agreement.raters} raters", audit.agreement.alpha),
    ):
        if beyond is not None:
            table.add_row(name, plain(_index(beyond)), Text(f"95 %, {_count(beyond.n, 'answer')}"))
    return table


def _how(estimate: Estimate, audit: GraderAudit) -> str:
    if audit.complete:
        return "95 %, as the reference says"
    return f"95 %, {_count(audit.audited, 'label')}, {estimate.note}" if estimate.value is not None else "95 %"


def _count(number: int, of: str) -> str:
    return f"{number} {of}" if number == 1 else f"{number} {of}s"


def _index(estimate: Estimate) -> str:
    if estimate.value is None:
        return f"undefined ({estimate.note})"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f} (no interval: the answers hardly vary)"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _tries(audit: GraderAudit) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False)
    for name in ("", "as graded", "corrected (95 %)"):
        table.add_column(name, overflow="fold")
    for each in audit.tries:
        if each.k > 1:
            table.add_row(f"pass@{each.k}", plain(numbers.rate(each.graded_at)), plain(numbers.rate(each.corrected_at)))
            table.add_row(
                f"pass^{each.k}", plain(numbers.rate(each.graded_hat)), plain(numbers.rate(each.corrected_hat))
            )
    return [Text(""), table] if table.row_count else []


def _useful(each: Utility) -> str:
    cost = f"if a wrong answer costs {each.cost_ratio:g} right one{'' if each.cost_ratio == 1 else 's'}"
    if each.best is None:
        return f"{cost}: how many tries pay is unknown ({each.note})"
    said = f"{each.best} {'try pays' if each.best == 1 else 'tries pay'} best" if each.best else "no try pays"
    span = "" if each.low is None else f" ({each.low} to {each.high})"
    reward = f", worth {max(each.rewards):.3f} per task" if each.best else ""
    return f"{cost}, {said}{span}{reward}{f'; {each.note}' if each.note else ''}"


def _by_model(audit: GraderAudit) -> list[RenderableType]:
    if not audit.by_model:
        return []
    table = Table(box=None, pad_edge=False)
    for name in ("model", "right among passed", "false pass rate"):
        table.add_column(name, overflow="fold")
    for model, errors in audit.by_model.items():
        table.add_row(plain(model), plain(numbers.rate(errors.precision)), plain(numbers.rate(errors.false_pass_rate)))
    return [Text(""), table]


def _tasks(tasks: Sequence[TaskErrors]) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False)
    for name in ("tasks graded wrongly", "audited", "false pass", "false fail"):
        table.add_column(name, overflow="fold", justify="left" if name.startswith("tasks") else "right")
    for each in tasks[:LISTED_TASKS]:
        table.add_row(plain(each.task_id[:60]), str(each.audited), str(each.false_pass), str(each.false_fail))
    more = [Text(f"{len(tasks) - LISTED_TASKS} more with --json")] if len(tasks) > LISTED_TASKS else []
    return [Text(""), table, *more] if tasks else []


def _doubts(doubts: Sequence[Doubt]) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False)
    for name in ("look at", "trial", ""):
        table.add_column(name, overflow="fold")
    for each in doubts[:LISTED]:
        table.add_row(plain(each.task_id[:60]), str(each.trial), plain(each.said))
    more = [Text(f"{len(doubts) - LISTED} more with --json")] if len(doubts) > LISTED else []
    return [Text(""), table, *more] if doubts else []
