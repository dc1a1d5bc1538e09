"""Right answers to the tasks of examples/coding-agent, as files that an agent leaves in its workspace."""

SLUG = """
import re
import unicodedata


def slug(title):
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "untitled"
"""

INTERVALS = """
def merged(intervals):
    found = []
    for start, end in sorted(each for each in intervals if each[0] < each[1]):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


def without(intervals, closed):
    left = merged(intervals)
    for start, end in merged(closed):
        left = [part for low, high in left for part in ((low, min(high, start)), (max(low, end), high))]
    return merged(left)
"""

ROMAN = """
import re

SIGNS = dict(M=1000, CM=900, D=500, CD=400, C=100, XC=90, L=50, XL=40, X=10, IX=9, V=5, IV=4, I=1)


def to_roman(number):
    if not 1 <= number <= 3999:
        raise ValueError(number)
    text = ""
    for sign, value in SIGNS.items():
        text += sign * (number // value)
        number %= value
    return text


def from_roman(text):
    signs = re.findall("CM|CD|XC|XL|IX|IV|[MDCLXVI]", text.strip().upper())
    number = sum(SIGNS[sign] for sign in signs)
    if not number or number > 3999 or to_roman(number) != text.strip().upper():
        raise ValueError(text)
    return number
"""

TOTALS = """
import csv
import json
import sys
from decimal import Decimal

name, month = sys.argv[1:]
try:
    lines = list(csv.DictReader(open(name)))
except OSError as exc:
    print(exc, file=sys.stderr)
    sys.exit(2)
totals = {}
for line in lines:
    if line["date"].startswith(month) and line["amount"]:
        turnover = int(line["amount"]) * Decimal(line["price"])
        totals[line["product"]] = totals.get(line["product"], 0) + turnover
print(json.dumps({product: float(totals[product]) for product in sorted(totals)}))
"""

CACHE = """
from clock import Clock


class Cache:
    def __init__(self, size, seconds, clock=None):
        self.size, self.seconds = size, seconds
        self.clock = clock or Clock()
        self.values = {}

    def forget(self):
        now = self.clock.now()
        self.values = {key: each for key, each in self.values.items() if now - each[1] <= self.seconds}

    def get(self, key, default=None):
        self.forget()
        if key not in self.values:
            return default
        self.values[key] = self.values.pop(key)
        return self.values[key][0]

    def put(self, key, value):
        self.forget()
        self.values.pop(key, None)
        if len(self.values) >= self.size:
            self.values.pop(next(iter(self.values)))
        self.values[key] = (value, self.clock.now())

    def __len__(self):
        self.forget()
        return len(self.values)
"""

CLOCK = """
import time


class Clock:
    def now(self):
        return time.monotonic()
"""

PRICES = '''
def total_cents(items, tax):
    """Add up the items (name, cents, number) with the tax, in percent; half a cent goes up."""
    total = sum(cents * number for _, cents, number in items)
    return (total * (100 + tax) + 50) // 100
'''

BILL = """
from shop.prices import total_cents


def bill(items, tax=19):
    lines = [f"{name}: {number} x {cents / 100:.2f}" for name, cents, number in items]
    return "\\n".join([*lines, f"total: {total_cents(items, tax) / 100:.2f}"])


def free(items):
    return total_cents(items, 0) == 0
"""

SOLUTIONS = {
    "slug": {"slug.py": SLUG},
    "intervals": {"intervals.py": INTERVALS},
    "roman": {"roman.py": ROMAN},
    "totals": {"totals.py": TOTALS},
    "cache": {"cache.py": CACHE, "clock.py": CLOCK},
    "rename": {"shop/prices.py": PRICES, "shop/bill.py": BILL},
}
