"""Lanes as threads use them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise

import pytest

from evalharness.errors import Unmeasured
from evalharness.rates import Ceiling, through, waiting

names = count()


@pytest.fixture
def lane():
    return f"provider-{next(names)}"


def refused(pause=0.01):
    raise Unmeasured("status:429", "not now", retry_after=pause)


def test_no_more_calls_at_once_than_a_user_allows(lane):
    lock, now, most = threading.Lock(), [0], [0]

    def ask(_seconds):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        with lock:
            now[0] -= 1

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: through(lane, ask, seconds=9, ceiling=Ceiling(max_concurrency=3)), range(60)))
    assert most[0] == 3


def test_requests_are_spread_over_the_minute(lane):
    began = []
    with ThreadPoolExecutor(8) as threads:
        ceiling = Ceiling(requests_per_minute=60 / 0.05)
        asks = [
            threads.submit(through, lane, lambda _: began.append(time.monotonic()), seconds=9, ceiling=ceiling)
            for _ in range(8)
        ]
    assert all(ask.result().held_back == 0 for ask in asks)
    assert all(later - earlier > 0.04 for earlier, later in pairwise(began))


def test_every_call_of_many_threads_gets_its_turn_among_refusals_and_faults(lane):
    asked = count()

    def ask(_seconds):
        number = next(asked)
        time.sleep(0.001)
        if number % 7 == 0:
            refused()
        if number % 5 == 0:
            raise Unmeasured("status:500")
        return number

    def call(_):
        try:
            return through(lane, ask, seconds=9).value
        except Unmeasured as exc:
            return exc.cause

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(call, range(1000), timeout=60))
    assert len(answers) == 1000
    assert set(map(str, answers)) > {"status:500"}
    assert waiting() == ""


def test_after_a_pause_the_oldest_call_goes_first(lane):
    ceiling, order, first = Ceiling(max_concurrency=1), [], [True]

    def old(_seconds):
        if first.pop() if first else False:
            refused(0.05)
        order.append("old")

    def young(_seconds):
        time.sleep(0.06)
        order.append("young")

    with ThreadPoolExecutor(4) as threads:
        threads.submit(through, lane, old, seconds=9, ceiling=ceiling)
        time.sleep(0.02)
        for _ in range(3):
            threads.submit(through, lane, young, seconds=9, ceiling=ceiling)
    assert order.index("old") <= 1


def test_what_is_refused_for_longer_than_patience_is_given_back(lane):
    with pytest.raises(Unmeasured) as caught:
        through(lane, lambda _: refused(100), seconds=9, ceiling=Ceiling(patience_seconds=50))
    assert caught.value.retry_after == 100
    through(lane, lambda _: "yes", seconds=9, ceiling=Ceiling(max_concurrency=1))


def test_waiting_takes_nothing_from_the_time_to_ask_and_asking_does(lane):
    left = []

    def ask(seconds):
        left.append(seconds)
        time.sleep(0.05)
        if len(left) < 3:
            refused(0.1)

    through(lane, ask, seconds=1.0)
    assert left[0] == 1.0
    assert left[2] == pytest.approx(0.9, abs=0.08)


def test_a_call_that_ends_badly_leaves_its_place(lane):
    ceiling = Ceiling(max_concurrency=1)
    for fault in (KeyError(), KeyboardInterrupt(), TimeoutError(), Unmeasured("connection")):

        def ask(_seconds, fault=fault):
            raise fault

        with pytest.raises(type(fault)):
            through(lane, ask, seconds=9, ceiling=ceiling)
    assert through(lane, lambda _: "yes", seconds=9, ceiling=ceiling).value == "yes"


@pytest.mark.parametrize("wrong", [{"max_concurrency": 0}, {"requests_per_minute": 0}, {"patience_seconds": -1}])
def test_a_ceiling_that_allows_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Ceiling(**wrong)
