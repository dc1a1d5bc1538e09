"""A run as OpenTelemetry spans: OTLP JSON lines, a trace per trial, named by the conventions for generative AI.

A transcript knows the order of what happened but not when: the spans within a trial last no time and stand one
microsecond apart. The same run gives the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import evalharness
from evalharness.exporters import Taken
from evalharness.exporters.otlp_spans import Span, attributes, moment, span
from evalharness.exporters.otlp_talk import inner_spans, talk
from evalharness.exporters.runs import Told, ToldRun, one_line
from evalharness.model import Grade, Outcome, RunHeader, Usage
from evalharness.text import as_json

SCHEMA = "https://opentelemetry.io/schemas/1.38.0"
INTERNAL, FAULT = 1, 2
LONGEST_LINE = 1 << 20  # receivers take 4 MB at most


@dataclass(frozen=True)
class OtlpExporter:
    """Lines of OTLP JSON, each a whole request of at most about a megabyte, or of one trial."""

    takes: ClassVar[Taken] = "run"

    def write(self, source: ToldRun, path: Path) -> None:
        """Write the spans trial by trial."""
        with path.open("wb") as file:
            for spans in _pieces(source):
                file.write(_line(source.header, spans))


def _pieces(run: ToldRun) -> Iterator[list[bytes]]:
    piece: list[bytes] = []
    size = 0
    for each in run.trials():
        spans = [one_line(found) for found in trace(run.header, each)]
        added = sum(map(len, spans))
        if piece and size + added > LONGEST_LINE:
            yield piece
            piece, size = [], 0
        piece += spans
        size += added
    yield piece


def _line(header: RunHeader, spans: list[bytes]) -> bytes:
    resource = attributes(
        {
            "service.name": header.agent.name,
            "service.version": header.agent.version or None,
            "evalh.run.id": header.run_id,
            "test.suite.name": header.suite.name,
        }
    )
    scope = {"name": "evalharness", "version": evalharness.__version__}
    return b'{"resourceSpans":[{"resource":%s,"scopeSpans":[{"scope":%s,"schemaUrl":%s,"spans":[%s]}]}]}\n' % (
        one_line({"attributes": resource}),
        as_json(scope),
        as_json(SCHEMA),
        b",".join(spans),
    )


def trace(header: RunHeader, told: Told) -> Iterator[Span]:
    """Yield the spans of one trial: the agent's, then those of its model and tools in order."""
    record = told.record
    identity = sha256(as_json([header.run_id, record.task_id, record.trial])).hexdigest()
    start = moment(record.started_at) or moment(header.started_at) or 0
    root = span(identity, 0, f"invoke_agent {header.agent.name}", start=start)
    root["kind"] = INTERNAL
    root["endTimeUnixNano"] = str(start + _nanoseconds(record.usage))
    root["attributes"] = attributes(_facts(header, told, conversation=identity[:32]))
    root["events"] = [_event(grade, root["endTimeUnixNano"]) for grade in record.grades]
    if record.outcome is Outcome.ERROR or record.cause:
        root["status"] = {"code": FAULT, "message": record.detail or record.cause or ""}
    yield root
    if told.transcript:
        model = told.transcript.model or record.model or _asked(header)
        yield from inner_spans(told.transcript, identity, start=start, model=model)


def _facts(header: RunHeader, told: Told, *, conversation: str) -> dict[str, Any]:
    record, used, asked = told.record, told.record.usage, _asked(header)
    measured = record.outcome is not Outcome.ERROR
    return {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": asked.partition("/")[0] if asked and "/" in asked else "unknown",
        "gen_ai.agent.name": header.agent.name,
        "gen_ai.agent.version": header.agent.version or None,
        "gen_ai.conversation.id": conversation,
        "gen_ai.request.model": asked,
        "gen_ai.response.model": record.model,
        "gen_ai.usage.input_tokens": used.input_tokens,
        "gen_ai.usage.output_tokens": used.output_tokens,
        "gen_ai.usage.cache_read.input_tokens": used.cached_tokens,
        "test.case.name": record.task_id,
        "test.case.result.status": str(record.outcome) if measured else None,
        "error.type": (record.cause or "error") if not measured else record.cause,
        "evalh.trial": record.trial,
        "evalh.attempt": record.attempt,
        "evalh.outcome": str(record.outcome),
        "evalh.score": record.score,
        "evalh.cost_usd": used.cost_usd,
    } | talk(told.transcript)


def _asked(header: RunHeader) -> str | None:
    """Return the model that the agent was told to use."""
    model = header.agent.definition.options.get("model")
    return model if isinstance(model, str) else None


def _nanoseconds(used: Usage) -> int:
    return round(used.seconds * 1e9) if used.seconds and 0 < used.seconds < 1e9 else 0


def _event(grade: Grade, time: str) -> dict[str, Any]:
    said = {
        "gen_ai.evaluation.name": grade.grader,
        "gen_ai.evaluation.score.value": float(grade.score),
        "gen_ai.evaluation.score.label": "pass" if grade.passed else "fail",
        "gen_ai.evaluation.explanation": grade.reason or None,
    }
    return {"timeUnixNano": time, "name": "gen_ai.evaluation.result", "attributes": attributes(said)}
