"""How fast a provider may be asked, found out from its answers: arithmetic on times that come in, without a clock.

**How many at once**: a slow start. Every answer makes room for one call more, so that the number doubles in the time
of one call, until there is room for all who ask. After an outage it begins with one call again.

**How many a second**: AIMD on rejections (429). Once a second at most it is looked at what became of the calls begun
since the last look. More rejections than were to be expected cut the rate to what got through; else it grows, by a
twentieth of that at first and in growing steps, or twofold where nothing is known of the limit.

At what got through, the load is no reason for rejections any more. Those that the look after a cut still shows have
other reasons: somebody else uses up the same limit, or calls are turned away at random. Slowing down further would
not end them, so their share is taken as given, and what the cut took for nothing is given back.
"""

import math

START = 16  # calls at once; most runs have fewer workers, and so never wait
OUTAGE = 5  # calls that fail in a row
LOOK_SECONDS = 1.0
ENOUGH = 20  # calls to judge by; where fewer are begun, a look comes later
LATEST_SECONDS = 10.0
MARGIN = 0.05  # rejections that are the price of finding out what is allowed
STEP = 0.05
MOST_FOREIGN = 0.5
ALL = 0.9  # with so many rejections, what got through says nothing
SLOWEST = 0.5  # calls a second


class Throttle:
    """What one provider takes: `room` for calls at once, and a `rate` of calls a second."""

    def __init__(self) -> None:
        self._room = float(START)
        self._failures = 0
        self.rate = math.inf
        self.foreign = 0.0
        self._step = 0.0
        self._doubles = True
        self._cut_to = 0.0  # what got through, while the next look is to show whether the cut helped
        self._last = -math.inf
        self._look_from(0.0)

    @property
    def room(self) -> int:
        """Return how many calls may be under way."""
        return int(self._room)

    @property
    def narrowed(self) -> bool:
        """Say whether the provider has been heard to refuse."""
        return self.rate < math.inf or self.room < START

    def began(self, now: float, *, waited: bool) -> float:
        """Take in that a call begins, and whether the rate made it wait; return when the current look began."""
        if now - self._last > LATEST_SECONDS:  # nobody asked for a while
            self._look_from(now)
        elif self._due(now):
            self._look(now)
        self._last = now
        self._begun += 1
        self._waited += waited
        return self._since

    def answered(self, *, full: bool) -> None:
        """Take in a call that was heard; only where there was no more room does that say that there may be."""
        self._failures = 0
        self._room += full

    def rejected(self, begun: float) -> None:
        """Take in a call that came too early; `begun` is what `began` returned."""
        self._failures = 0
        self._rejected += begun == self._since

    def failed(self) -> None:
        """Take in a call that was lost to a fault."""
        self._failures += 1
        if self._failures >= OUTAGE:
            self._room = 1.0
            self._last = -math.inf  # what was asked in an outage says nothing about rates

    def _look_from(self, now: float) -> None:
        self._since = now
        self._begun = self._rejected = self._waited = 0

    def _due(self, now: float) -> bool:
        passed = now - self._since
        return passed >= LOOK_SECONDS and (self._begun >= ENOUGH or passed >= LATEST_SECONDS)

    def _look(self, now: float) -> None:
        asked = self._begun / (now - self._since)
        share = self._rejected / self._begun
        if self._cut_to or share < self.foreign - self._chance():
            weight = self._begun / (self._begun + ENOUGH) if self._cut_to else 0.5
            self.foreign = min(MOST_FOREIGN, self.foreign + (share - self.foreign) * weight)
        if share > self.foreign + MARGIN + self._chance():
            self._cut(asked * (1 - share), share)
        else:
            self._grow()
        self._look_from(now)

    def _chance(self) -> float:
        return 2 * math.sqrt(self.foreign * (1 - self.foreign) / self._begun)

    def _cut(self, through: float, share: float) -> None:
        self.rate = self._cut_to = max(through, SLOWEST)
        self._step, self._doubles = self.rate * STEP, share > ALL

    def _grow(self) -> None:
        """Give back what a cut took that was not due to the load, or find out whether more is allowed."""
        if self._cut_to:
            self.rate = max(self.rate, self._cut_to / (1 - self.foreign))
            self._cut_to = 0.0
        elif self._waited * 2 > self._begun:
            self.rate += self.rate if self._doubles else self._step
            self._step *= 2
