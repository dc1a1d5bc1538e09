import json
import os
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from sarif_pydantic import Sarif

from evalharness.compare import compare, with_confirmation
from evalharness.gate import PRESETS, judge
from evalharness.model import Counts
from evalharness.report import sarif
from tests.factories import arms
from tests.report.hostile import HOSTILE, hostile

PR = PRESETS["pr"]
STEADY = {f"t{number}": (5, 0, 0) for number in range(40)} | {"hopeless": (0, 5, 0)}
CHANGED = STEADY | {"t7": (0, 5, 0), "t8": (0, 5, 0), "t9": (0, 0, 5)}
NINE = Counts(passed=9, measured=9, planned=9)
MULTITOOL = Path("node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool")


def log(baseline, candidate, confirmed=()):
    found = compare(*arms(baseline, candidate), PR)
    fresh = {each: (NINE, msgspec.structs.replace(NINE, passed=0)) for each in confirmed}
    found = with_confirmation(found, fresh, confirmed)
    text = sarif.render(found, judge(found, PR))
    Sarif.model_validate_json(text)
    return json.loads(text)["runs"][0]


def results(*given, **named):
    return {each["locations"][0]["logicalLocations"][0]["name"]: each for each in log(*given, **named)["results"]}


def test_confirmed_is_an_error_suspected_a_warning_and_both_are_new():
    found = results(STEADY, CHANGED, confirmed={"t7"})
    assert (found["t7"]["level"], found["t7"]["baselineState"]) == ("error", "new")
    assert (found["t8"]["level"], found["t8"]["baselineState"]) == ("warning", "new")


def test_a_fixed_task_is_absent_and_a_hopeless_one_unchanged():
    found = results(CHANGED, STEADY)
    assert (found["t7"]["kind"], found["t7"]["baselineState"]) == ("pass", "absent")
    assert (found["hopeless"]["level"], found["hopeless"]["baselineState"]) == ("note", "unchanged")
    assert "t1" not in found


def test_a_finding_keeps_its_fingerprint_from_suspicion_to_repair():
    stages = (
        results(STEADY, CHANGED),
        results(STEADY, CHANGED, confirmed={"t7"}),
        results(CHANGED, STEADY),
    )
    prints = [stage["t7"]["partialFingerprints"]["evalhTask/v1"] for stage in stages]
    assert len(set(prints)) == 1
    assert prints[0] != stages[0]["t8"]["partialFingerprints"]["evalhTask/v1"]


def test_the_rules_that_results_name_are_where_their_index_says():
    run = log(STEADY, CHANGED)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])


def test_an_absolute_place_of_a_suite_stays_on_its_machine():
    assert sarif._uri("/srv/secret/suite.yaml") == "suite.yaml"
    assert sarif._uri("./suites/a b.yaml") == "suites/a%20b.yaml"


def test_hostile_text_stays_text():
    text = sarif.render(*hostile())
    Sarif.model_validate_json(text)
    found = json.loads(text)["runs"][0]
    assert any(HOSTILE[0] in each["message"]["text"] for each in found["results"])
    assert not any("[click]" in each["message"]["text"].replace("\\[", "") for each in found["results"])
    assert all(
        ":" not in each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in found["results"]
    )


def test_microsofts_validator_accepts_it(tmp_path):
    tool = os.environ.get("EVALH_SARIF_MULTITOOL") or shutil.which("Sarif.Multitool") or shutil.which(MULTITOOL)
    if not tool:
        pytest.skip("no Sarif.Multitool here: `npm install @microsoft/sarif-multitool` brings it")
    for name, content in {"plain": sarif.render(*_judged()), "hostile": sarif.render(*hostile())}.items():
        (tmp_path / f"{name}.sarif").write_text(content, encoding="utf-8")
        command = [tool, "validate", f"{name}.sarif"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert ": error " not in done.stdout, done.stdout
        assert done.returncode == 0, done.stdout + done.stderr


def _judged():
    found = compare(*arms(STEADY, CHANGED), PR)
    return found, judge(found, PR)
