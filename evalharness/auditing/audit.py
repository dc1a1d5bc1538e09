"""How far can a run's grader be trusted? Its grades beside a reference, and the run's numbers corrected for them."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from evalharness.auditing.corrections import COMPLETE, Counted, corrected, corrected_by_errors, tries, utility
from evalharness.auditing.doubts import doubts, tasks_with_errors
from evalharness.auditing.reference import Key, Reference
from evalharness.errors import ConfigError, NotComparable
from evalharness.model.audit import Agreement, ErrorRates, GraderAudit, Tally
from evalharness.outcomes import GradedLine, Outcomes
from evalharness.registry import suggestion
from evalharness.stats.agreement import cohen_kappa, krippendorff_alpha
from evalharness.stats.estimate import pass_rate
from evalharness.stats.graders import confusion
from evalharness.stats.inference_scaling import ceiling
from evalharness.stats.labelled import design_effect, pooled_rate
from evalharness.stats.results import Estimate
from evalharness.stats.tables import fisher

ALL_GRADERS = "all graders together"
NOT_RANDOM = 0.001
NO_DRAW = "the labels are no random draw"


def audit(  # noqa: PLR0913 - two arms and four options
    run: Outcomes,
    reference: Reference,
    *,
    rng: np.random.Generator,
    grader: str | None = None,
    ks: Sequence[int] | None = None,
    cost_ratios: Sequence[float] = (1.0, 4.0),
    empty: Collection[Key] = (),
) -> GraderAudit:
    """Audit one grader of a run, or all of them together; `empty` are trials that answered nothing.

    Labels must be of answers picked at random: where the grader passed clearly more or fewer of the labelled answers
    than of the rest, what depends on it is refused.
    """
    answers = graded(run, grader)
    right = pd.Series([reference.right.get(key) for key in _keys(answers)], index=answers.index, dtype=object)
    audited = answers[right.notna()].assign(right=right.dropna().astype(bool))
    if audited.empty:
        raise NotComparable(f"{run.place} and {reference.place} share no answer that both judged")
    complete = len(audited) >= COMPLETE * len(answers)
    biased = "" if complete else _not_random(answers, audited)
    refused = NO_DRAW if biased else ""
    counted = Counted.of(audited if complete else answers, audited)
    measured = int(run.tasks["measured"].sum())
    return GraderAudit(
        run=run.place,
        reference=reference.place,
        grader=grader or ALL_GRADERS,
        answers=len(answers),
        tasks=answers["task_id"].nunique(),
        audited=len(audited),
        audited_tasks=audited["task_id"].nunique(),
        unjudged=measured - len(answers),
        complete=complete,
        errors=error_rates(audited),
        by_model=_by_model(audited),
        agreement=_agreement(audited, reference, rng),
        pass_rate=pass_rate(counted.passed, counted.answers),
        corrected=corrected(counted, refused=refused, complete=complete),
        corrected_by_errors=None if complete else corrected_by_errors(counted, refused=refused),
        tries=tries(counted, ks, rng=rng, refused=refused, complete=complete),
        ceiling=_known(ceiling(counted.seen, counted.right_seen)),
        utility=tuple(
            utility(counted, ratio, rng=rng, refused=refused, complete=complete) for ratio in dict.fromkeys(cost_ratios)
        ),
        doubts=doubts(answers, audited, empty),
        tasks_with_errors=tasks_with_errors(audited),
        notes=_notes(reference, audited, biased),
    )


def graded(run: Outcomes, grader: str | None) -> pd.DataFrame:
    """Give the answers that were judged: task_id, trial, passed, output_digest, model.

    Trials that ended in an error, or failed without an answer, were not judged.
    """
    trials = run.trials
    if grader is None:
        judged = trials[(trials["outcome"] != "error") & trials["cause"].isna()]
        passed = judged["outcome"] == "pass"
    else:
        verdicts = _verdicts(run, grader)
        said = pd.Series([verdicts.get(key) for key in _keys(trials)], index=trials.index, dtype=object)
        judged, passed = trials[said.notna()], said.dropna().astype(bool)
    if judged.empty:
        raise NotComparable(f"{run.place} holds no answer that a grader judged")
    return judged[["task_id", "trial", "output_digest", "model"]].assign(passed=passed)


def error_rates(audited: pd.DataFrame) -> ErrorRates:
    """Measure how often the grader errs, the task being the unit."""

    def rate(hits: pd.Series, among: pd.Series) -> Estimate:
        by_task = pd.DataFrame({"hit": hits & among, "among": among}).groupby(audited["task_id"]).sum()
        found = pooled_rate(by_task["hit"].to_numpy(), by_task["among"].to_numpy())
        return found if found.value is not None else replace(found, note="no such answer was audited")

    passed, right = audited["passed"], audited["right"]
    table = confusion(passed.tolist(), right.tolist())
    return ErrorRates(
        tally=Tally(
            true_pass=table.true_pass,
            false_pass=table.false_pass,
            true_fail=table.true_fail,
            false_fail=table.false_fail,
        ),
        precision=rate(right, passed),
        missed=rate(right, ~passed),
        false_pass_rate=rate(passed, ~right),
        false_fail_rate=rate(~passed, right),
        agreement=rate(passed == right, passed == passed),  # noqa: PLR0124 - all of them
    )


def _by_model(audited: pd.DataFrame) -> dict[str, ErrorRates]:
    """Split by the model that answered, where there were several: a grader errs more on some than on others."""
    models = sorted(audited["model"].dropna().unique())
    return {name: error_rates(audited[audited["model"] == name]) for name in models} if len(models) > 1 else {}


def _agreement(audited: pd.DataFrame, reference: Reference, rng: np.random.Generator) -> Agreement:
    """Measure agreement beyond chance; kappa's interval is widened where answers share tasks."""
    equal = (audited["passed"] == audited["right"]).groupby(audited["task_id"])
    wider = design_effect(equal.sum().to_numpy(), equal.size().to_numpy()) ** 0.5
    table = confusion(audited["passed"].tolist(), audited["right"].tolist())
    kappa = cohen_kappa([[table.true_pass, table.false_pass], [table.false_fail, table.true_fail]]).kappa
    alpha = krippendorff_alpha(reference.ratings, rng=rng) if reference.ratings else None
    return Agreement(kappa=_widened(kappa, wider), alpha=alpha, raters=max(1, len(reference.ratings)))


