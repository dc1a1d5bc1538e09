"""Bills as text."""

from shop import prices
from shop.prices import calc


def bill(items, tax=19):
    """Write a bill: a line for each item, and the total."""
    lines = [f"{name}: {number} x {cents / 100:.2f}" for name, cents, number in items]
    return "\n".join([*lines, f"total: {calc(items, tax) / 100:.2f}"])


def free(items):
    """Say whether nothing has to be paid."""
    return getattr(prices, "calc")(items, 0) == 0
