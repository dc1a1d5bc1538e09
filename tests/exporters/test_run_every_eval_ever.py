"""Runs as every_eval_ever: valid by its published schema and its own validator, and read back by our importer."""

import hashlib
import json
from pathlib import Path

import jsonschema
import pytest

from evalharness.compare import side
from evalharness.exporting import export_run
from evalharness.outcomes import read
from tests.exported import STANDING, run_on_disk
from tests.foreign_logs import faults, outcomes

LOGS = "data/peer_logs"
REAL = (
    f"{LOGS}/tau_bench/gpt-4o-airline.json.gz",
    f"{LOGS}/promptfoo/run_here/out.json.gz::release-a",
    f"{LOGS}/terminal-bench/run_dir",
    f"{LOGS}/lm_eval/release-a",
    f"{LOGS}/junit_xml/python-xunit-unittest.xml",
)


@pytest.fixture(scope="module")
def schemas():
    """The published schemas, where the package that carries them is installed."""
    published = pytest.importorskip("every_eval_ever.schema")
    return published.schema_json("eval.schema.json"), published.schema_json("instance_level_eval.schema.json")


def exported(place, out) -> tuple[Path, Path]:
    """Export, and return the aggregate and the file of instances."""
    export_run("every_eval_ever", str(place), out)
    (aggregate,) = out.rglob("*.json")
    (lines,) = out.rglob("*.jsonl")
    return aggregate, lines


def checked(place, out, schemas) -> tuple[Path, Path]:
    """Export, and validate every line by the schema and by the tool's own checks."""
    aggregate, lines = exported(place, out)
    told = json.loads(aggregate.read_text())
    jsonschema.Draft7Validator(schemas[0]).validate(told)
    validator = jsonschema.Draft7Validator(schemas[1])
    rows = lines.read_text(encoding="utf-8").splitlines()
    for row in rows:
        validator.validate(json.loads(row))
    detailed = told["detailed_evaluation_results"]
    assert detailed["total_rows"] == len(rows)
    assert detailed["checksum"] == hashlib.sha256(lines.read_bytes()).hexdigest()
    assert out / detailed["file_path"] == lines
    return aggregate, lines


def test_a_run_is_valid_and_comes_back(tmp_path, schemas):
    aggregate, lines = checked(run_on_disk(tmp_path / "run"), tmp_path / "out", schemas)
    expected = {key: (outcome, cause if outcome == "error" else None) for key, (outcome, cause) in STANDING.items()}
    for file in (aggregate, lines):
        assert {key: outcome for key, (outcome, _) in outcomes(file).items()} == {
            key: outcome for key, (outcome, _) in expected.items()
        }


@pytest.mark.parametrize("name", REAL)
def test_real_logs_are_valid_and_come_back(shared, tmp_path, schemas, name):
    aggregate, _ = checked(shared / name, tmp_path / "out", schemas)
    assert {key: outcome for key, (outcome, _) in outcomes(aggregate).items()} == {
        key: outcome for key, (outcome, _) in outcomes(shared / name).items()
    }
    assert [each for each in faults(aggregate) if "fewer trials" not in each] == []


def test_the_score_is_the_pass_rate_that_show_prints(shared, tmp_path):
    aggregate, _ = exported(shared / REAL[0], tmp_path / "out")
    (result,) = json.loads(aggregate.read_text())["evaluation_results"]
    shown = side(read(shared / REAL[0])).pass_rate
    assert result["score_details"]["score"] == shown.value
    interval = result["score_details"]["uncertainty"]["confidence_interval"]
    assert (interval["lower"], interval["upper"]) == (shown.low, shown.high)


def test_the_tools_own_validator_has_no_complaint(tmp_path):
    core = pytest.importorskip("every_eval_ever.validator.validate")
    files = exported(run_on_disk(tmp_path / "run"), tmp_path / "out")
    assert core.main([str(each) for each in files]) == 0


def test_names_that_no_folder_can_have_are_replaced(tmp_path, schemas):
    log = tmp_path / "log.csv"
    log.write_text('agent,benchmark,id,passed\n"../../etc:x",data,a,1\n')
    aggregate, _ = checked(log, tmp_path / "out", schemas)
    assert aggregate.parent.relative_to(tmp_path / "out").parts == ("data", "data_", "unspecified", "_etc_x")
