"""The rule by itself, in simulated time: callers, a provider with limits of its own, and no clock but theirs."""

import heapq
import random
from dataclasses import dataclass, field
from itertools import count

import pytest

from evalharness.rates.throttle import OUTAGE, START, Throttle

LATENCY, REJECTION = 0.1, 0.02  # a call that is turned away comes back sooner
CATCH_UP = 0.1


@dataclass
class Bucket:
    """A provider that lets so many calls through a second, and turns a share of all away whatever the load."""

    rate: float
    foreign: float = 0.0
    burst: float = 2.0  # seconds' worth of calls that it saves up
    tokens: float = 1.0
    at: float = 0.0

    def takes(self, now, rng):
        self.tokens = min(max(1.0, self.rate * self.burst), self.tokens + (now - self.at) * self.rate)
        self.at = now
        if rng.random() < self.foreign or self.tokens < 1:
            return False
        self.tokens -= 1
        return True


@dataclass
class World:
    """Callers that ask without end; a call that is turned away pauses, then asks again."""

    provider: Bucket
    callers: int = 300
    pause: float = 1.0
    throttle: Throttle = field(default_factory=Throttle)
    now: float = 0.0

    def __post_init__(self):
        self.rng, self.order = random.Random(1), count()
        self.events = [(self.now, next(self.order), "turn", 0.0)]
        self.idle, self.under_way, self.turn = self.callers, 0, self.now
        self.good, self.rejected = [], []

    def runs(self, seconds):
        end, timer = self.now + seconds, True
        while self.events and self.now < end:
            self.now, _, what, begun = heapq.heappop(self.events)
            timer = timer and what != "turn"
            self._settle(what, begun)
            while self.idle and self.under_way < self.throttle.room:
                if self.now < self.turn:
                    if not timer:
                        self._later(self.turn - self.now, "turn")
                        timer = True
                    break
                self._begin(paced=what == "turn")
        return self

    def _later(self, seconds, what, begun=0.0):
        heapq.heappush(self.events, (self.now + seconds, next(self.order), what, begun))

    def _begin(self, *, paced):
        begun = self.throttle.began(self.now, waited=paced)
        self.turn = max(self.turn, self.now - CATCH_UP) + 1 / self.throttle.rate
        self.idle, self.under_way = self.idle - 1, self.under_way + 1
        taken = self.provider.takes(self.now, self.rng)
        self._later(LATENCY if taken else REJECTION, "good" if taken else "rejected", begun)

    def _settle(self, what, begun):
        if what == "good":
            self.throttle.answered(full=self.under_way >= self.throttle.room)
            self.good.append(self.now)
        elif what == "rejected":
            self.throttle.rejected(begun)
            self.rejected.append(self.now)
            self._later(self.pause * self.rng.uniform(1, 1.1), "rested")
        self.under_way -= what in ("good", "rejected")
        self.idle += what in ("good", "rested")

    def rate_of(self, answers, *, after):
        return sum(at > after for at in answers) / (self.now - after)


def test_a_provider_without_limits_is_asked_by_everybody_after_a_few_calls():
    world = World(Bucket(rate=1e9, tokens=1e9), callers=100).runs(5)
    assert not world.rejected
    assert world.rate_of(world.good, after=1) > 0.95 * 100 / LATENCY


def test_no_more_room_is_made_than_is_asked_for():
    assert World(Bucket(rate=1e9, tokens=1e9), callers=5).runs(60).throttle.room == START


@pytest.mark.parametrize("rate", [5, 20, 50, 200])
@pytest.mark.parametrize("pause", [0.05, 1.0, 3.0])
def test_what_a_provider_allows_is_used_and_little_more_is_asked(rate, pause):
    world = World(Bucket(rate=rate), pause=pause).runs(150)
    assert world.rate_of(world.good, after=30) >= 0.94 * rate
    assert world.rate_of(world.rejected, after=30) <= 0.2 * rate


@pytest.mark.parametrize("rate", [20, 50, 200])
def test_a_provider_that_saves_nothing_up_is_used_nearly_as_well(rate):
    world = World(Bucket(rate=rate, burst=0.1)).runs(150)
    assert world.rate_of(world.good, after=30) >= 0.95 * rate


@pytest.mark.parametrize("rate", [50, 200])
@pytest.mark.parametrize("foreign", [0.1, 0.3])
def test_rejections_that_come_whatever_the_load_hardly_slow_it_down(rate, foreign):
    world = World(Bucket(rate=rate, foreign=foreign)).runs(150)
    assert world.rate_of(world.good, after=30) >= 0.9 * rate


def test_a_provider_slower_than_a_single_caller_is_not_hammered():
    world = World(Bucket(rate=2)).runs(150)
    assert world.rate_of(world.good, after=30) >= 0.9 * 2
    assert world.rate_of(world.rejected, after=30) <= 1


def test_a_limit_that_falls_and_rises_is_followed():
    world = World(Bucket(rate=50)).runs(30)
    for rate in (10, 80):
        world.provider.rate = rate
        changed = world.now
        world.runs(90)
        assert world.rate_of(world.good, after=changed + 30) >= 0.9 * rate
        assert world.rate_of(world.rejected, after=changed + 30) <= 0.2 * rate


def test_foreign_rejections_are_forgotten_when_they_end():
    world = World(Bucket(rate=50, foreign=0.3)).runs(60)
    assert world.throttle.foreign > 0.15
    world.provider.foreign = 0.0
    world.runs(90)
    assert world.rate_of(world.rejected, after=90) <= 0.2 * 50


def test_rejections_close_a_provider_for_nobody():
    world = World(Bucket(rate=1e-9, tokens=0.0)).runs(60)
    assert world.throttle.room >= 1
    assert world.throttle.rate > 0


def test_after_an_outage_one_call_goes_first_and_then_it_doubles():
    throttle = Throttle()
    for _ in range(OUTAGE):
        throttle.failed()
    assert throttle.room == 1
    for room in (2, 4, 8):
        for _ in range(throttle.room):
            throttle.answered(full=True)
        assert throttle.room == room


def test_an_outage_leaves_the_rate_as_it_was():
    """Used to: the few calls of the probes were taken for all that the provider had let through."""
    world = World(Bucket(rate=50)).runs(30)
    throttle, before = world.throttle, world.throttle.rate
    for second in (0, 1, 3, 7, 12):
        throttle.began(world.now + second, waited=False)
        throttle.failed()
    for number in range(100):
        begun = throttle.began(world.now + 17 + number / 50, waited=True)
        if number % 3 == 0:
            throttle.rejected(begun)
    assert throttle.rate > before / 2


def test_faults_among_answers_are_no_outage():
    throttle = Throttle()
    for _ in range(50):
        for _ in range(OUTAGE - 1):
            throttle.failed()
        throttle.answered(full=False)
    assert throttle.room == START
