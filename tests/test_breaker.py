from itertools import count

from evalharness.running.breaker import LONGEST_PROBE_SECONDS, THRESHOLD, WINDOW, Breaker

numbers = count()


def after(*causes, now=0.0):
    """A breaker that has seen attempts at different trials end like this."""
    breaker = Breaker()
    for cause in causes:
        breaker.note(cause, trial=next(numbers), now=now)
    return breaker


def test_eight_of_ten_with_one_cause_open_it():
    assert after(None, "a", "a", "a", "b", "a", "a", "a", "a").cause is None
    assert after(None, "a", "a", "a", "b", "a", "a", "a", "a", "a").cause == "a"


def test_eight_of_ten_with_several_causes_do_not():
    assert after(*["a"] * 5, *["b"] * 5).cause is None


def test_what_is_longer_ago_than_ten_attempts_counts_no_more():
    assert after(*["a"] * 7, *[None] * WINDOW, "a").cause is None


def test_one_measured_attempt_closes_it_and_starts_afresh():
    breaker = after(*["a"] * THRESHOLD)
    breaker.note(None, trial="t", now=1.0)
    assert breaker.cause is None
    breaker.note("a", trial="u", now=2.0)
    assert breaker.cause is None


def test_trials_that_keep_failing_while_others_are_measured_never_open_it():
    """Used to: a few inputs that a provider never takes ended a run as an outage, once only they were left."""
    breaker = Breaker()
    poisoned = range(8)
    for trial in poisoned:
        breaker.note("status:500", trial=trial, now=0.0)
        for other in range(3):
            breaker.note(None, trial=("good", trial, other), now=0.0)
    for _ in range(2):
        for trial in poisoned:
            breaker.note("status:500", trial=trial, now=0.0)
    assert breaker.cause is None


def test_retries_open_it_when_nothing_was_measured_in_between():
    breaker = Breaker()
    for _ in range(4):
        for trial in ("a", "b"):
            breaker.note("dns", trial=trial, now=0.0)
    assert breaker.cause == "dns"


def test_an_outage_may_change_its_face():
    """Used to: an outage that went from 429 to 503 spent the attempts of every trial, and probed without a pause."""
    breaker = after(*["status:429"] * THRESHOLD)
    assert breaker.swallows("status:503")
    before = breaker.probe_at
    breaker.probed("status:503", now=before)
    assert breaker.cause == "status:503"
    assert breaker.probe_at > before


def test_a_measured_attempt_is_never_swallowed():
    assert not after(*["a"] * THRESHOLD).swallows(None)


def test_probes_wait_longer_each_time_up_to_a_bound():
    breaker = after(*["a"] * THRESHOLD)
    pauses = []
    for _ in range(12):
        now = breaker.probe_at
        breaker.probed("a", now=now)
        pauses.append(breaker.probe_at - now)
    assert pauses[:3] == [2.0, 4.0, 5.0]
    assert max(pauses) == LONGEST_PROBE_SECONDS


def test_a_probe_waits_as_long_as_the_provider_asks():
    breaker = after(*["a"] * THRESHOLD)
    breaker.probed("a", now=breaker.probe_at, retry_after=500.0)
    assert breaker.probe_at >= 500.0


def test_attempts_that_were_on_their_way_are_no_probes():
    breaker = after(*["a"] * THRESHOLD, now=10.0)
    breaker.probed("a", now=10.5)
    assert breaker.probe_at == 11.0
