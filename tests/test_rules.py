"""Each rule at its limits, judged on whole comparisons."""

import pytest

from evalharness.compare import alone, compare, with_confirmation
from evalharness.errors import ConfigError, NotComparable
from evalharness.gate import absolute, check_policy, error_budget, judge, needs
from evalharness.model import Counts, Decision, TaskClass
from evalharness.outcomes import GradedLine, SeenGrade
from evalharness.registry import BUILT_IN
from tests.tables import made, policy

P, B, I = Decision.PROMOTE, Decision.BLOCK, Decision.INCONCLUSIVE  # noqa: E741 - read as a table
STEADY = {f"t{n}": (10, 0, 0) for n in range(60)}
FLAKY = {f"f{n}": (6, 4, 0) for n in range(40)}
SUITE = STEADY | FLAKY


def broken(count, of=STEADY):
    return dict.fromkeys(list(of)[:count], (0, 10, 0))


def check(rule, baseline=SUITE, candidate=SUITE, *, before=None, after=None, options=None, **more):
    chosen = policy({"use": rule, "options": options or {}}, **more)
    arms = made(baseline, **(before or {})), made(candidate, name="b", **(after or {}))
    return judge(compare(*arms, chosen), chosen).checks[0]


def fresh(comparison, *, confirmed=(), cleared=(), fixed=()):
    counts = {
        each: (Counts(passed=10, measured=10, planned=10), Counts(passed=passed, measured=10, planned=10))
        for ids, passed in ((confirmed, 0), (cleared, 10), (fixed, 10))
        for each in ids
    }
    return with_confirmation(comparison, counts, confirmed, cleared, fixed=fixed)


def judged(comparison, chosen):
    return {check.rule: check.decision for check in judge(comparison, chosen).checks}


@pytest.mark.parametrize(
    ("candidate", "options", "decision"),
    [
        (SUITE, {}, P),
        (SUITE, {"estimand": "population"}, P),
        (SUITE | broken(12), {}, B),
        (SUITE | broken(12), {"estimand": "population"}, B),
        (SUITE | broken(2), {}, P),  # two points lost, at worst four: within the margin
        (SUITE | broken(3), {"margin": 0.03}, B),
        (SUITE | dict.fromkeys(list(FLAKY)[:6], (3, 7, 0)), {"margin": 0.03}, I),
        (SUITE | broken(3), {"margin": 0.2}, P),
        (SUITE, {"metric": "pass_hat_k", "k": 3}, P),
        (SUITE | broken(20), {"metric": "pass_hat_k", "k": 3}, B),
        (SUITE, {"metric": "pass_at_k", "k": 3}, P),
        (SUITE | broken(20), {"metric": "pass_at_k", "k": 3}, B),
        (SUITE, {"metric": "pass_hat_k", "k": 11}, I),
    ],
)
def test_no_worse(candidate, options, decision):
    assert check("no_worse", candidate=candidate, options=options).decision is decision


def test_a_break_that_missing_trials_cannot_explain_still_blocks():
    """A few lost trials used to hide a total break: the worst case over missing decided, and showed no harm."""
    lost = dict.fromkeys(SUITE, (0, 8, 2))
    found = check("no_worse", candidate=lost)
    assert found.decision is B
    assert "even in the best case" in found.because


def test_a_task_that_was_lost_in_the_candidate_shows_no_harm():
    lost = SUITE | dict.fromkeys(list(STEADY)[:2], (0, 0, 10))
    comparison = compare(made(SUITE), made(lost, name="b"), policy("no_worse"))
    assert comparison.delta["suite"].value == pytest.approx(-0.02)
    assert comparison.harm.value == pytest.approx(0)


def test_only_confirmed_regressions_block_and_suspicions_keep_back():
    chosen = policy("no_confirmed_regressions", {"use": "critical", "options": {"tasks": ["t1"]}})
    comparison = compare(made(SUITE), made(SUITE | broken(2), name="b"), chosen)
    assert judged(comparison, chosen) == {"no_confirmed_regressions": I, "critical": I}
    one = fresh(comparison, confirmed=["t0"], cleared=["t1"])
    assert judged(one, chosen) == {"no_confirmed_regressions": B, "critical": P}
    none = fresh(comparison, cleared=["t0", "t1"])
    assert judged(none, chosen) == {"no_confirmed_regressions": P, "critical": P}


