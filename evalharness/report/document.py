"""The comparison and its verdict as one JSON document, for programs."""

import msgspec

from evalharness.model import Comparison, Verdict

SCHEMA = 1


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What `--json` prints and `--report x.json` writes; fractions, never percent; unknown is null."""

    schema: int
    decision: str
    stance: str
    exit_code: int
    verdict: Verdict
    comparison: Comparison


def document(comparison: Comparison, verdict: Verdict) -> Document:
    """Put a comparison and its verdict together."""
    return Document(
        schema=SCHEMA,
        decision=verdict.decision.value,
        stance=verdict.stance.value,
        exit_code=verdict.exit_code,
        verdict=verdict,
        comparison=comparison,
    )


def render(comparison: Comparison, verdict: Verdict) -> str:
    """Write the JSON document."""
    content = msgspec.json.encode(document(comparison, verdict))
    return f"{msgspec.json.format(content, indent=1).decode()}\n"
