"""Lanes as threads use them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from evalharness.errors import Unmeasured
from evalharness.rates import Ceiling, calls, through, waiting
from tests.running import PATIENCE

names = count()


@pytest.fixture
def lane():
    return f"provider-{next(names)}"


def refused(pause=0.01):
    raise Unmeasured("status:429", "not now", retry_after=pause)


def test_no_more_calls_at_once_than_a_user_allows(lane):
    lock, now, most, asked, first = threading.Lock(), [0], [0], count(), threading.Barrier(3)

    def ask(_seconds):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        if next(asked) < 3:
            first.wait(PATIENCE)
        time.sleep(0.005)
        with lock:
            now[0] -= 1

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: through(lane, ask, seconds=9, ceiling=Ceiling(max_concurrency=3)), range(60)))
    assert most[0] == 3


def test_requests_are_spread_over_the_minute(lane):
    began, start = [], time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        ceiling = Ceiling(requests_per_minute=60 / 0.05)
        asks = [
            threads.submit(through, lane, lambda _: began.append(time.monotonic()), seconds=9, ceiling=ceiling)
            for _ in range(8)
        ]
    assert all(ask.result().held_back == 0 for ask in asks)
    assert all(moment - start >= 0.05 * turn for turn, moment in enumerate(sorted(began)))


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
        answers = list(threads.map(call, range(1000), timeout=PATIENCE))
    assert len(answers) == 1000
    assert set(map(str, answers)) > {"status:500"}
    assert waiting() == ""


def test_after_a_pause_the_oldest_call_goes_first(lane):
    ceiling, order, asked = Ceiling(max_concurrency=1), [], threading.Event()

    def old(_seconds):
        if not asked.is_set():
            asked.set()
            refused(0.05)
        order.append("old")

    def young(_seconds):
        while "old" not in order and not any(ticket.number == 0 for ticket in calls._lane(lane)._queue):
            time.sleep(0.001)  # until the pause of the old call is over and it waits for its turn
        order.append("young")

    with ThreadPoolExecutor(4) as threads:
        threads.submit(through, lane, old, seconds=9, ceiling=ceiling)
        asked.wait(PATIENCE)
        for _ in range(3):
            threads.submit(through, lane, young, seconds=9, ceiling=ceiling)
    assert order.index("old") <= 1


def test_what_is_refused_for_longer_than_patience_is_given_back(lane):
    with pytest.raises(Unmeasured) as caught:
        through(lane, lambda _: refused(100), seconds=9, ceiling=Ceiling(patience_seconds=50))
    assert caught.value.retry_after == 100
    through(lane, lambda _: "yes", seconds=9, ceiling=Ceiling(max_concurrency=1))


def test_waiting_takes_nothing_from_the_time_to_ask_and_asking_does(lane):
    left, start = [], time.monotonic()

    def ask(seconds):
        left.append((seconds, time.monotonic() - start))
        time.sleep(0.05)
        if len(left) < 3:
            refused(0.1)

    through(lane, ask, seconds=9.0)
    (first, _), _, (last, gone) = left
    assert first == 9.0
    assert 2 * 0.05 <= first - last <= gone - 2 * 0.1


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
