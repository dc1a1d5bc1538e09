"""Pages of their own: one run, and several candidates, with what their runs still hold."""

import shlex
from pathlib import Path

from evalharness.compare import side
from evalharness.evidence import MOST_TASKS, arm_evidence, run_at, shown
from evalharness.model import Lineup
from evalharness.outcomes import Outcomes
from evalharness.redact import Redactor
from evalharness.report import cleaned, html_run, html_several
from evalharness.report.evidence import FAIL, PASS, ArmEvidence, ArmsEvidence, Evidence
from evalharness.report.wording import ORDER
from evalharness.store import RunStore, is_run


def run_page(run: Outcomes) -> str:
    """Write the page of one run."""
    tags = {task_id: entry.tags for task_id, entry in run.header.tasks.items()}
    return html_run.render(side(run), cleaned(run_evidence(run), Redactor.from_environment()), tags)


def several_page(lineup: Lineup) -> str:
    """Write the page of several candidates."""
    return html_several.render(lineup, cleaned(several_evidence(lineup), Redactor.from_environment()))


def several_evidence(lineup: Lineup) -> ArmsEvidence:
    """Gather what the runs of several candidates still hold."""
    comparisons = [each.comparison for each in lineup.contenders]
    places = [comparisons[0].baseline.place, *(each.candidate.place for each in comparisons)]
    runs = [run_at(place) for place in places]
    changed = {
        task.task_id: task for each in reversed(comparisons) for task in each.tasks if task.flip or task.suspected
    }
    first = sorted(changed.values(), key=lambda task: (ORDER[task.state], task.pvalue))[:MOST_TASKS]
    told = [
        shown(RunStore(Path(place)) if run and is_run(Path(place)) else None, {each.task_id: not arm for each in first})
        for arm, (place, run) in enumerate(zip(places, runs, strict=True))
    ]
    return ArmsEvidence(
        arms=tuple(arm_evidence(run) if run else ArmEvidence() for run in runs),
        transcripts={
            each.task_id: sides for each in first if any(sides := tuple(arm.get(each.task_id) for arm in told))
        },
        commands=(f"evalh compare {shlex.join(places)}",),
    )


def run_evidence(run: Outcomes) -> Evidence:
    """Gather what stands behind one run alone: a failed trial of every task that has one."""
    evidence = arm_evidence(run)
    failing = sorted(
        (task_id for task_id, trials in evidence.trials.items() if FAIL in trials.marks),
        key=lambda task_id: PASS not in evidence.trials[task_id].marks,
    )
    path = Path(run.place)
    told = shown(RunStore(path) if is_run(path) else None, dict.fromkeys(failing[:MOST_TASKS], False))
    return Evidence(
        candidate=evidence,
        transcripts={task_id: (told[task_id],) for task_id in failing if task_id in told},
        commands=(f"evalh show {shlex.quote(run.place)}",),
    )
