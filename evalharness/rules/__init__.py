"""Rules: what a release must show. Each is a check with a reason that can be read aloud.

The chance to block an unchanged agent is one budget, `false_block`, over all rules together: each family of rules that
can block by chance gets a share of it. A rule computes no statistics: it says what it `needs`, and the comparison holds
that, measured with the error that the rule may use.
"""

from typing import Protocol, runtime_checkable

from msgspec import Struct

from evalharness.model import Check, Comparison


class ErrorBudget(Struct, frozen=True, kw_only=True):
    """What a rule may use: its share of `false_block`, and the margin of the policy."""

    share: float
    margin: float


class Need(Struct, frozen=True, kw_only=True):
    """Something a comparison measures only where a rule asks for it; `evalharness.measures` knows every quantity."""

    quantity: str
    column: str = ""
    k: int = 0
    q: float = 0.0
    names: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Name it in the comparison, as people read it."""
        parts = [self.quantity, self.column, f"k={self.k}" if self.k else "", f"q={self.q:g}" if self.q else ""]
        return " ".join(part for part in (*parts, *self.names) if part)


@runtime_checkable
class Rule(Protocol):
    """Checks one thing about a comparison; computes no statistics of its own."""

    @property
    def family(self) -> str:
        """Say which share of the error budget it uses; empty when it cannot block by chance."""
        ...

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Decide, and say why."""
        ...


@runtime_checkable
class Needing(Protocol):
    """A rule that looks at something a comparison does not always measure."""

    def needs(self) -> tuple[Need, ...]:
        """Say what the comparison must measure for it."""
        ...
