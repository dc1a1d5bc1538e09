from dataclasses import replace

import msgspec
import pytest

from evalharness.compare import compare
from evalharness.comparison.pairing import KINDS, Accepted, pair
from evalharness.errors import ConfigError, NotComparable
from evalharness.gate import PRESETS
from evalharness.model import Allowance, Origin, TaskClass
from tests.tables import made, policy, with_entry

PR = PRESETS["pr"]
STEADY = {f"t{n}": (5, 0, 0) for n in range(20)}
LESS = {key: value for key, value in STEADY.items() if key != "t3"}


def test_a_changed_task_is_left_out_and_says_in_what_it_changed():
    comparison = compare(made(STEADY), with_entry(made(STEADY, name="b"), "t5", graders="x", limits="y"), PR)
    assert comparison.left_out.parts == {"t5": ("graders", "limits")}
    assert comparison.classes[TaskClass.CHANGED] == 1


def test_a_changed_task_is_compared_where_every_change_of_it_is_accepted():
    after = with_entry(made(STEADY, name="b"), "t5", limits="y")
    allowed = [Allowance(kind="limits", reason="more time for all")]
    comparison = compare(made(STEADY), after, PR, allowances=allowed)
    assert comparison.left_out.changed == ()
    assert comparison.allowances == (Allowance(kind="limits", reason="more time for all", tasks=("t5",)),)
    both = with_entry(after, "t5", graders="x")
    assert compare(made(STEADY), both, PR, allowances=allowed).left_out.changed == ("t5",)


@pytest.mark.parametrize("chosen", [PR, policy({"use": "critical", "options": {"tasks": ["t3"]}})])
def test_a_critical_task_that_is_gone_is_not_comparable(chosen):
    before = with_entry(made(STEADY), "t3", tags=("critical",))
    with pytest.raises(NotComparable, match="critical tasks of runs/a are gone or changed: t3"):
        compare(before, made(LESS, name="b"), chosen)


def test_a_removed_critical_task_can_be_accepted_by_name_and_is_on_record():
    before = with_entry(made(STEADY), "t3", tags=("critical",))
    allowed = [Allowance(kind="removed", reason="retired", tasks=("t3",))]
    comparison = compare(before, made(LESS, name="b"), PR, allowances=allowed)
    assert comparison.allowances == tuple(allowed)
    assert comparison.left_out.removed == ("t3",)


def test_accepting_that_few_tasks_remain_compares_them():
    few = dict(list(STEADY.items())[:10])
    with pytest.raises(NotComparable, match="only 10 of 20"):
        pair(made(STEADY), made(few, name="b"))
    accepted = Accepted(allowances=[Allowance(kind="coverage", reason="the rest is retired")])
    assert len(pair(made(STEADY), made(few, name="b"), accepted=accepted).task_ids) == 10


@pytest.mark.parametrize(
    ("allowance", "said"),
    [
        (Allowance(kind="modle"), "--allow modle: unknown .did you mean 'model'"),
        (Allowance(kind="removed", tasks=("t33",)), "--allow-removed t33: runs/a has no such task .did you mean 't3"),
        (Allowance(kind="removed", tasks=("t3",)), "the candidate has this task; nothing is removed"),
    ],
)
def test_an_allowance_that_cannot_be_meant_is_refused(allowance, said):
    with pytest.raises(ConfigError, match=said):
        compare(made(STEADY), made(STEADY, name="b"), PR, allowances=[allowance])


def test_every_kind_can_be_accepted():
    accepted = Accepted(allowances=[Allowance(kind=kind, reason="r") for kind in KINDS])
    assert all(kind in accepted for kind in KINDS)


def test_ids_with_slashes_newlines_and_dots_are_only_names():
    odd = {f"../t\n{n}/<b>": (5, 0, 0) for n in range(20)}
    comparison = compare(made(odd), made(odd, name="b"), PR)
    assert [task.task_id for task in comparison.tasks] == list(odd)


def test_tasks_without_digests_are_noted():
    before = with_entry(made(STEADY), "t3", task="", graders="", limits="")
    said = " ".join(compare(before, made(STEADY, name="b"), PR).warnings)
    assert "1 tasks have no digests" in said


def origin(cpus: int) -> Origin:
    return Origin(harness="0", python="3", platform="any", cpus=cpus, memory_bytes=8 << 30)


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("seed", {"seed": 97}, "share the seed 97"),
        ("machine", {"origin": origin(2)}, "different machines (8 cpus with 8 GiB and 2 cpus with 8 GiB)"),
        ("policy", {}, "asks less than the baseline's: stance guard instead of certify"),
    ],
)
def test_a_concern_is_a_warning_until_it_is_accepted(kind, change, said):
    before = made(STEADY, origin=origin(8), policy=PRESETS["release"], seed=97)
    after = made(STEADY, name="b", **({"origin": origin(8)} | change))
    assert any(said in warning for warning in compare(before, after, PR).warnings)
    accepted = compare(before, after, PR, allowances=[Allowance(kind=kind, reason="known")])
    assert not any(said in warning for warning in accepted.warnings)
    assert accepted.allowances[0].kind == kind


def test_other_models_are_named():
    before = made(STEADY, fields=lambda *_: {"model": "m-1"})
    after = made(STEADY, name="b", fields=lambda *_: {"model": "m-2"})
    assert any("other models answered: m-1 and m-2" in said for said in compare(before, after, PR).warnings)


def test_faults_that_an_importer_found_are_shown():
    before = made(STEADY, options={"faults": ["3 rows tell of a trial that is on record already"]})
    assert any("baseline: 3 rows" in said for said in compare(before, made(STEADY, name="b"), PR).warnings)


def test_a_run_without_tasks_is_refused():
    empty = made({})
    with pytest.raises(ConfigError, match="runs/a has no tasks"):
        pair(empty, made(STEADY, name="b"))
    with pytest.raises(ConfigError, match="runs/b has no tasks"):
        pair(made(STEADY), replace(made({}, name="b"), header=msgspec.structs.replace(empty.header, run_id="x")))