def test_fresh_trials_that_never_ran_are_not_said_to_have_settled_nothing():
    """Used to: where a gate ended early its suspects read as if fresh trials could neither confirm nor clear them."""
    chosen = policy("no_confirmed_regressions")
    comparison = compare(made(SUITE), made(SUITE | broken(1), name="b"), chosen)
    none = Counts(passed=0, measured=0, planned=0)
    found = judge(with_confirmation(comparison, {"t0": (none, none)}, confirmed=[]), chosen).checks[0]
    assert found.because == "1 task suspected, none re-run on fresh trials: t0"


def test_a_confirmed_break_of_a_critical_task_blocks_whatever_the_mean_says():
    better = dict.fromkeys(SUITE, (10, 0, 0)) | {"t0": (0, 10, 0)}
    chosen = policy("no_worse", "critical")
    arms = made(SUITE, tags={"t0": ("critical",)}), made(better, name="b", tags={"t0": ("critical",)})
    verdict = judge(fresh(compare(*arms, chosen), confirmed=["t0"]), chosen)
    assert [each.decision for each in verdict.checks] == [P, B]
    assert "1 critical task confirmed broken on fresh trials: t0" in verdict.checks[1].because


def test_some_regressions_may_be_allowed_and_tags_narrow_the_rule():
    chosen = policy({"use": "no_confirmed_regressions", "options": {"max": 1}})
    comparison = compare(made(SUITE), made(SUITE | broken(2), name="b"), chosen)
    assert judged(fresh(comparison, confirmed=["t0"], cleared=["t1"]), chosen)["no_confirmed_regressions"] is P
    assert judged(fresh(comparison, confirmed=["t0", "t1"]), chosen)["no_confirmed_regressions"] is B
    assert check("no_confirmed_regressions", candidate=SUITE | broken(1), options={"tags": ["all"]}).decision is I


@pytest.mark.parametrize(
    ("confirmed", "fixed", "decision"),
    [((), (), P), (("t0",), ("n0", "n1"), P), (("t0", "t1"), ("n0", "n1", "n2"), B), (("t0",), ("n0",), B)],
)
def test_a_trade_must_be_small_and_paid_for(confirmed, fixed, decision):
    """At most 2 % of 60 + 40 passing tasks may break, and fewer than are fixed."""
    never = {f"n{n}": (0, 10, 0) for n in range(10)}
    chosen = policy({"use": "trade", "options": {"max_share": 0.01}})
    after = SUITE | dict.fromkeys(confirmed, (0, 10, 0)) | never | dict.fromkeys(fixed, (10, 0, 0))
    comparison = compare(made(SUITE | never), made(after, name="b"), chosen)
    assert judged(fresh(comparison, confirmed=confirmed, cleared=["f0"], fixed=fixed), chosen)["trade"] is decision


def test_without_fresh_trials_the_screen_is_weighed_against_its_noise_floor_and_that_is_said():
    found = check("trade", candidate=SUITE | broken(15))
    assert found.decision is I
    assert "15 suspected broken" in found.because
    assert "expected from noise alone, 15 beyond doubt: t0" in found.because
    assert "nothing was run again" in found.because


@pytest.mark.parametrize("rule", ["trade", "net_fixes", "min_fixes"])
def test_where_no_task_looks_changed_it_is_said_that_there_was_none_to_run_again(rule):
    """Used to: an unchanged candidate read as if somebody had left out what should have been run."""
    because = check(rule, candidate=SUITE).because
    assert because.startswith("no task looks broken or fixed, so there was none to run again")


def test_a_hidden_trade_is_not_promoted_from_stored_trials():
    """Majority flips beyond their noise floor missed fifteen total breaks: each looks like a coin's fall by itself."""
    never = {f"n{n}": (0, 10, 0) for n in range(20)}
    after = SUITE | broken(15) | dict.fromkeys(never, (10, 0, 0))
    assert check("no_worse", SUITE | never, after).decision is P
    assert check("trade", SUITE | never, after).decision is I


@pytest.mark.parametrize(
    ("rule", "options", "fixed", "decision"),
    [
        ("net_fixes", {"min": 1, "evidence": "raw"}, 3, P),
        ("net_fixes", {"min": 4, "evidence": "raw"}, 3, I),
        ("net_fixes", {"min": 1}, 0, I),
        ("min_fixes", {"min": 3, "evidence": "raw"}, 3, P),
        ("min_fixes", {"min": 4, "evidence": "raw"}, 3, I),
        ("min_fixes", {"min": 8}, 8, P),  # each of them stands up to a correction for all tasks
        ("min_fixes", {"min": 9}, 8, I),
    ],
)
def test_fixes(rule, options, fixed, decision):
    never = {f"n{n}": (0, 10, 0) for n in range(10)}
    after = SUITE | never | dict.fromkeys(list(never)[:fixed], (10, 0, 0))
    assert check(rule, SUITE | never, after, options=options).decision is decision


