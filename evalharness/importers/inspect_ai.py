"""inspect_ai: logs of both kinds, `.eval` and `.json`, read from their summaries, or a folder of them.

A sample is our task, an epoch our trial. With several scorers all must pass, unless `FILE::SCORER` names one. A sample
that ended in an error measured nothing; one that ran into a limit without a score failed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evalharness.importers.endings import Ending, of_value, short, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.inspect_faults import faults_of
from evalharness.importers.inspect_log import Score, Spec, Summary, Talk, opened_log
from evalharness.importers.inspect_values import flat, plain
from evalharness.importers.look import look
from evalharness.importers.messages import plain as text_of
from evalharness.importers.messages import transcript
from evalharness.importers.zips import archive
from evalharness.model import Grade, Outcome, Record, RunHeader, Transcript, TrialKey, Usage

EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:Error|Exception|Timeout|Interrupt|Exit)\b")
ATTACHMENT = re.compile(r"^(?:attachment|tc)://(\w+)$")


@dataclass(frozen=True)
class InspectImporter:
    """One log, or a folder of logs."""

    pass_at: float | None = None

    def sniff(self, path: Path) -> bool:
        """Look for the members of an `.eval` file, or the keys of a JSON log."""
        return any(_is_log(each) for each in _files(path))

    def runs(self, path: Path) -> list[str]:
        """Name the run of a file by its task, those of a folder by their files."""
        return list(_sources(path))

    def scorers(self, path: Path) -> list[str]:
        """Name the scorers of a file that has several."""
        if path.is_dir():
            return []
        with opened_log(path) as source:
            names = dict.fromkeys(name for each in source.summaries() for name in flat(_scores(each)))
        return list(names) if len(names) > 1 else []

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the summaries of a log."""
        sources = _sources(path)
        file = sources.get(run, path)
        with opened_log(file) as source:
            log, summaries = source.log, source.summaries()
        spec = log.eval
        planned = [str(each) for each in spec.dataset.sample_ids or ()]
        faults, stood_in = faults_of(log, summaries)
        summaries = summaries or stood_in
        known = Known(
            suite=spec.task,
            suite_version="" if spec.task_version is None else str(spec.task_version),
            agent=spec.model or "unknown",
            tasks=dict.fromkeys([*planned, *(str(each.id) for each in summaries)], ()),
            trials=spec.config.epochs or 1,
            started_at=spec.created,
            tool=f"inspect_ai {spec.packages.get('inspect_ai', '')}".rstrip(),
            faults=faults,
        )
        scorer = None if run in sources else run
        return header(path, run, known), (self._record(file, spec, each, scorer) for each in summaries)

    def transcripts(self, path: Path, run: str) -> Iterator[tuple[TrialKey, Transcript]]:
        """Yield what was said in each sample that is not too large to keep."""
        with opened_log(_sources(path).get(run, path)) as source:
            for each in source.talks():
                yield TrialKey(task_id=str(each.id), trial=each.epoch), _transcript(each)

    def _record(self, path: Path, spec: Spec, sample: Summary, scorer: str | None) -> Record:
        judged, grades = self._judged(path, sample, scorer)
        used = (sample.model_usage or {}).values()
        return Record(
            task_id=str(sample.id),
            trial=sample.epoch,
            attempt=1 + (sample.retries or 0),
            **judged.recorded,
            grades=grades,
            detail=str(plain(sample.error) or "")[:2000],
            usage=Usage(
                input_tokens=_total([each.input_tokens for each in used]),
                output_tokens=_total([each.output_tokens for each in used]),
                cached_tokens=_total([each.input_tokens_cache_read for each in used]),
                cost_usd=sum(costs) if (costs := [each.total_cost for each in used if each.total_cost]) else None,
                seconds=sample.total_time,
                working_seconds=sample.working_time,
            ),
            started_at=sample.started_at,
            model=spec.model or None,
        )

    def _judged(self, path: Path, sample: Summary, scorer: str | None) -> tuple[Ending, tuple[Grade, ...]]:
        if sample.error:
            said = str(plain(sample.error))
            return unmeasured(found[0] if (found := EXCEPTION.search(said)) else said), ()
        if sample.completed is False:
            return unmeasured("not completed"), ()
        values = {name: value for name, value in flat(_scores(sample)).items() if scorer in (None, name)}
        place = f"{path}: sample {short(sample.id)}"
        endings = {name: of_value(value, pass_at=self.pass_at, place=place) for name, value in values.items()}
        grades = tuple(
            Grade(grader=name, score=each.score or 0.0, passed=each.outcome is Outcome.PASS)
            for name, each in endings.items()
            if each.outcome is not Outcome.ERROR
        )
        return _together(list(endings.values()), str(plain(sample.limit) or "")), grades


def _together(endings: list[Ending], limit: str) -> Ending:
    """Pass when every scorer passes; without a verdict of all, nothing was measured unless a limit was reached."""
    unknown = [each for each in endings if each.outcome is Outcome.ERROR]
    if unknown or not endings:
        if limit and limit != "operator":
            return Ending(Outcome.FAIL, 0.0, f"limit:{short(limit)}")
        cause = unknown[0].cause if unknown else None
        return unmeasured("unscored" if cause in (None, "no score") else str(cause))
    failed = any(each.outcome is Outcome.FAIL for each in endings)
    scores = [each.score for each in endings if each.score is not None]
    score = sum(scores) / len(scores) if scores else None
    cause = f"limit:{short(limit)}" if limit and failed else None
    return Ending(Outcome.FAIL if failed else Outcome.PASS, score, cause)


def _scores(sample: Summary) -> dict[str, Score | None]:
    if sample.scores is None and sample.score is not None:
        return {"score": sample.score}
    return sample.scores or {}


def _total(counts: list[int | None]) -> int | None:
    known = [each for each in counts if each is not None]
    return sum(known) if known else None


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted([*path.glob("*.eval"), *path.glob("*.json")])


def _is_log(path: Path) -> bool:
    seen = look(path)
    if seen.form == "zip":
        with archive(path) as members:
            return "header.json" in members.names or "_journal/start.json" in members.names
    return seen.form == "object" and seen.has("eval", "status") and seen.within("eval", "task", "model")


def _sources(path: Path) -> dict[str, Path]:
    if path.is_dir():
        return {each.name: each for each in _files(path) if _is_log(each)}
    with opened_log(path) as source:
        return {source.log.eval.task: path}


def _transcript(talk: Talk) -> Transcript:
    made = transcript([_whole(each, talk.attachments) for each in talk.messages])
    if talk.output is None:
        return made
    choice = talk.output.choices[0].message if talk.output.choices else None
    said = text_of(choice.get("content")) if isinstance(choice, dict) else ""
    return Transcript(final=talk.output.completion or said or made.final, messages=made.messages)


def _whole(message: object, attachments: dict[str, str]) -> object:
    """Put an attachment back in the place of a content that only refers to it."""
    if not isinstance(message, dict):
        return message
    content = message.get("content")
    found = ATTACHMENT.match(content) if isinstance(content, str) else None
    return message | {"content": attachments.get(found[1], content)} if found else message
