"""`line:NAME` wherever a comparison takes a run."""

import json
from pathlib import Path

import pytest

import evalharness
from tests.ledgers import new_run
from tests.running import evalh

GOOD = {f"t{number}": "PPPPP" for number in range(40)}
BAD = {f"t{number}": "FFFFP" for number in range(40)}


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder without git, in which one candidate was promoted on the line `main`."""
    monkeypatch.chdir(tmp_path)
    for seed, (name, passed) in enumerate({"base": GOOD, "good": GOOD, "again": GOOD, "bad": BAD}.items(), start=1):
        new_run(Path("runs") / name, passed, fingerprint="b" if name == "again" else name, seed=seed)
    said("compare", "runs/base", "runs/good", "--policy", "release", "--report", "good.json")
    said("promote", "good.json", "--version", "1.1", "--intent", "answer better")
    return tmp_path


def said(*words, code=0):
    done = evalh(*words, cwd=Path.cwd())
    assert done.returncode == code, done.stderr
    return done


def test_a_line_stands_for_its_current_run_as_baseline_and_as_candidate(work):
    found = json.loads(said("compare", "line:main", "runs/bad", "--policy", "release", "--json", code=1).stdout)
    assert found["decision"] == "block"
    assert (found["comparison"]["baseline"]["place"], found["comparison"]["baseline"]["trials"]) == ("line:main", 200)
    other = json.loads(said("compare", "runs/base", "line:main", "--json").stdout)
    assert other["comparison"]["candidate"]["place"] == "line:main"
    assert evalharness.compare("line:main", "runs/bad", policy="release").decision == "block"


def test_a_run_that_earned_its_promotion_is_said_to_be_chosen_for_its_luck(work):
    lucky = json.loads(said("compare", "line:main", "runs/bad", "--json", code=1).stdout)
    assert "earned 1.1 its promotion" in lucky["comparison"]["warnings"][0]


def test_several_candidates_and_reports_take_lines_too(work):
    done = said("compare", "runs/base", "line:main", "runs/bad", "--policy", "release", code=1)
    assert "line:main" in done.stdout
    said("report", "line:main", "runs/bad", "--out", "page.html", "--out", "page.md")
    assert "line:main" in (work / "page.md").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("line:none", "runs/bad"), "line:none: there is no such line; here are line:main"),
        (("runs/bad", "line:no/ne"), "no/ne"),
        (("line:", "runs/bad"), "line"),
    ],
)
def test_a_line_that_is_not_there_is_named(work, words, message):
    done = said("compare", *words, code=2)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_line_of_another_suite_is_refused(work):
    run = json.loads(Path("runs/bad/run.json").read_text())
    run["suite"]["name"] = "other"
    Path("runs/bad/run.json").write_text(json.dumps(run))
    assert "was measured on suite, not on 'other'" in said("compare", "line:main", "runs/bad", code=2).stderr


def test_readings_of_held_out_tasks_by_a_line_lie_where_a_gates_do(work):
    for name in ("bad", "good"):
        run = json.loads(Path(f"runs/{name}/run.json").read_text())
        for task in list(run["tasks"])[:10]:
            run["tasks"][task]["tags"] = ["holdout"]
        Path(f"runs/{name}/run.json").write_text(json.dumps(run))
    Path("p.yaml").write_text("gate: {rules: [{use: no_worse}, {use: holdout, options: {margin: 0.2}}]}")
    said("compare", "line:main", "runs/bad", "--policy", "p.yaml", code=1)
    assert (work / "runs" / "holdout.jsonl").exists()
    assert not (work / "holdout.jsonl").exists()