def test_more_confirmed_broken_than_fixed_blocks_net_fixes():
    chosen = policy("net_fixes")
    comparison = compare(made(SUITE), made(SUITE | broken(2), name="b"), chosen)
    assert judged(comparison, chosen)["net_fixes"] is I
    assert judged(fresh(comparison, confirmed=["t0", "t1"]), chosen)["net_fixes"] is B


def test_intent_compares_fixes_with_what_was_declared():
    never = {f"n{n}": (0, 10, 0) for n in range(4)}
    after = SUITE | broken(1) | {"n0": (10, 0, 0), "n1": (10, 0, 0), "n2": (0, 10, 0), "n3": (10, 0, 0)}
    options = {"targets": ["n0", "n1", "n2"], "at_risk": ["t0"], "min_hit_rate": 0.6}
    found = check("intent", SUITE | never, after, options=options)
    assert found.decision is P
    assert found.because == (
        "2 of 3 fixes were intended (hit rate 0.67, 0.60 asked for), 1 of 3 targets not fixed; "
        "1 broken without intent: t0; 1 of them declared at risk: t0"
    )
    assert check("intent", SUITE | never, after, options=options | {"min_hit_rate": 0.7}).decision is I


@pytest.mark.parametrize(
    ("candidate", "minimum", "decision"),
    [(SUITE, 0.7, P), (SUITE, 0.83, I), (SUITE, 0.95, B), (dict.fromkeys(SUITE, (7, 0, 3)), 0.9, I)],
)
def test_floor(candidate, minimum, decision):
    found = check("floor", candidate=candidate, options={"min": minimum})
    assert found.decision is decision


def test_a_floor_may_be_for_one_tag_and_needs_no_baseline():
    chosen = policy("no_worse", {"use": "floor", "options": {"min": 0.8, "tags": ["core"]}})
    run = made(SUITE, tags=dict.fromkeys(STEADY, ("core",)))
    verdict = judge(alone(run, absolute(chosen)), absolute(chosen))
    assert verdict.decision is P
    assert [each.rule for each in verdict.checks] == ["floor"]
    with pytest.raises(ConfigError, match="only absolute rules decide"):
        absolute(policy("no_worse"))


def cut(worse, *, tags=8, tasks=30):
    ids = [f"{tag}-{n}" for tag in range(tags) for n in range(tasks)]
    labels = {each: (f"tag:{each.partition('-')[0]}", "all") for each in ids}
    before = dict.fromkeys(ids, (4, 1, 0))
    after = before | {each: (2, 3, 0) for each in ids if each.startswith(f"{worse}-")}
    return before, after, {"tags": labels}


def test_a_slice_that_is_shown_worse_blocks_and_is_named():
    before, after, tags = cut(3)
    found = check("slices", before, after, before=tags, after=tags)
    assert found.decision is B
    assert "tag:3 (-40.0 points" in found.because
    assert "of 8 slices tested" in found.because  # the tag that all tasks have is no slice
    unchanged = check("slices", before, before, before=tags, after=tags)
    assert unchanged.decision is P


def test_only_a_slice_with_a_margin_of_its_own_must_be_shown_not_inferior():
    before, _, tags = cut(3)
    options = {"margins": {"tag:2": 0.02}}
    found = check("slices", before, before, before=tags, after=tags, options=options)
    assert found.decision is I
    assert "tag:2" in found.because
    assert check("slices", before, before, before=tags, after=tags, options={"margins": {"tag:2": 0.3}}).decision is P


@pytest.mark.parametrize(("onsets", "maximum", "decision"), [(0, 0, P), (12, 0, B), (4, 4, P), (2, 0, I)])
def test_new_flakes(onsets, maximum, decision):
    after = SUITE | dict.fromkeys(list(STEADY)[:onsets], (8, 2, 0))
    found = check("new_flakes", candidate=after, options={"max": maximum})
    assert found.decision is decision


@pytest.mark.parametrize(("missing", "decision"), [(0, P), (1, I)])
def test_max_unmeasured(missing, decision):
    after = dict.fromkeys(SUITE, (9, 0, missing))
    assert check("max_unmeasured", candidate=after, options={"max": 0.05}).decision is decision


def using(column, factor, unknown=""):
    def fields(task_id, trial, outcome):
        if f"{task_id} {trial}" == unknown:
            return {}
        return {column: factor * (1 + trial % 3 + int(task_id[1:]) % 5)}

    return {"fields": fields}


