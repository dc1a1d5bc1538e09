"""Rules: what a release must show. Each is a check with a reason that can be read aloud.

The chance to block an unchanged agent is one budget, `false_block`, over all rules together: each family of rules that
can block by chance gets a share of it.
"""

from typing import Protocol, runtime_checkable

from msgspec import Struct

from evalharness.model import Check, Comparison


class ErrorBudget(Struct, frozen=True, kw_only=True):
    """What a rule may use: its family's share of `false_block`, and the margin of the policy."""

    share: float
    margin: float


@runtime_checkable
class Rule(Protocol):
    """Checks one thing about a comparison; computes no statistics of its own."""

    family: str  # which share of the error budget it uses; empty when it cannot block by chance

    def check(self, comparison: Comparison, budget: ErrorBudget) -> Check:
        """Decide, and say why."""
        ...
