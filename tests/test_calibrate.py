import json
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

from evalharness.calibrate import FAULTS, calibrate, fixed, forecast, measured_counts, play, replay, resampled
from evalharness.calibrate.faults import best_tasks, every, slip, unchanged
from evalharness.calibrate.simulation import shares, simulated
from evalharness.cli.calibrate import command
from evalharness.errors import ConfigError
from evalharness.gate import PRESETS
from evalharness.model import Decision, Extension, Policy
from evalharness.outcomes import Outcomes
from evalharness.procedure import Procedure
from evalharness.report import calibration as report
from tests.coins import tossed
from tests.factories import outcomes

PR = PRESETS["pr"]
RATES = np.array([1.0] * 12 + [0.95] * 4 + [0.8, 0.7, 0.6, 0.5])


def gate(tasks: int = RATES.size, trials: int = 5) -> Procedure:
    return Procedure(policy=PR, tasks=tuple(map(str, range(tasks))), trials=(trials, trials))


def test_the_same_seed_plays_the_same_gates():
    first, second = (
        shares("x", simulated(gate(), fixed(RATES), slip(0.9), reps=30, rng=np.random.default_rng(4))) for _ in range(2)
    )
    assert first == second


def test_an_unchanged_agent_is_seldom_blocked_and_a_broken_task_always():
    rng = np.random.default_rng(2)
    same = shares("same", simulated(gate(), fixed(RATES), unchanged, reps=300, rng=rng))
    broken = shares("broken", simulated(gate(), fixed(RATES), best_tasks(1, 0.0), reps=60, rng=rng))
    assert same.block.low is not None
    assert same.block.low <= PR.false_block
    assert broken.block.value == 1.0


def test_shares_of_decisions_add_up_and_extra_trials_are_counted_beside_the_base():
    row = shares("x", simulated(gate(), fixed(RATES), slip(0.9), reps=40, rng=np.random.default_rng(1)), seconds=6.0)
    assert sum(each.value or 0 for each in (row.block, row.promote, row.inconclusive)) == pytest.approx(1.0)
    assert row.base_trials == 2 * 5 * RATES.size
    assert row.extra == pytest.approx(row.extra_trials / row.base_trials)
    assert row.minutes == pytest.approx((row.base_trials + row.extra_trials) / 10)


def test_a_perfect_agent_against_itself_takes_no_extra_trial():
    played = play(gate(), np.ones(20), np.ones(20), np.random.default_rng(1))
    assert played.decided.decision is Decision.PROMOTE
    assert played.extra_trials == 0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (unchanged, [1.0, 0.5, 0.9, 0.2]),
        (best_tasks(1, 0.0), [0.0, 0.5, 0.9, 0.2]),
        (best_tasks(2, 0.5), [0.5, 0.5, 0.45, 0.2]),
        (slip(0.9), [0.9, 0.45, 0.81, 0.18]),
        (every(2, 0.5), [0.5, 0.5, 0.45, 0.2]),
    ],
)
def test_faults_change_the_rates_they_name(fault, expected):
    rates = np.array([1.0, 0.5, 0.9, 0.2])
    assert fault(rates) == pytest.approx(expected)
    assert rates == pytest.approx([1.0, 0.5, 0.9, 0.2])


def test_three_passes_of_three_are_not_taken_for_certainty():
    rates = resampled(np.array([3, 3, 3, 1, 0]), np.full(5, 3))(np.random.default_rng(1))
    assert ((rates > 0) & (rates < 1)).all()
    extreme = resampled(np.array([3, 0]), np.array([3, 3]))
    rng = np.random.default_rng(3)
    mean = np.mean([extreme(rng) for _ in range(500)], axis=0)
    assert 0.8 < mean[0] < 1
    assert 0 < mean[1] < 0.2


@pytest.mark.parametrize("passed", [0, 3])
def test_a_run_in_which_nothing_varied_still_leaves_room_for_doubt(passed):
    rates = resampled(np.full(20, passed), np.full(20, 3))(np.random.default_rng(1))
    assert rates.mean() == pytest.approx(passed / 3, abs=0.05)


def test_many_trials_are_taken_at_their_word():
    rates = resampled(np.array([900, 100, 500]), np.full(3, 1000))(np.random.default_rng(1))
    assert rates == pytest.approx([0.9, 0.1, 0.5], abs=0.05)


def test_nothing_measured_cannot_be_resampled():
    with pytest.raises(ValueError, match="at least one measured"):
        resampled(np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64))
    with pytest.raises(ConfigError, match="nothing is measured"):
        measured_counts(outcomes({"a": (0, 0, 2)}))