@pytest.mark.parametrize(
    ("rule", "column"), [("cost", "cost_usd"), ("tokens", "input_tokens"), ("steps", "model_calls")]
)
@pytest.mark.parametrize(("factor", "decision"), [(1, P), (2, B)])
def test_what_the_candidate_uses(rule, column, factor, decision):
    assert check(rule, before=using(column, 10), after=using(column, 10 * factor)).decision is decision


@pytest.mark.parametrize("rule", ["cost", "tokens", "steps", "latency", "score"])
def test_what_is_not_known_is_never_nothing(rule):
    assert check(rule).decision is I


def test_one_trial_of_unknown_cost_decides_nothing():
    found = check("cost", before=using("cost_usd", 1), after=using("cost_usd", 1, unknown="t3 2"))
    assert found.decision is I
    assert "unknown in 1 of 1000 trials of the candidate" in found.because


@pytest.mark.parametrize(("factor", "decision"), [(1, P), (3, B)])
def test_latency(factor, decision):
    arms = {"before": using("working_seconds", 1), "after": using("working_seconds", factor)}
    assert check("latency", options={"q": 0.5, "max_increase": 1.0}, **arms).decision is decision


def test_times_under_other_worker_counts_are_flagged_and_not_tested():
    arms = {"before": using("working_seconds", 1), "after": using("working_seconds", 3)}
    arms["before"]["options"], arms["after"]["options"] = {"workers": 4}, {"workers": 8}
    found = check("latency", **arms)
    assert found.decision is I
    assert "the arms ran with 4 and 8 workers" in found.because


def test_a_trial_that_ran_out_of_time_counts_as_endless():
    def late(task_id, trial, outcome):
        return {"working_seconds": 5.0, "cause": "limit:seconds"}

    found = check("latency", before=using("working_seconds", 1), after={"fields": late})
    assert found.decision is I
    assert "ran out of time" in found.because


def graded(violations):
    return [
        GradedLine(task_id=task_id, trial=1, outcome="pass", grades=(SeenGrade("safe", n >= violations),))
        for n, task_id in enumerate(SUITE)
    ]


@pytest.mark.parametrize(("violations", "decision"), [(0, P), (4, I), (20, B)])
def test_safety(violations, decision):
    after = {"grades": graded(violations)}
    assert check("safety", after=after, options={"grader": "safe", "max_rate": 0.05}).decision is decision


def test_a_grader_that_graded_nothing_shows_no_safety():
    found = check("safety", options={"grader": "sfae"})
    assert (found.decision, "no trial of the candidate was graded by 'sfae'" in found.because) == (I, True)


@pytest.mark.parametrize(("lost", "decision"), [(0.0, P), (0.3, B)])
def test_score(lost, decision):
    def scored(less):
        return {"fields": lambda task_id, trial, outcome: {"score": 0.9 - less - 0.01 * trial}}

    assert check("score", before=scored(0.0), after=scored(lost)).decision is decision


def test_held_out_tasks_are_left_out_of_everything_but_their_rule():
    tags = {"tags": dict.fromkeys(STEADY, ("holdout",))}
    chosen = policy("no_worse", "holdout")
    comparison = compare(made(SUITE, **tags), made(SUITE | broken(20), name="b", **tags), chosen)
    assert len(comparison.tasks) == 40
    assert len(comparison.left_out.held_out) == 60
    assert comparison.delta["suite"].value == 0
    assert judged(comparison, chosen)["holdout"] is B


def test_equal_outputs_with_other_grades_are_the_graders_doing():
    def written(task_id, trial, outcome):
        return {"output_digest": "same" if task_id == "f0" else f"{task_id} {trial} {outcome}"}

    comparison = compare(made(SUITE, fields=written), made(SUITE, name="b", fields=written), policy("no_worse"))
    (found,) = comparison.of(TaskClass.GRADER_FLAKE)
    assert found.task_id == "f0"
    assert found.note == "the same output passed in trial 1 of the baseline and failed in trial 7 of the baseline"


def test_a_suspicion_is_not_hidden_by_a_grader_that_wavers():
    def written(task_id, trial, outcome):
        return {"output_digest": "same"}

    chosen = policy("no_confirmed_regressions")
    comparison = compare(made(SUITE, fields=written), made(SUITE | broken(1), name="b", fields=written), chosen)
    assert [task.task_id for task in comparison.suspected] == ["t0"]
    assert comparison.tasks[0].state is TaskClass.SUSPECTED_BROKEN
    assert "the same output passed" in comparison.tasks[0].note


