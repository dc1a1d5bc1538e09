import msgspec
import pytest

from evalharness.gate import PRESETS
from evalharness.lineup import line_up
from evalharness.model import Decision
from evalharness.report import lineup as report
from tests.tables import made

PR = PRESETS["pr"]
SUITE = {f"t{n}": (8, 2, 0) for n in range(80)}
WORSE = dict.fromkeys(SUITE, (5, 5, 0))


def priced(price, seconds=1.0):
    def fields(task_id, trial, outcome):
        return {
            "cost_usd": price * (1 + (trial + int(task_id[1:])) % 3),
            "working_seconds": seconds * (1 + trial % 4 + int(task_id[1:]) % 7),
        }

    return fields


@pytest.fixture(scope="module")
def lineup():
    arms = [
        made(SUITE, fields=priced(0.01)),
        made(SUITE, name="same", fields=priced(0.01, 1.01)),
        made(WORSE, name="worse", fields=priced(0.02, 2.0)),
        made(dict.fromkeys(SUITE, (10, 0, 0)), name="<b>better</b>", fields=priced(0.005)),
    ]
    return line_up(arms[0], arms[1:], PR)


def test_every_candidate_has_its_own_verdict_and_the_worst_makes_the_exit_code(lineup):
    decisions = [each.verdict.decision for each in lineup.contenders]
    assert decisions == [Decision.PROMOTE, Decision.BLOCK, Decision.PROMOTE]
    assert lineup.exit_code == 1


def test_more_candidates_share_one_error_budget(lineup):
    assert all(each.verdict.policy.false_block == pytest.approx(PR.false_block / 3) for each in lineup.contenders)
    worse = lineup.contenders[1]
    assert worse.adjusted == pytest.approx(min(1.0, 3 * worse.comparison.significance.pvalue))
    single = worse.comparison.delta["suite"]
    assert worse.delta.low < single.low
    assert worse.delta.high > single.high


def test_an_arm_is_beaten_only_by_one_that_is_surely_cheaper_and_surely_better(lineup):
    same, worse, better = (each.standing for each in lineup.contenders)
    assert better.beaten_by == ()
    assert same.beaten_by == lineup.baseline.beaten_by == ("runs/<b>better</b>",)
    assert set(worse.beaten_by) == {"runs/a", "runs/same", "runs/<b>better</b>"}


def test_what_a_success_costs_and_how_long_trials_take(lineup):
    assert lineup.baseline.cost_per_success.value == pytest.approx(0.02 / 0.8, rel=0.02)
    assert lineup.contenders[1].standing.seconds_p50.value == 2 * lineup.baseline.seconds_p50.value


def test_unknown_costs_mark_nobody():
    found = line_up(made(SUITE), [made(SUITE, name="b"), made(WORSE, name="c")], PR)
    assert found.baseline.cost_per_success.note == "unknown in 800 of 800 trials"
    assert all(each.standing.beaten_by == () for each in found.contenders)


def test_reports_hold_every_candidate_and_escape_their_names(lineup):
    text, page = report.as_text(lineup, width=120), report.as_markdown(lineup)
    for shown in (text, page):
        assert "runs/worse" in shown
        assert "beaten by runs/a" in shown.replace("\n", " ") or "beaten by" in shown
    assert "<b>" not in page
    document = msgspec.json.decode(report.as_json(lineup))
    assert [each["decision"] for each in document["candidates"]] == ["promote", "block", "promote"]
    assert document["exit_code"] == 1


def test_slices_are_corrected_over_all_candidates():
    tags = {"tags": {each: (f"g:{int(each[1:]) % 4}",) for each in SUITE}}
    found = line_up(made(SUITE, **tags), [made(SUITE, name="b", **tags), made(WORSE, name="c", **tags)], PR)
    assert [len(each.slices) for each in found.contenders] == [4, 4]
    worst = min(found.contenders[1].slices, key=lambda each: each.pvalue)
    assert worst.adjusted == pytest.approx(8 * worst.pvalue)
