import json
from dataclasses import replace

import pandas as pd
import pytest

from evalharness.compare import compare
from evalharness.errors import ConfigError
from evalharness.gate import PRESETS, check_policy, judge
from evalharness.model import Decision
from evalharness.policy import load_policy, weaknesses
from evalharness.suite import load_suite
from tests.real_outcomes import runs
from tests.tables import made, policy

SUITE = "tasks: [{id: a, prompt: p, expected: x}]\ngraders: [{use: exact_match}]\n"


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_meant(name):
    check_policy(PRESETS[name])
    assert load_policy(name).preset == name


def test_a_suite_may_start_from_a_preset_and_replace_parts_of_it(tmp_path):
    (tmp_path / "s.yaml").write_text(f"{SUITE}gate: {{preset: upgrade, margin: 0.03}}\n")
    found = load_suite(tmp_path / "s.yaml").policy
    assert (found.preset, found.margin, found.stance) == ("upgrade", 0.03, "certify")
    assert found.rules == PRESETS["upgrade"].rules


def test_an_unknown_preset_is_named_with_the_nearest(tmp_path):
    (tmp_path / "s.yaml").write_text(f"{SUITE}gate: {{preset: upgarde}}\n")
    with pytest.raises(ConfigError, match=r"s.yaml: gate.preset: unknown preset 'upgarde' .did you mean 'upgrade'"):
        load_suite(tmp_path / "s.yaml")


def test_a_weaker_policy_says_in_what():
    assert weaknesses(PRESETS["release"], PRESETS["release"]) == []
    assert weaknesses(PRESETS["release"], PRESETS["pr"]) == []
    assert weaknesses(policy("no_worse", margin=0.1, false_block=0.1), PRESETS["release"]) == [
        "stance guard instead of certify",
        "margin 10 instead of 5 points",
        "false_block 0.1 instead of 0.03",
        "without the rule no_confirmed_regressions",
    ]
    allowed = policy("no_worse", {"use": "no_confirmed_regressions", "options": {"max": 3}})
    assert weaknesses(allowed, PRESETS["pr"]) == ["no_confirmed_regressions with max 3 instead of its defaults"]


def test_agentdevel_reproduces_every_published_decision(shared):
    """Table 2 of arXiv 2601.04620, with as many passing tasks as its broken rates imply."""
    published = json.loads((shared / "oracles" / "papers.json").read_text())["agentdevel_table2"]
    assert len(published) == 11
    for row in published:
        passing = round(row["p2f"] / row["rho_p2f"])
        before = {f"p{n}": (1, 0, 0) for n in range(passing)} | {f"n{n}": (0, 1, 0) for n in range(row["f2p"])}
        after = dict.fromkeys(before, (1, 0, 0)) | {f"p{n}": (0, 1, 0) for n in range(row["p2f"])}
        comparison = compare(made(before), made(after, name="b"), PRESETS["agentdevel"])
        decision = judge(comparison, PRESETS["agentdevel"]).decision
        assert (decision is Decision.PROMOTE) == (row["gate"] == "Acc"), row
        assert (decision is Decision.BLOCK) == (row["gate"] == "Rej"), row


def judged(baseline, candidate, name="upgrade"):
    return judge(compare(baseline, candidate, PRESETS[name]), PRESETS[name])


def test_a_real_upgrade_is_promoted_from_stored_logs_and_its_reverse_blocked(shared):
    arms = runs(shared / "data" / "outcomes" / "tau2_retail.csv.gz", arm="version")
    base, mermaid = (next(run for name, run in arms.items() if word in name) for word in ("base", "mermaid"))
    upgrade = judged(base, mermaid)
    assert upgrade.decision is Decision.PROMOTE
    assert "nothing was run again" in upgrade.checks[2].because
    downgrade = judged(mermaid, base)
    assert downgrade.decision is Decision.BLOCK
    assert "31 suspected broken, 8.3 expected from noise alone: 44, 6, 66" in downgrade.checks[2].because


@pytest.mark.parametrize("name", ["pr", "release", "upgrade"])
def test_equal_means_with_many_flips_are_not_blocked_from_stored_logs(shared, name):
    arms = runs(shared / "data" / "outcomes" / "terminal_bench.csv.gz", arm="agent")
    openhands, goose = arms["openhands/claude-4-sonnet"], arms["goose/claude-4-sonnet"]
    for verdict in (judged(openhands, goose, name), judged(goose, openhands, name)):
        assert verdict.decision is Decision.INCONCLUSIVE
        assert verdict.checks[0].decision is Decision.PROMOTE
        assert "suspected" in verdict.checks[-1].because


def test_a_crashed_run_and_a_copied_one_are_reported_and_not_averaged_in(shared):
    arms = runs(shared / "data" / "outcomes" / "terminal_bench.csv.gz", arm="agent")
    mini, other = arms["swe-agent-mini/claude-4-sonnet"], arms["goose/claude-4-sonnet"]
    again = mini.trials[mini.trials["trial"] == 1]
    passed = (again["outcome"] == "pass").groupby(again["task_id"]).sum()
    twice = replace(
        mini,
        trials=pd.concat([mini.trials, again.assign(trial=6)], ignore_index=True),
        tasks=(mini.tasks + 1).assign(passed=mini.tasks["passed"] + passed),
    )
    comparison = compare(twice, other, PRESETS["pr"])
    assert "trial 6 of swe-agent-mini/claude-4-sonnet is a copy of trial 1" in comparison.faults[0]
    assert (
        "trial 5 of swe-agent-mini/claude-4-sonnet crashed: 59 of 80 ended with unknown_agent_error"
        in (comparison.faults[1])
    )
    assert comparison.baseline.trials == 80 * 4
    assert judge(comparison, PRESETS["pr"]).checks[-1].rule == "data"
