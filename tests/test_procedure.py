import itertools
import math

import msgspec
import numpy as np
import pytest

from evalharness.gate import PRESETS, error_budget
from evalharness.model import Confirm, Decision, Extension, Policy
from evalharness.procedure import Decided, Procedure, Purpose, Request, Tally, empty, tally
from evalharness.procedure.suspicion import factors, joint_pvalue, suspicion
from evalharness.stats.tables import fisher

PR = PRESETS["pr"]
STEADY = [(3, 3)] * 20


def counted(pairs: list[tuple[int, int]], trials: int = 3) -> Tally:
    """A tally of (baseline passes, candidate passes) per task, with the same trials in both arms."""
    before, after = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    planned = np.full(len(pairs), trials)
    return tally(before, planned, after, planned)


def gate(tasks: int, trials: tuple[int, int] = (3, 3), **options: object) -> Procedure:
    chosen = {"policy": PR} | options
    return Procedure(tasks=tuple(f"t{number}" for number in range(tasks)), trials=trials, **chosen)


def answer(request: Request, tasks: int, base: dict[int, float], cand: dict[int, float]) -> Tally:
    """Trials that pass at exactly these rates per task, rounded down; every other task passes always."""
    arms = []
    for wanted, rates in ((request.baseline, base), (request.candidate, cand)):
        trials = np.array([wanted.get(task, 0) for task in range(tasks)], dtype=np.int64)
        passed = np.array([math.floor(wanted.get(task, 0) * rates.get(task, 1.0)) for task in range(tasks)])
        arms += [passed.astype(np.int64), trials]
    return tally(*arms)


def test_a_suite_that_collapsed_is_blocked_without_another_trial():
    procedure = gate(20)
    step = procedure.next(procedure.start(counted([(3, 0)] * 20), asked=(3, 3)))
    assert isinstance(step, Decided)
    assert step.decision is Decision.BLOCK
    assert step.findings[0].because.startswith("pass rate -100.0 points")


def test_an_agent_that_passes_everything_again_is_promoted_without_another_trial():
    procedure = gate(20)
    step = procedure.next(procedure.start(counted(STEADY), asked=(3, 3)))
    assert isinstance(step, Decided)
    assert step.decision is Decision.PROMOTE
    assert step.complete


def test_only_suspects_are_run_again_and_on_both_sides():
    procedure = gate(20)
    step = procedure.next(procedure.start(counted([(3, 0), *STEADY[1:]]), asked=(3, 3)))
    assert isinstance(step, Request)
    assert step.purpose is Purpose.CONFIRM
    assert step.baseline == step.candidate == {0: 4}


def test_asking_twice_gives_the_same_request():
    procedure = gate(20)
    state = procedure.start(counted([(3, 0), *STEADY[1:]]), asked=(3, 3))
    assert procedure.next(state) == procedure.next(state)


def broken_for_good(procedure: Procedure, pairs: list[tuple[int, int]], cand: dict[int, float]) -> Decided:
    state = procedure.start(counted(pairs), asked=(3, 3))
    while isinstance(step := procedure.next(state), Request):
        state = procedure.update(state, step, answer(step, len(pairs), {}, cand))
    return step


def test_a_break_that_stays_is_confirmed_and_named():
    decided = broken_for_good(gate(20), [(3, 0), *STEADY[1:]], {0: 0.0})
    assert decided.decision is Decision.BLOCK
    assert decided.confirmed == (0,)
    assert (
        decided.findings[1].because == "1 confirmed on fresh trials: t0 (4/4 to 0/4)"
        or "t0" in decided.findings[1].because
    )


def test_a_break_that_was_luck_is_cleared_and_promotes():
    decided = broken_for_good(gate(60), [(3, 0)] + [(3, 3)] * 59, {})
    assert decided.decision is Decision.PROMOTE
    assert decided.findings[1].decision is Decision.PROMOTE
    assert decided.confirmed == ()
    assert decided.suspects[0].candidate == (4, 4)
    assert not decided.suspects[0].live


def test_fresh_trials_of_suspects_never_count_for_the_suite():
    procedure = gate(20)
    state = procedure.start(counted([(3, 0), *STEADY[1:]]), asked=(3, 3))
    step = procedure.next(state)
    after = procedure.update(state, step, answer(step, 20, {}, {}))
    assert after.screen is state.screen
    assert after.fresh.measured == 8