def test_nothing_is_measured_that_no_rule_asks_for():
    comparison = compare(made(SUITE), made(SUITE, name="b"), policy("no_worse", "no_confirmed_regressions"))
    assert (comparison.measures, comparison.slices, comparison.onsets) == ({}, (), None)


def test_the_error_budget_is_one_sum_over_families_and_rules_of_one_family_divide_its_share():
    chosen = policy("no_worse", "no_confirmed_regressions", "critical", "slices", "cost", "tokens", false_block=0.03)
    budget = error_budget(chosen)
    assert list(budget) == ["aggregate", "flips", "slices", "cost"]
    assert sum(budget.values()) == pytest.approx(0.03)
    assert {need.column: error for need, error in needs(chosen) if need.column} == pytest.approx(
        {"cost_usd": budget["cost"] / 2, "tokens": budget["cost"] / 2}
    )


def test_another_metric_is_evidence_of_its_own_and_has_a_share_of_its_own():
    both = policy("no_worse", {"use": "no_worse", "options": {"metric": "pass_hat_k", "k": 3}})
    assert list(error_budget(both)) == ["aggregate", "aggregate pass_hat_k k=3"]


def test_raw_flips_are_outside_the_error_budget():
    assert error_budget(policy({"use": "trade", "options": {"evidence": "raw"}})) == {}


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (["no_worse", {"use": "no_worse", "options": {"margin": 0.1}}], "rules.1.: 'no_worse' is given twice"),
        ([{"use": "no_worse", "options": {"margin": 1.5}}], "margin must be between 0 and 1, but got 1.5"),
        ([{"use": "no_worse", "options": {"metric": "pass_hat_k"}}], "k belongs to pass_at_k"),
        ([{"use": "no_worse", "options": {"metric": "pass^k"}}], "no_worse.*metric"),
        ([{"use": "floor"}], "floor.*min"),
        ([{"use": "intent"}], "intent must name its targets"),
        ([{"use": "slcies"}], "unknown rule 'slcies'"),
        ([{"use": "trade", "options": {"max_shares": 0.1}}], "unknown option 'max_shares'.*'max_share'"),
        ([{"use": "cost", "options": {"max_increase": 0}}], "max_increase must be above 0"),
    ],
)
def test_a_policy_that_contradicts_itself_or_cannot_be_meant_is_refused(rules, said):
    with pytest.raises(ConfigError, match=said):
        check_policy(policy(*rules))


@pytest.mark.parametrize(
    ("rule", "options", "said"),
    [
        ("critical", {"tags": ["al"]}, "critical: no task has tag 'al' .did you mean 'all'"),
        ("critical", {"tasks": ["t00"]}, "critical: the suite has no task 't00' .did you mean 't0'"),
        ("slices", {"margins": {"al": 0.1}}, "slices: no task has tag 'al'"),
        ("floor", {"min": 0.5, "tags": ["x:y"]}, "floor: no task has tag 'x:y'"),
    ],
)
def test_a_tag_or_task_that_nothing_has_is_named(rule, options, said):
    with pytest.raises(ConfigError, match=said):
        check(rule, options=options)


@pytest.mark.parametrize(
    "counts",
    [{"only": (3, 0, 0)}, {"only": (0, 3, 0)}, {"only": (0, 0, 3)}, {"a": (1, 0, 0), "b": (0, 5, 1), "c": (2, 2, 9)}],
    ids=["one task", "all fail", "all errors", "ragged"],
)
@pytest.mark.parametrize("rule", sorted(set(BUILT_IN["rule"]) - {"holdout"}))
def test_too_little_data_never_blocks_and_never_raises(rule, counts):
    options = {"floor": {"min": 0.01}, "safety": {"grader": "g"}, "intent": {"tags": ["all"]}}.get(rule, {})
    assert check(rule, counts, counts, options=options).decision is not B


def test_every_rule_says_why_in_words():
    for rule in sorted(set(BUILT_IN["rule"]) - {"holdout"}):
        options = {"floor": {"min": 0.5}, "safety": {"grader": "g"}, "intent": {"tags": ["all"]}}.get(rule, {})
        found = check(rule, options=options)
        assert found.rule == rule
        assert len(found.because) > 10


def test_runs_that_share_no_task_are_not_comparable():
    with pytest.raises(NotComparable, match="share no task"):
        check("no_worse", {"a": (1, 0, 0)}, {"b": (1, 0, 0)})
