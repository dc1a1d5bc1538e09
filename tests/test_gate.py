import msgspec
import pytest

from evalharness.compare import compare
from evalharness.errors import ConfigError
from evalharness.gate import PRESETS, check_policy, error_budget, judge
from evalharness.model import Decision, Extension, Policy, Verdict
from tests.factories import arms

PR, RELEASE = PRESETS["pr"], PRESETS["release"]
STEADY = {f"t{n}": (10, 0, 0) for n in range(60)}
FLAKY = {f"f{n}": (6, 4, 0) for n in range(40)}
SUITE = STEADY | FLAKY


def verdict(baseline, candidate, policy=PR):
    return judge(compare(*arms(baseline, candidate), policy), policy)


def test_an_unchanged_candidate_is_not_inferior():
    assert verdict(SUITE, SUITE).decision is Decision.PROMOTE


def test_a_clear_loss_blocks():
    worse = dict.fromkeys(STEADY, (7, 3, 0)) | FLAKY
    assert verdict(SUITE, worse).decision is Decision.BLOCK


def test_a_small_loss_within_the_margin_is_promoted_by_no_worse():
    slightly = STEADY | dict.fromkeys(list(FLAKY)[:5], (5, 5, 0)) | dict(list(FLAKY.items())[5:])
    checks = {check.rule: check.decision for check in verdict(SUITE, slightly).checks}
    assert checks["no_worse"] is Decision.PROMOTE


def test_a_suspected_task_keeps_a_promotion_back_and_is_named():
    result = verdict(SUITE, SUITE | {"t3": (0, 10, 0)})
    assert result.decision is Decision.INCONCLUSIVE
    assert "t3" in " ".join(check.because for check in result.checks)


def test_missing_trials_never_show_harm_and_never_promote():
    result = verdict(SUITE, {key: (passed, failed, 3) for key, (passed, failed, _) in SUITE.items()})
    assert result.decision is Decision.INCONCLUSIVE
    assert "measure what is missing" in result.settled_by


def test_one_task_cannot_certify_anything():
    assert verdict({"only": (3, 0, 0)}, {"only": (3, 0, 0)}).decision is Decision.INCONCLUSIVE


@pytest.mark.parametrize(
    ("stance", "decision", "exit_code"),
    [
        ("guard", Decision.PROMOTE, 0),
        ("guard", Decision.INCONCLUSIVE, 0),
        ("guard", Decision.BLOCK, 1),
        ("certify", Decision.PROMOTE, 0),
        ("certify", Decision.INCONCLUSIVE, 3),
        ("certify", Decision.BLOCK, 1),
        ("report", Decision.BLOCK, 0),
        ("report", Decision.INCONCLUSIVE, 0),
    ],
)
def test_the_stance_decides_the_exit_code(stance, decision, exit_code):
    base = verdict(SUITE, SUITE)
    checks = tuple(msgspec.structs.replace(check, decision=decision) for check in base.checks)
    policy = msgspec.structs.replace(PR, stance=stance)
    assert Verdict(policy=policy, checks=checks, error_budget={}).exit_code == exit_code


def test_a_verdict_without_checks_never_promotes():
    assert Verdict(policy=PR, checks=(), error_budget={}).decision is Decision.INCONCLUSIVE


def test_the_error_budget_is_one_sum_over_all_families_of_rules():
    assert sum(error_budget(PR).values()) == pytest.approx(PR.false_block)
    only = Policy(rules=(Extension(use="no_worse"),))
    assert error_budget(only) == {"aggregate": only.false_block}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rules": ()}, "an empty policy promotes nothing"),
        ({"margin": 0.0}, "gate.margin: 0.0 must be a fraction"),
        ({"margin": 5}, "gate.margin: 5 must be a fraction"),
        ({"false_block": float("nan")}, "gate.false_block: nan must be a fraction"),
        ({"stance": "gaurd"}, "'gaurd' must be one of guard, certify, report"),
        ({"estimand": "tasks"}, "must be suite or population"),
        ({"rules": (Extension(use="no_wrose"),)}, "unknown rule 'no_wrose'"),
        ({"rules": (Extension(use="no_worse", options={"margn": 1}),)}, "unknown option 'margn'.*'margin'"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(change, said):
    with pytest.raises(ConfigError, match=said):
        check_policy(msgspec.structs.replace(PR, **change))


def test_an_inconclusive_verdict_says_what_would_settle_it():
    few = {f"t{n}": (2, 1, 0) for n in range(20)}
    assert "trials per task and arm, if" in verdict(few, few).settled_by
