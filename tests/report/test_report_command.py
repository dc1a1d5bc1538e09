import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.ledgers import new_run
from tests.running import evalh

BEFORE = {f"t{number}": "PPPP" for number in range(30)}
AFTER = BEFORE | {"t3": "FFFF", "t4": "PEPP"}


@pytest.fixture
def runs(tmp_path):
    new_run(tmp_path / "runs/a", BEFORE, fingerprint="a", seed=1)
    new_run(tmp_path / "runs/b", AFTER, fingerprint="b", seed=2)
    new_run(tmp_path / "runs/c", BEFORE | {"t9": "PPFF"}, fingerprint="c", seed=3)
    return tmp_path


def test_one_run_two_runs_and_several_have_their_pages(runs):
    for places, said in (
        (["runs/b"], "of trials pass"),
        (["runs/a", "runs/b"], "t3"),
        (["runs/a", "runs/b", "runs/c"], "2 candidates, each against"),
    ):
        done = evalh("report", *places, "--out", "x.html", cwd=runs)
        assert (done.returncode, done.stdout) == (0, "x.html\n")
        assert said in Path(runs, "x.html").read_text()


def test_every_format_is_written_at_once(runs):
    endings = ("html", "md", "json", "xml", "sarif")
    done = evalh("report", "runs/a", "runs/b", *(f"--out=x.{each}" for each in endings), cwd=runs)
    assert done.returncode == 0, done.stderr
    assert all(Path(runs, f"x.{each}").stat().st_size > 500 for each in endings)


def test_the_json_report_keeps_to_its_published_schema(runs):
    evalh("report", "runs/a", "runs/b", "--out", "x.json", cwd=runs)
    schema = json.loads(evalh("schema", "report", cwd=runs).stdout)
    Draft202012Validator(schema).validate(json.loads(Path(runs, "x.json").read_text()))
    assert {"decision", "verdict", "comparison"} <= set(schema["$defs"]["Document"]["required"])


def test_what_was_judged_is_shown_as_it_was_judged(runs):
    evalh("report", "runs/a", "runs/b", "--out", "x.json", "--out", "x.md", "--policy", "release", cwd=runs)
    evalh("report", "x.json", "--out", "y.md", "--out", "y.json", cwd=runs)
    assert Path(runs, "y.md").read_text() == Path(runs, "x.md").read_text()
    assert json.loads(Path(runs, "y.json").read_text()) == json.loads(Path(runs, "x.json").read_text())


def test_a_document_of_several_candidates_has_its_page(runs):
    evalh("compare", "runs/a", "runs/b", "runs/c", "--report", "x.json", cwd=runs)
    done = evalh("report", "x.json", "--out", "x.html", cwd=runs)
    assert done.returncode == 0, done.stderr
    assert "2 candidates, each against" in Path(runs, "x.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs/a", "--out", "x.pdf"], "no report ends in '.pdf'"),
        (["runs/a", "--out", "x.md"], "are written as .html"),
        (["runs/nowhere"], "does not exist"),
    ],
)
def test_what_cannot_be_written_is_refused_in_one_line(runs, arguments, said):
    done = evalh("report", *arguments, cwd=runs)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_order_of_trials_and_their_seconds_reach_the_page(runs):
    evalh("report", "runs/a", "runs/b", "--out", "x.html", cwd=runs)
    assert '"PEPP"' in Path(runs, "x.html").read_text()