def test_several_half_broken_tasks_are_shown_together():
    pairs = [(3, 1)] * 4 + STEADY[4:]
    decided = broken_for_good(gate(20), pairs, dict.fromkeys(range(4), 0.5))
    assert decided.decision is Decision.BLOCK


def test_rounds_are_added_only_while_the_suite_looks_worse_and_no_more_than_allowed():
    pairs = [(3, 2)] * 9 + [(2, 3)] * 4 + [(3, 3)] * 27
    procedure = gate(40, policy=msgspec.structs.replace(PR, rules=(Extension(use="no_worse"),), extra_rounds=2))
    state, rounds = procedure.start(counted(pairs), asked=(3, 3)), 0
    while isinstance(step := procedure.next(state), Request):
        assert step.purpose is Purpose.ROUND
        assert step.trials == 80
        rounds += 1
        half = dict.fromkeys(range(rounds % 2, 4), 0.0)
        state = procedure.update(state, step, answer(step, 40, {}, half))
    assert 1 <= rounds <= 2
    assert len(state.looks) == 1 + rounds


def test_no_rounds_are_added_while_the_suite_looks_no_worse():
    procedure = gate(6)
    step = procedure.next(procedure.start(counted([(1, 2), (2, 1)] * 3), asked=(3, 3)))
    assert isinstance(step, Decided)
    assert step.decision is Decision.INCONCLUSIVE


def test_every_look_is_recorded_with_a_budget_that_never_exceeds_its_share():
    rng = np.random.default_rng(5)
    budget = error_budget(PR)
    procedure = gate(30, trials=(6, 6), looks=(2, 3, 4, 5))
    for _ in range(30):
        rates = rng.uniform(0.4, 1, 30)
        state = procedure.start()
        while isinstance(step := procedure.next(state), Request):
            base, cand = (np.array([arm.get(i, 0) for i in range(30)]) for arm in (step.baseline, step.candidate))
            fresh = tally(rng.binomial(base, rates), base, rng.binomial(cand, rates * 0.93), cand)
            state = procedure.update(state, step, fresh)
        for family, share in budget.items():
            spent = [look.spent for look in step.looks if look.family == family]
            assert spent == sorted(spent)
            assert all(each <= share + 1e-9 for each in spent)
            fractions = [look.fraction for look in step.looks if look.family == family]
            assert fractions == sorted(set(fractions))


def test_the_suite_gets_two_thirds_of_the_error_and_single_tasks_the_rest():
    assert error_budget(PR) == pytest.approx({"aggregate": 0.02, "flips": 0.01})


def test_from_nothing_rounds_are_asked_for_up_to_each_look():
    procedure = gate(5, trials=(4, 4), looks=(2,))
    step = procedure.next(procedure.start())
    assert isinstance(step, Request)
    assert step.purpose is Purpose.ROUND
    assert step.baseline == step.candidate == dict.fromkeys(range(5), 2)


def test_a_stored_baseline_is_not_run_again_for_the_base():
    procedure = gate(5, trials=(6, 3))
    stored = tally(np.full(5, 6), np.full(5, 6), np.zeros(5, dtype=np.int64), np.zeros(5, dtype=np.int64))
    step = procedure.next(procedure.start(stored, asked=(6, 0)))
    assert isinstance(step, Request)
    assert step.baseline == {}
    assert step.candidate == dict.fromkeys(range(5), 3)


def test_an_early_look_that_settles_the_suite_ends_the_base():
    procedure = gate(60, trials=(8, 8), looks=tuple(range(2, 8)))
    state, asked = procedure.start(), 0
    while isinstance(step := procedure.next(state), Request):
        asked += step.trials
        state = procedure.update(state, step, answer(step, 60, {}, {}))
    assert step.decision is Decision.PROMOTE
    assert asked < 60 * 8 * 2


def test_a_deadline_in_the_middle_of_the_base_decides_on_what_there_is():
    procedure = gate(20, trials=(5, 5), looks=(2,))
    state = procedure.start()
    step = procedure.next(state)
    state = procedure.update(state, step, answer(step, 20, {}, dict.fromkeys(range(20), 0.0)))
    assert procedure.conclude(state).decision is Decision.BLOCK


