"""A version line as an HTML file: what stands, and every decision with who, when and why."""

from msgspec import Struct

from evalharness.ledger.chain import SHOWN, Chain
from evalharness.ledger.entry import Entry, Kind
from evalharness.report.html_page import page


class Step(Struct, frozen=True, kw_only=True):
    """One entry as the page shows it."""

    place: int
    digest: str
    word: str
    tone: str
    entry: Entry


def render(chain: Chain) -> str:
    """Write the page, the newest entry first."""
    steps = [_step(place, link.digest, link.entry) for place, link in enumerate(chain.links, start=1)]
    return page("line.html", chain=chain, standing=chain.standing, steps=steps[::-1])


def _step(place: int, digest: str, entry: Entry) -> Step:
    if entry.kind is not Kind.PROMOTION:
        return Step(place=place, digest=digest[:SHOWN], word=entry.kind.value, tone="neutral", entry=entry)
    word = f"{entry.decision.value}{', overridden' if entry.override else ''}"
    return Step(place=place, digest=digest[:SHOWN], word=word, tone=entry.decision.value, entry=entry)
