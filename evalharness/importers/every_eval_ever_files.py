"""The pieces of every_eval_ever's files: instances, and the aggregate beside them."""

from typing import Any

import msgspec

from evalharness.importers.source import text


class Evaluation(msgspec.Struct):
    """The verdict."""

    score: float | None = None
    is_correct: bool | None = None


class Tokens(msgspec.Struct):
    """What was used."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_cache_read: int | None = None


class Performance(msgspec.Struct):
    """How long it took."""

    latency_ms: float | None = None


class Output(msgspec.Struct):
    """What the model answered; older versions of the schema have one text."""

    raw: list[str] | str | None = None

    @property
    def final(self) -> str | None:
        """Return the last answer."""
        answers = [self.raw] if isinstance(self.raw, str) else self.raw
        return answers[-1] if answers else None


class Instance(msgspec.Struct):
    """One sample."""

    sample_id: str
    model_id: str = "unknown"
    evaluation_name: str = ""
    evaluation_result_id: str | None = None
    sample_hash: str | None = None
    evaluation: Evaluation = msgspec.field(default_factory=Evaluation)
    token_usage: Tokens | None = None
    performance: Performance | None = None
    output: Output | None = None
    messages: list[Any] | None = None
    error: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def run(self) -> str:
        """Name the model and the evaluation."""
        return f"{self.model_id}/{self.evaluation_name}" if self.evaluation_name else self.model_id

    @property
    def tags(self) -> tuple[str, ...]:
        """Return the tags that its metadata name, as a JSON list."""
        try:
            return tuple(msgspec.json.decode(text((self.metadata or {}).get("tags")), type=list[str]))
        except msgspec.DecodeError:
            return ()


class Detailed(msgspec.Struct):
    """Where the instances stand."""

    file_path: str | None = None
    total_rows: int | None = None


class Details(msgspec.Struct):
    """The score of an evaluation as a whole."""

    score: float | None = None


class MetricConfig(msgspec.Struct):
    """What the score is."""

    lower_is_better: bool | None = None


class Result(msgspec.Struct):
    """One result of an evaluation."""

    score_details: Details = msgspec.field(default_factory=Details)
    metric_config: MetricConfig = msgspec.field(default_factory=MetricConfig)


class Aggregate(msgspec.Struct):
    """An evaluation as a whole."""

    evaluation_results: list[Result] = []
    detailed_evaluation_results: Detailed | None = None