def test_the_table_names_every_fault_and_its_sentence_the_smallest_visible_drop():
    table = calibrate(fixed(RATES), PR, tasks=RATES.size, trials=(3, 3), reps=40, seconds=1.0)
    assert [row.scenario for row in table.rows] == list(FAULTS)
    assert table.visible_drop is not None
    assert 0 < table.visible_drop < 0.5
    text = report.render(table)
    assert text.startswith("an unchanged agent is blocked")
    assert f"{100 * table.visible_drop:.1f} points" in text.replace("\n", " ")
    assert "broken prompt template" in text
    assert "minutes" in text


def test_more_trials_show_smaller_drops():
    few, many = (
        calibrate(fixed(RATES), PR, tasks=20, trials=(k, k), faults={"same": unchanged}, reps=200).visible_drop
        for k in (2, 8)
    )
    assert few is not None
    assert many is not None
    assert many < few


def test_a_gate_without_a_rule_on_the_suite_shows_no_drop():
    policy = Policy(rules=(Extension(use="floor", options={"min": 0.5}),))
    table = calibrate(fixed(RATES), policy, tasks=20, trials=(3, 3), faults={"same": unchanged}, reps=20)
    assert table.visible_drop is None
    assert "shows no drop" in report.render(table)


def test_a_forecast_says_that_its_rates_are_assumed():
    seen = forecast(50, (3, 3), PR)
    assert seen.assumed
    assert seen.base_trials == 300
    assert seen.one_break > 0.95
    assert seen.green > 0.9
    known = forecast(20, (5, 5), PR, rates=fixed(RATES))
    assert not known.assumed
    assert forecast(20, (5, 5), PR, rates=fixed(RATES)) == known


def test_a_forecast_of_a_larger_suite_shows_smaller_drops():
    small, large = (forecast(tasks, (3, 3), PR).visible_drop for tasks in (20, 500))
    assert small is not None
    assert large is not None
    assert large < small


@dataclass(frozen=True)
class Week:
    """A release in a made-up history."""

    number: int
    counts: dict[str, tuple[int, int, int]]


def history(*weeks: Week) -> list[Outcomes]:
    runs = []
    for week in weeks:
        run = outcomes(week.counts, place=f"runs/{week.number}", run_id=str(week.number), fingerprint=str(week.number))
        header = msgspec.structs.replace(run.header, started_at=f"2026-01-{week.number:02}T00:00:00+00:00")
        runs.append(replace(run, header=header))
    return runs


GOOD = {f"t{i}": (3, 0, 0) for i in range(60)}
BAD = {f"t{i}": (0, 3, 0) if i < 12 else (3, 0, 0) for i in range(60)}
ODD = GOOD | {"t0": (0, 3, 0)}


def test_past_runs_are_gated_in_order_and_a_blocked_one_is_nobodys_baseline():
    past = replay(history(Week(3, GOOD), Week(2, BAD), Week(1, GOOD), Week(4, ODD)), PR)
    assert [(each.baseline, each.candidate) for each in past] == [
        ("runs/1", "runs/2"),
        ("runs/1", "runs/3"),
        ("runs/3", "runs/4"),
    ]
    assert [each.decision for each in past] == [Decision.BLOCK, Decision.PROMOTE, Decision.INCONCLUSIVE]
    assert past[2].suspects == ("t0",)
    text = report.render_past(past)
    assert text.startswith("would have blocked 1 of 3 runs, these:")
    assert "runs/2 (after runs/1)" in text
    assert "1 more with suspected tasks" in text


def test_past_runs_of_other_tasks_cannot_be_compared():
    past = replay(history(Week(1, GOOD), Week(2, {"other": (3, 0, 0)})), PR)
    assert past[0].decision is None
    assert "1 could not be compared" in report.render_past(past)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """A folder with two runs of three tasks."""
    return tossed(tmp_path_factory.mktemp("coins"))[0].parent


def test_a_stored_run_is_calibrated_from_the_command_line(runs):
    said = CliRunner().invoke(command, [str(runs / "1"), "--reps", "20", "--json"], catch_exceptions=False)
    table = json.loads(said.output)
    assert (table["tasks"], table["trials"], table["reps"]) == (3, [4, 4], 20)
    assert len(table["rows"]) == len(FAULTS)
    assert table["rows"][0]["minutes"] is not None
    shown = CliRunner().invoke(command, [str(runs / "1"), "--reps", "20", "--trials", "2"], catch_exceptions=False)
    assert "3 tasks, 2 + 2 trials each" in shown.output.replace("\n", " ")


def test_a_folder_of_past_runs_is_gated_from_the_command_line(runs):
    said = CliRunner().invoke(command, [str(runs)], catch_exceptions=False)
    assert "would have blocked 0 of 1 runs" in said.output
    listed = json.loads(CliRunner().invoke(command, [str(runs), "--json"], catch_exceptions=False).output)
    assert len(listed) == 1
