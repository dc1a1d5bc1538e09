"""OTLP spans as plain data: identifiers, moments and typed attributes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

Span = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_INT = 2**63
CLIENT = 3


def span(identity: str, number: int, name: str, *, start: int) -> Span:
    """Begin the `number`-th span of the trial with this digest; number 0 is the parent of all others."""
    made: Span = {
        "traceId": identity[:32],
        "spanId": _span_id(identity, number),
        "name": name,
        "kind": CLIENT,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start),
    }
    return made | {"parentSpanId": _span_id(identity, 0)} if number else made


def _span_id(identity: str, number: int) -> str:
    return sha256(f"{identity} {number}".encode()).hexdigest()[:16]


def attributes(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Write what is known as attributes; what is None is left out."""
    return [{"key": key, "value": _value(value)} for key, value in facts.items() if value is not None]


def _value(value: str | float | bool) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -MOST_INT <= value < MOST_INT:
        return {"intValue": str(value)}
    return {"stringValue": value} if isinstance(value, str) else {"doubleValue": float(value)}


def moment(written: str | None) -> int | None:
    """Return an ISO 8601 time as nanoseconds since 1970; None where it is none, or before."""
    try:
        found = datetime.fromisoformat(written or "")
    except ValueError:
        return None
    since = (found if found.tzinfo else found.replace(tzinfo=UTC)) - EPOCH
    return since // timedelta(microseconds=1) * 1000 if since >= timedelta() else None