def _known(estimate: Estimate) -> Estimate:
    """Take the value from an estimate that has no interval: it would look certain."""
    return estimate if estimate.low is not None else replace(estimate, value=None)


def _widened(kappa: Estimate, times: float) -> Estimate:
    if kappa.value is None or kappa.low is None or kappa.high is None:
        return kappa
    low, high = (kappa.value + times * (each - kappa.value) for each in (kappa.low, kappa.high))
    return replace(kappa, low=max(-1.0, low), high=min(1.0, high))


def _verdicts(run: Outcomes, grader: str) -> dict[Key, bool]:
    """Say what one grader said of each trial; the last measured attempt stands."""
    known: set[str] = set()
    verdicts: dict[Key, bool | None] = {}
    for line in run.reread(GradedLine) if run.reread else ():
        known.update(grade.grader for grade in line.grades)
        said = [grade.passed for grade in line.grades if grade.grader == grader]
        if line.outcome != "error":
            verdicts[line.task_id, line.trial] = all(said) if said else None
    if grader not in known:
        listed = f"it has {', '.join(sorted(known))}" if known else "it keeps no grades of single graders"
        raise ConfigError(f"{run.place}: no grader '{grader}'{suggestion(grader, sorted(known))}: {listed}")
    return {key: said for key, said in verdicts.items() if said is not None}


def _keys(trials: pd.DataFrame) -> list[Key]:
    return list(zip(trials["task_id"].tolist(), trials["trial"].tolist(), strict=True))


def _not_random(answers: pd.DataFrame, audited: pd.DataFrame) -> str:
    """Say that labelled answers are no random draw, where the grader passed clearly more or fewer of them."""
    rest = answers.drop(audited.index)
    counts = int(rest["passed"].sum()), len(rest), int(audited["passed"].sum()), len(audited)
    if fisher(*counts, alternative="two-sided") > NOT_RANDOM:
        return ""
    return (
        f"{NO_DRAW}: the grader passed {counts[2]} of {counts[3]} labelled answers and {counts[0]} "
        f"of the {counts[1]} others"
    )


def _notes(reference: Reference, audited: pd.DataFrame, biased: str) -> tuple[str, ...]:
    unused = len(reference.right) - len(audited)
    repeated = len(audited) > audited["task_id"].nunique()
    wrong, right = int((~audited["right"]).sum()), int(audited["right"].sum())
    notes = [
        f"{biased}; false pass and false fail rates are off as well" if biased else "",
        f"the reference passes all {right} answers: how often wrong ones pass is unknown" if not wrong else "",
        f"the reference fails all {wrong} answers: how often right ones fail is unknown" if not right else "",
        f"{unused} judgements of the reference are of trials without an answer that was graded" if unused > 0 else "",
        "answers of one task count together: intervals are for tasks like these" if repeated else "",
    ]
    return (*reference.notes, *(note for note in notes if note))
