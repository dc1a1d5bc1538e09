"""Times in foreign files."""

from datetime import UTC, datetime


def seconds_between(began: str | None, ended: str | None) -> float | None:
    """Return the seconds between two moments as ISO 8601 writes them; None where one is missing or unreadable."""
    if not began or not ended:
        return None
    try:
        first, last = (_aware(datetime.fromisoformat(each)) for each in (began, ended))
    except ValueError:
        return None
    seconds = (last - first).total_seconds()
    return seconds if seconds >= 0 else None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
