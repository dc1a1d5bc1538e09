"""What a gate compares with: a stored run that is fit to be reused, a version line, or an agent that is run afresh."""

import os
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError, EvalHarnessError
from evalharness.gating.drift import Drift, sampled
from evalharness.ledger import line_names, open_line
from evalharness.ledger.named import is_line, outcomes_of
from evalharness.loading import checkout
from evalharness.loading.definition import fingerprint, load_agent
from evalharness.loading.digests import entries
from evalharness.model import AgentDefinition, RunHeader, Suite
from evalharness.outcomes import Outcomes
from evalharness.runner import Pace, Stop
from evalharness.running.budget import Dearest, Spent
from evalharness.store import RunStore, is_run
from evalharness.suite import load_suite


class Baseline(Struct, frozen=True, kw_only=True):
    """Where the baseline's trials come from: `stored` names what is there, `definition` runs more of it.

    `notes` say what a reader should know of the choice, and `drift` what a fresh sample of a stored one showed.
    """

    stored: str | None = None
    definition: AgentDefinition | None = None
    notes: tuple[str, ...] = ()
    drift: Drift | None = None


def is_stored(name: str) -> bool:
    """Say whether a baseline is something that has been measured, rather than an agent to run."""
    return is_line(name) or (Path(name).exists() and Path(name).suffix not in (".yaml", ".yml"))


def resolve(name: str, suite: Suite, *, max_age_days: float = 7.0, now: datetime | None = None) -> Baseline:
    """Find the baseline: a stored run is reused where it is fit, measured afresh where it is not and can be."""
    if not is_stored(name):
        return Baseline(definition=_agent(name))
    outcomes = outcomes_of(name, suite.name).outcomes
    definition = _rerunnable(outcomes.header)
    reasons = [*unfit(outcomes, suite, max_age_days, now or datetime.now(UTC)), *_selected(outcomes.header.run_id)]
    if not reasons:
        cost = () if definition else (f"{name} cannot be run again: only fresh trials of the candidate can confirm",)
        return Baseline(stored=name, definition=definition, notes=cost)
    said = "; ".join(reasons)
    if definition:
        return Baseline(definition=definition, notes=(f"{name} is not reused ({said}): the baseline is run afresh",))
    return Baseline(stored=name, notes=(f"{name} is used although it is not fit ({said}): it cannot be run again",))


def _agent(name: str) -> AgentDefinition:
    try:
        return load_agent(name)
    except ConfigError as exc:
        if ":" in name or Path(name).exists():
            raise
        raise ConfigError(f"{exc}; a baseline may also be a run directory or line:NAME") from exc


def suite_of(name: str, here: Suite) -> tuple[Suite, tuple[str, ...]]:
    """Take suite and policy from the baseline's revision (`git:REF`), so that a change cannot soften its own gate.

    What differs here is said and not used. A suite that the revision does not have is taken from here.
    """
    if not name.startswith("git:") or not Path(here.place).resolve().is_relative_to(Path.cwd().resolve()):
        return here, ()
    path = os.path.relpath(here.place)
    revision = checkout.resolved(name.removeprefix("git:").partition(":")[0], Path.cwd())
    if checkout.content(revision, path) is None:
        return here, (f"{path} is new: the baseline's revision has no such suite",)
    then = load_suite(checkout.worktree(revision) / path)
    now, was = entries(here), entries(then)
    edited = sum(now.get(task_id) != entry for task_id, entry in was.items())
    notes = []
    if edited or len(now) != len(was):
        notes.append(f"{path} is edited here ({edited} of {len(was)} tasks, now {len(now)}): not used for this gate")
    if here.policy != then.policy:
        notes.append(f"the policy of {path} is edited here: not used for this gate")
    return then, tuple(notes)


def unfit(outcomes: Outcomes, suite: Suite, max_age_days: float, now: datetime) -> list[str]:
    """Say why a stored run should not be reused: parts missing, spread unevenly, too old, or made to confirm."""
    header, reasons = outcomes.header, []
    if header.role == "confirm":
        reasons.append("it confirmed suspects, which were chosen for how they looked")
    absent = [task.id for task in suite.tasks if task.id not in outcomes.tasks.index]
    if absent:
        reasons.append(f"it lacks {len(absent)} of the suite's {len(suite.tasks)} tasks")
    spread = outcomes.tasks["planned"].reindex([task.id for task in suite.tasks]).dropna()
    if spread.nunique() > 1:
        reasons.append(
            f"it has {spread.min():.0f} to {spread.max():.0f} trials per task, and a gate plans with one number"
        )
    if header.options.get("cache"):
        reasons.append("it ran with --cache, so its trials need not be fresh")
    if outcomes.causes.get("not run"):
        reasons.append("it is not complete")
    age = _age(header, now)
    if age is not None and age > timedelta(days=max_age_days):
        reasons.append(f"it is {age.days} days old")
    return reasons


def not_drifted(baseline: Baseline, suite: Suite, *, pace: Pace, stop: Stop) -> Baseline:
    """Try a stored baseline's agent a little; where it no longer answers as it did, it is measured afresh."""
    if baseline.stored is None or baseline.definition is None:
        return baseline
    outcomes = outcomes_of(baseline.stored, suite.name).outcomes
    budget = msgspec.structs.replace(pace.budget, known=dearest_stored(baseline.stored, outcomes))
    sampling = msgspec.structs.replace(pace, budget=budget)
    drift = sampled(outcomes, suite, baseline.definition, pace=sampling, stop=stop)
    said = f"{drift.tasks} fresh trials of the baseline against {baseline.stored}: p = {drift.pvalue:.3f}"
    if drift.shown:
        notes = (*baseline.notes, f"the baseline has drifted ({said}): it is run afresh")
        return Baseline(definition=baseline.definition, notes=notes, drift=drift)
    return msgspec.structs.replace(baseline, notes=(*baseline.notes, f"no drift seen ({said})"), drift=drift)


def dearest_stored(name: str, outcomes: Outcomes) -> Dearest:
    """Return the most that a stored trial is known to have taken."""
    if is_run(Path(name)):
        return Dearest.of(RunStore(Path(name)).lines(Spent))
    cost, tokens = (outcomes.trials[column].max() for column in ("cost_usd", "tokens"))
    return Dearest(cost_usd=None if isnan(cost) else float(cost), tokens=None if isnan(tokens) else int(tokens))


def _selected(run_id: str) -> list[str]:
    """Say that a run stands where it does because of how it came out, so that what comes after would look different.

    One that earned a promotion was chosen for its luck. One that refused a candidate would, if it stayed, refuse the
    next ones by the same luck: identical releases then drift apart from it (docs/gate-statistics.md).
    """
    for name in line_names():
        chain = open_line(name).read()
        if run_id in chain.earned_by:
            return [f"it earned a promotion on the line {name}: measure that version again"]
        if any(run_id == each.baseline_run for link in chain.refused for each in link.entry.evidence):
            return [f"it refused a candidate on the line {name}: measure the baseline again"]
    return []


def _age(header: RunHeader, now: datetime) -> timedelta | None:
    try:
        began = datetime.fromisoformat(header.started_at)
    except ValueError:
        return None
    return now - (began if began.tzinfo else began.replace(tzinfo=UTC))


def _rerunnable(header: RunHeader) -> AgentDefinition | None:
    """Return the agent of a stored run if it is still what it was."""
    definition = header.agent.definition
    try:
        return definition if fingerprint(definition) == header.agent.fingerprint else None
    except (EvalHarnessError, OSError):
        return None
