"""harbor: a job's folder with a folder per trial, or the result of a single trial.

A reward is a verdict unless something else than the agent ended the trial: harbor grades trials that a provider's fault
cut short as well. Its own table says which exceptions those are; one that it does not know is no verdict either, as
harbor has it. A job that ended early says nothing of trials that it had not judged. Each pair of agent and model is a
run. Trials are numbered in the order in which they began.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from evalharness.importers.endings import Ending, of_score, short, unmeasured
from evalharness.importers.harbor_files import Job, Trial
from evalharness.importers.harbor_story import last_words, story
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.numbering import occurrences
from evalharness.importers.source import document
from evalharness.importers.times import seconds_between
from evalharness.model import Outcome, Record, RunHeader, Transcript, TrialKey

RESULT = "result.json"
TOLERANCE = 1e-6
EXHAUSTED = {
    *("AgentTimeoutError", "ContextWindowExceededError", "OutputTokenExceededError"),
    *("ContextLengthExceededError", "OutputLengthExceededError"),
}
REFUSED = {"AgentSafetyRefusalError", "ContentPolicyViolationError"}
CUT_SHORT = "CancelledError"  # harbor's word for trials that were under way when their job was stopped


@dataclass(frozen=True)
class Told:
    """A trial, and the folder that its result lies in."""

    trial: Trial
    folder: Path


@dataclass(frozen=True)
class HarborImporter:
    """A job's folder or its result, or a trial's; with `asked`, tasks have the names that harbor can be asked for."""

    pass_at: float | None = None
    asked: bool = False

    def sniff(self, path: Path) -> bool:
        """Look for a job's counts, or for trials with an agent and a verifier."""
        if path.is_dir():
            return any(_is_trial(each) for each in _trial_files(path)) or _is_job(path / RESULT)
        return _is_job(path) or _is_trial(path)

    def runs(self, path: Path) -> list[str]:
        """Name a run per agent and model."""
        return list(dict.fromkeys(each.trial.run for each in _told(path)))

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the trials of one agent."""
        everything = _told(path)
        told = [each for each in everything if each.trial.run == run]
        trials = [each.trial for each in told]
        counts = Counter(map(self._name, trials))
        job = _job(path)
        missing = (job.n_total_trials or 0) - len(everything)
        known = Known(
            suite=next((each.source for each in trials if each.source), None) or path.name,
            agent=run,
            version=(trials[0].agent_info.version if trials else None) or "",
            tasks=dict.fromkeys(counts, ()),
            trials=min(counts.values(), default=1),
            started_at=job.started_at or "",
            tool="harbor",
            faults=[f"{missing} of {job.n_total_trials} trials of the job have no result"] * (missing > 0)
            + _contradicted(job, trials),
        )
        return header(path, run, known), self._records(path, told, job)

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:
        """Read what the agents did, where they wrote it down, or else what they printed."""
        told = [each for each in _told(path) if each.trial.run == run]
        for each, number in self._numbered(told):
            if found := story(each.folder):
                yield TrialKey(task_id=self._name(each.trial), trial=number), found

    def _name(self, trial: Trial) -> str:
        return trial.asked_name if self.asked else trial.task_name

    def _numbered(self, told: list[Told]) -> Iterator[tuple[Told, int]]:
        return zip(told, occurrences(self._name(each.trial) for each in told), strict=True)

    def _records(self, path: Path, told: list[Told], job: Job) -> Iterator[Record]:
        for each, number in self._numbered(told):
            trial, judged = each.trial, self._ending(path, each.trial, job)
            said = trial.exceptions[0].exception_message if trial.exceptions else ""
            yield Record(
                task_id=self._name(trial),
                trial=number,
                outcome=judged.outcome,
                score=judged.score,
                cause=judged.cause,
                detail=said[:2000] or (last_words(each.folder) if judged.outcome is Outcome.FAIL else ""),
                usage=structs.replace(trial.used, seconds=seconds_between(trial.started_at, trial.finished_at)),
                started_at=trial.started_at,
                model=trial.model,
            )

    def _ending(self, path: Path, trial: Trial, job: Job) -> Ending:
        """Judge by the reward called so, or by the only one, where the agent itself ended the trial."""
        types = [each.exception_type for each in trial.exceptions]
        foreign = next((each for each in types if each not in EXHAUSTED | REFUSED), None)
        if foreign is not None:
            return unmeasured(foreign)
        rewards = (trial.verifier_result.rewards if trial.verifier_result else None) or {}
        reward = rewards.get("reward", next(iter(rewards.values())) if len(rewards) == 1 else None)
        if isinstance(reward, int | float):
            judged = of_score(float(reward), pass_at=self.pass_at, place=f"{path}: {short(trial.trial_name)}")
            return _limited(judged, types) if judged.outcome is Outcome.FAIL else judged
        if not rewards and job.ended_early:
            return unmeasured(CUT_SHORT)
        if EXHAUSTED.intersection(types):
            return _limited(Ending(Outcome.FAIL, 0.0), types)
        return unmeasured("several rewards" if rewards else types[0] if types else "no reward")


def _contradicted(job: Job, trials: list[Trial]) -> list[str]:
    """Say where the job's summary has another reward for a trial than the trial itself."""
    own = {each.trial_name: (each.verifier_result and each.verifier_result.rewards) or {} for each in trials}
    odd = {
        trial
        for group in job.stats.evals.values()
        for reward, values in group.reward_stats.items()
        for value, names in values.items()
        for trial in names
        if trial in own and not _is_number(own[trial].get(reward), value)
    }
    return [f"the job's summary has another reward for {len(odd)} trials (first: {short(min(odd))})"] if odd else []


def _is_number(reward: Any, said: str) -> bool:
    try:
        return isinstance(reward, int | float) and abs(float(said) - reward) <= TOLERANCE
    except ValueError:
        return False


def _limited(judged: Ending, types: list[str]) -> Ending:
    """Say which limit the agent ran into, where it did."""
    limit = next((each for each in types if each in EXHAUSTED), None)
    return Ending(judged.outcome, judged.score, f"limit:{limit}" if limit else judged.cause)


def _is_job(path: Path) -> bool:
    return path.is_file() and look(path).form == "object" and look(path).has("n_total_trials", "stats")


def _is_trial(path: Path) -> bool:
    seen = look(path)
    return seen.form == "object" and seen.has("task_name", "trial_name", "agent_info")


def _trial_files(path: Path) -> list[Path]:
    return sorted(path.glob(f"*/{RESULT}"))


def _job(path: Path) -> Job:
    file = path / RESULT if path.is_dir() else path
    return document(file, Job) if _is_job(file) else Job()


def _told(path: Path) -> list[Told]:
    """Read the trials' own results; a job's result stands in where there are none beside it."""
    if path.is_file() and _is_trial(path):
        return [Told(document(path, Trial), path.parent)]
    folder = path if path.is_dir() else path.parent
    found = [Told(document(each, Trial), each.parent) for each in _trial_files(folder) if _is_trial(each)]
    found = found or [Told(each, folder / "gone") for each in _job(path).trial_results]
    return sorted(found, key=lambda each: (each.trial.task_name, each.trial.started_at or "", each.trial.trial_name))