def test_a_deadline_before_any_trial_is_inconclusive():
    procedure = gate(4)
    decided = procedure.conclude(procedure.start())
    assert decided.decision is Decision.INCONCLUSIVE
    assert not decided.complete


def test_a_deadline_with_suspects_open_never_promotes():
    procedure = gate(60)
    state = procedure.start(counted([(3, 0)] + [(3, 3)] * 59), asked=(3, 3))
    step = procedure.next(state)
    assert procedure.conclude(state).findings[1].decision is Decision.INCONCLUSIVE
    state = procedure.update(state, step, answer(step, 60, {}, {0: 0.5}))
    assert state.suspects is not None
    assert state.suspects[0].live
    decided = procedure.conclude(state)
    assert decided.findings[1].decision is Decision.INCONCLUSIVE
    assert "still suspected" in decided.findings[1].because


def test_fresh_trials_that_were_never_measured_confirm_and_clear_nothing():
    procedure = gate(60)
    state = procedure.start(counted([(3, 0)] + [(3, 3)] * 59), asked=(3, 3))
    while isinstance(step := procedure.next(state), Request):
        state = procedure.update(state, step, empty(60))
    assert step.findings[1].decision is Decision.INCONCLUSIVE
    assert "not re-run" in step.findings[1].because


def test_tasks_without_trials_in_an_arm_are_nobodys_suspects():
    seen = tally(*(np.array(column) for column in ([3, 3], [3, 3], [0, 3], [0, 3])))
    state = gate(2).start(seen, asked=(3, 3))
    assert state.suspects == ()


def test_no_tasks_at_all_are_inconclusive():
    procedure = gate(0)
    step = procedure.next(procedure.start(empty(0), asked=(3, 3)))
    assert isinstance(step, Decided)
    assert step.decision is Decision.INCONCLUSIVE


def test_only_eligible_tasks_may_block():
    procedure = gate(20, eligible=(False,) + (True,) * 19)
    state = procedure.start(counted([(3, 0), *STEADY[1:]]), asked=(3, 3))
    assert state.suspects == ()


def test_one_total_break_among_many_flaky_tasks_at_one_trial_is_a_suspect():
    pairs = [(1, 0)] * 20 + [(1, 1)] * 20
    state = gate(40, trials=(1, 1)).start(counted(pairs, trials=1), asked=(1, 1))
    assert {suspect.task for suspect in state.suspects or ()} == set(range(20))


def test_where_nothing_can_be_re_run_suspects_stay_suspected():
    procedure = gate(60, rerun=(False, False))
    step = procedure.next(procedure.start(counted([(3, 0)] + [(3, 3)] * 59), asked=(3, 3)))
    assert isinstance(step, Decided)
    assert step.decision is Decision.INCONCLUSIVE
    assert "not re-run" in step.findings[1].because


def test_a_baseline_that_cannot_be_re_run_costs_more_trials_of_the_candidate():
    procedure = gate(20, rerun=(False, True))
    pairs = [(3, 0), *STEADY[1:]]
    state, asked = procedure.start(counted(pairs), asked=(3, 3)), 0
    while isinstance(step := procedure.next(state), Request):
        assert step.baseline == {}
        asked += step.trials
        state = procedure.update(state, step, answer(step, 20, {}, {0: 0.0}))
    assert step.confirmed == (0,)
    assert step.decision is Decision.BLOCK
    assert asked > 14


def test_a_stored_baseline_clears_a_suspect_as_soon_as_it_cannot_be_confirmed():
    procedure = gate(60, rerun=(False, True))
    state, asked = procedure.start(counted([(3, 0)] + [(3, 3)] * 59), asked=(3, 3)), 0
    while isinstance(step := procedure.next(state), Request):
        asked += step.trials if step.purpose is Purpose.CONFIRM else 0
        state = procedure.update(state, step, answer(step, 60, {}, {}))
    assert asked == 4
    assert step.findings[1].decision is Decision.PROMOTE


