"""Prices in cents."""


def calc(items, tax):
    """Add up the items (name, cents, number) and put the tax, in percent, on top."""
    total = 0
    for _, cents, number in items:
        total += cents * number
    return round(total * (100 + tax) / 100)
