"""Short facts as two columns of plain text."""

from collections.abc import Iterable

from evalharness.report.console import plain


def listing(rows: Iterable[tuple[str, str]]) -> str:
    """Write a line for every name and what is known of it; foreign text in it is made inert."""
    lines = [(plain(name).plain, plain(said).plain) for name, said in rows]
    width = max((len(name) for name, _ in lines), default=0)
    return "\n".join(f"{name:<{width}}  {said}".rstrip() for name, said in lines)
