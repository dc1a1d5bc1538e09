"""every_eval_ever: JSON lines of instances, or the aggregate that names such a file.

A model on an evaluation is a run; where instances belong to several results of it, each result is one. The schema has
no number of a repetition: the order of a sample's lines is taken, unless their metadata name a `trial`, `epoch` or
`repeat`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from evalharness.importers.endings import Ending, unmeasured
from evalharness.importers.every_eval_ever_files import Aggregate, Instance, Tokens
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.messages import transcript
from evalharness.importers.numbering import from_one, occurrences
from evalharness.importers.source import document, fault, lines, text
from evalharness.model import Outcome, Record, RunHeader, Transcript, TrialKey, Usage

TOLERANCE = 1e-3  # converters round
NUMBERED = ("trial", "epoch", "repeat")


@dataclass(frozen=True)
class EveryEvalEverImporter:
    """Instances, or the aggregate beside them."""

    def sniff(self, path: Path) -> bool:
        """Look for instances of an evaluation, or for an aggregate."""
        seen = look(path)
        if seen.form in ("lines", "object") and seen.has("evaluation_id", "sample_id", "evaluation"):
            return True
        return seen.form == "object" and seen.has("evaluation_id", "evaluation_results")

    def runs(self, path: Path) -> list[str]:
        """Name a run per model and evaluation."""
        return list(_results(path))

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the instances of one run."""
        found = _of(path, run)
        aggregate = _aggregate(path)
        told = aggregate.detailed_evaluation_results
        rows = told.total_rows if told else None
        held = sum(1 for _ in lines(_instances(path), Instance))
        known = Known(
            suite=found[0].evaluation_name if found else run,
            agent=found[0].model_id if found else run,
            tasks={each.sample_id: each.tags for each in found},
            trials=min(_counts(found), default=1),
            tool="every_eval_ever",
            faults=[f"it counts {rows} rows, and holds {held}"] * (rows not in (None, held))
            + _doubts(found)
            + _contradicted(aggregate, found),
        )
        return header(path, run, known), _records(found)

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:
        """Yield what was said."""
        found = _of(path, run)
        for each, trial in zip(found, _trials(found), strict=True):
            final = each.output.final if each.output else None
            if final is not None or each.messages:
                yield TrialKey(task_id=each.sample_id, trial=trial), transcript(each.messages or [], final=final)


def _results(path: Path) -> dict[str, tuple[str, str | None]]:
    """Name the runs, and say which result of which evaluation each is; None where there is no choice."""
    of: dict[str, dict[str, None]] = {}
    for each in lines(_instances(path), Instance):
        named = of.setdefault(each.run, {})
        if each.evaluation_result_id is not None:
            named[each.evaluation_result_id] = None
    return {
        name: (run, result)
        for run, results in of.items()
        for name, result in ([(run, None)] if len(results) < 2 else [(f"{run}#{each}", each) for each in results])
    }


def _of(path: Path, run: str) -> list[Instance]:
    """Return the instances of a run; those without a result, which are errors, belong to every one."""
    evaluation, result = _results(path)[run]
    return [
        each
        for each in lines(_instances(path), Instance)
        if each.run == evaluation
        and (None in (result, each.evaluation_result_id) or each.evaluation_result_id == result)
    ]


def _counts(found: list[Instance]) -> list[int]:
    """Count the trials of each sample, those once that are told of twice."""
    trials = {(each.sample_id, trial) for each, trial in zip(found, _trials(found), strict=True)}
    return list(Counter(sample_id for sample_id, _ in trials).values())


def _doubts(found: list[Instance]) -> list[str]:
    """Say where a verdict and its score do not go together; converters write an average of trials as a score."""
    told = [each.evaluation for each in found if not each.error]
    odd = sum(each.is_correct is not None and each.score not in (None, float(each.is_correct)) for each in told)
    return [f"{odd} of {len(found)} instances have a score that is not their verdict's (1 or 0)"] if odd else []


def _contradicted(aggregate: Aggregate, found: list[Instance]) -> list[str]:
    """Compare the score of a whole evaluation with its instances, where it has one and that is a share."""
    told = [each.score_details.score for each in aggregate.evaluation_results if not each.metric_config.lower_is_better]
    judged = [each for each in found if not each.error]
    ids = [each.sample_id for each in judged]
    known = [
        *_means(ids, [each.evaluation.score for each in judged]),
        *_means(ids, [each.evaluation.is_correct for each in judged]),
    ]
    if len(aggregate.evaluation_results) != 1 or not told or told[0] is None or not 0 <= told[0] <= 1 or not known:
        return []
    if any(not 0 <= each <= 1 or abs(told[0] - each) <= TOLERANCE for each in known):
        return []
    return [f"its score is {told[0]:g}, but its instances give {known[0]:g}"]


def _means(ids: Sequence[str], values: Sequence[float | None]) -> list[float]:
    """Return the mean of all values, and that of the samples' means; nothing where an instance has no value."""
    known = [float(each) for each in values if each is not None]
    if not known or len(known) < len(values):
        return []
    of: defaultdict[str, list[float]] = defaultdict(list)
    for sample_id, value in zip(ids, known, strict=True):
        of[sample_id].append(value)
    return [fmean(known), fmean(fmean(own) for own in of.values())]


def _aggregate(path: Path) -> Aggregate:
    return Aggregate() if look(path).has("sample_id") else document(path, Aggregate)


def _instances(path: Path) -> Path:
    """Find the file of instances: the aggregate may only name one in its own folder."""
    if look(path).has("sample_id"):
        return path
    told = _aggregate(path).detailed_evaluation_results
    beside = path.with_name(Path(told.file_path).name) if told and told.file_path else None
    if beside is None or not beside.is_file():
        raise fault(path, "is an aggregate without its file of instances: name that file, or put it beside this one")
    return beside


def _trials(found: list[Instance]) -> list[int]:
    for name in NUMBERED:
        said = [text((each.metadata or {}).get(name)) for each in found]
        if said and all(each.isdecimal() and len(each) < 7 for each in said):
            return from_one([int(each) for each in said])
    return occurrences(each.sample_id for each in found)


def _records(found: list[Instance]) -> Iterator[Record]:
    for each, trial in zip(found, _trials(found), strict=True):
        judged, used = _ending(each), each.token_usage or Tokens()
        latency = each.performance.latency_ms if each.performance else None
        yield Record(
            task_id=each.sample_id,
            trial=trial,
            **judged.recorded,
            usage=Usage(
                input_tokens=used.input_tokens,
                output_tokens=used.output_tokens,
                cached_tokens=used.input_tokens_cache_read,
                seconds=None if latency is None else latency / 1000,
            ),
            model=each.model_id,
        )


def _ending(instance: Instance) -> Ending:
    """Judge by the schema's own verdict; an instance that tells of an error measured nothing."""
    if instance.error:
        return unmeasured(instance.error)
    told = instance.evaluation
    if told.is_correct is None:
        return unmeasured("")
    score = told.score if told.score is not None and 0 <= told.score <= 1 else None
    return Ending(Outcome.PASS if told.is_correct else Outcome.FAIL, score)