def test_a_policy_without_a_rule_on_single_tasks_re_runs_nobody():
    procedure = gate(20, policy=Policy(rules=(Extension(use="no_worse"),), extra_rounds=0))
    step = procedure.next(procedure.start(counted([(3, 0), *STEADY[1:]]), asked=(3, 3)))
    assert isinstance(step, Decided)
    assert [finding.family for finding in step.findings] == ["aggregate"]


def test_a_policy_on_single_tasks_alone_looks_at_nothing_else():
    procedure = gate(20, policy=Policy(rules=(Extension(use="no_confirmed_regressions"),)))
    step = procedure.next(procedure.start(counted(STEADY), asked=(3, 3)))
    assert isinstance(step, Decided)
    assert step.decision is Decision.PROMOTE
    assert step.looks == ()


def test_harm_to_tasks_like_these_is_judged_by_the_population_interval():
    pairs = [(3, 1)] * 30 + [(3, 3)] * 30
    suite, population = (
        gate(60, policy=msgspec.structs.replace(PR, estimand=each)).start(counted(pairs), asked=(3, 3)).looks[0]
        for each in ("suite", "population")
    )
    assert suite.z > population.z > 0


def test_one_batch_is_enough_where_the_policy_allows_no_more():
    procedure = gate(20, policy=msgspec.structs.replace(PR, confirm=Confirm(trials=3, first=4)))
    step = procedure.next(procedure.start(counted([(3, 0), *STEADY[1:]]), asked=(3, 3)))
    assert isinstance(step, Request)
    assert step.candidate == {0: 3}


@pytest.mark.parametrize(("base", "cand", "total"), [(3, 3, 4), (4, 4, 6), (6, 3, 5), (1, 1, 1), (10, 10, 17)])
def test_bayes_factors_average_to_one_under_no_change(base, cand, total):
    found = factors(base, cand, total)
    assert float(found.chance @ found.factor) == pytest.approx(1.0)


def test_suspicion_grows_with_every_lost_pass():
    grown = [suspicion((3, 3, after, 3)) for after in (3, 2, 1, 0)]
    assert grown == sorted(grown)
    assert grown[0] < 0.06
    assert grown[-1] > 0.3


def test_a_task_without_trials_in_an_arm_is_as_suspect_as_before():
    assert suspicion((0, 0, 1, 3), 0.2) == 0.2


@pytest.mark.parametrize("table", [(4, 4, 0, 4), (4, 4, 1, 4), (3, 4, 1, 4), (9, 10, 5, 10), (6, 6, 1, 3)])
def test_one_suspect_alone_is_tested_by_fishers_exact_test(table):
    assert joint_pvalue(((table, 0.3),)) == pytest.approx(fisher(*table), abs=1e-9)


def test_suspects_that_were_never_re_run_say_nothing():
    assert joint_pvalue((((0, 0, 0, 0), 0.4),)) == 1.0
    alone, beside = ((4, 4, 1, 4), 0.4), ((0, 0, 2, 4), 0.4)
    assert joint_pvalue((alone, beside)) == joint_pvalue((alone,))


@pytest.mark.parametrize(("totals", "weights"), [((5, 7), (0.4, 0.08)), ((4, 6, 7), (0.25, 0.25, 0.02))])
def test_the_joint_test_never_exceeds_its_level(totals, weights):
    """Exact: over every split of the passes of all suspects."""
    splits = [factors(4, 4, total) for total in totals]
    outcomes = []
    for each in itertools.product(*(range(split.chance.size) for split in splits)):
        chance = math.prod(float(split.chance[i]) for split, i in zip(splits, each, strict=True))
        cand = [split.start + i for split, i in zip(splits, each, strict=True)]
        tables = [((total - c, 4, c, 4), w) for total, c, w in zip(totals, cand, weights, strict=True)]
        outcomes.append((joint_pvalue(tuple(tables)), chance))
    assert sum(chance for _, chance in outcomes) == pytest.approx(1.0)
    for level, _ in outcomes:
        assert sum(chance for pvalue, chance in outcomes if pvalue <= level + 1e-9) <= level + 1e-6


def test_several_weak_suspects_say_together_what_none_says_alone():
    weak = ((4, 4, 2, 4), 0.25)
    assert joint_pvalue((weak,) * 4) < joint_pvalue((weak,)) / 5
