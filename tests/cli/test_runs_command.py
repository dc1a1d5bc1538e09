import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from evalharness.ledger import open_line
from evalharness.model import Decision
from evalharness.store import RunStore
from tests.ledgers import TABLES, promotion_of
from tests.running import evalh, write_agent, write_suite

YES = "def answer(task):\n    return 'yes'\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_suite(tmp_path)
    write_agent(tmp_path, YES, isolation="none")
    return tmp_path


def made(here, name, *, days=0, **changes):
    """Make a run that began so many days ago."""
    path = here / "runs" / name
    if not path.exists():
        assert evalh("run", "suite.yaml", "-a", "agent.yaml", "-o", path, cwd=here).returncode == 0
    header = json.loads((path / "run.json").read_bytes())
    began = datetime.now(UTC) - timedelta(days=days)
    (path / "run.json").write_text(json.dumps(header | {"started_at": began.isoformat()} | changes))
    return path


def pruned(here, *options):
    done = evalh("runs", "prune", *options, cwd=here)
    assert done.returncode == 0, done.stderr
    return done


def left(here):
    return sorted(path.name for path in (here / "runs").iterdir())


def test_a_list_says_of_every_run_what_it_is(here):
    made(here, "b", days=1)
    path = made(here, "a", days=2)
    (path / "trials.jsonl").write_bytes((path / "trials.jsonl").read_bytes().splitlines(keepends=True)[0])
    said = evalh("runs", "list", cwd=here).stdout.splitlines()
    assert [line.split()[0] for line in said[1:]] == ["runs/a", "runs/b"]
    assert "1 of 3" in said[1]
    assert "not complete" in said[1]
    assert "3 of 3" in said[2]
    assert "complete" not in said[2]
    [a, b] = json.loads(evalh("runs", "list", "--json", cwd=here).stdout)
    assert (a["complete"], b["complete"], b["run"]["suite"], b["run"]["agent"]) == (False, True, "suite", "acting")


def test_an_empty_folder_and_an_unreadable_run_are_said(here):
    assert "holds no run" in evalh("runs", "list", cwd=here).stderr
    (made(here, "a") / "run.json").write_text("{")
    assert "is damaged" in evalh("runs", "list", cwd=here).stderr


def test_pruning_needs_to_know_which(here):
    assert evalh("runs", "prune", "--incomplete", cwd=here).returncode == 2
    assert evalh("runs", "prune", "--older-than", "soon", cwd=here).returncode == 2


def test_nothing_is_touched_without_yes(here):
    made(here, "old", days=40)
    done = pruned(here, "--older-than", "30d")
    assert done.stdout == "runs/old: would go\n"
    assert left(here) == ["old"]


def test_old_runs_go_and_young_ones_stay(here):
    made(here, "old", days=40)
    made(here, "young", days=2)
    made(here, "timeless", started_at="yesterday")
    pruned(here, "--older-than", "4w", "--yes")
    assert left(here) == ["timeless", "young"]


def test_the_newest_of_each_suite_and_agent_are_kept(here):
    for days in (1, 2, 3):
        made(here, f"run-{days}", days=days)
    agent = json.loads((made(here, "other", days=9) / "run.json").read_bytes())["agent"] | {"name": "other"}
    made(here, "other", days=9, agent=agent)
    pruned(here, "--keep", "1", "--yes")
    assert left(here) == ["other", "run-1"]


def test_with_both_a_run_goes_only_when_both_allow_it(here):
    for days in (1, 20, 40):
        made(here, f"run-{days}", days=days)
    pruned(here, "--keep", "1", "--older-than", "30d", "--yes")
    assert left(here) == ["run-1", "run-20"]


def test_incomplete_and_confirm_narrow_what_goes(here):
    (made(here, "broken-off", days=9) / "trials.jsonl").write_bytes(b"")
    made(here, "fresh", days=9, role="confirm")
    made(here, "whole", days=9)
    assert "runs/broken-off: would go" in pruned(here, "--keep", "0", "--incomplete").stdout
    pruned(here, "--keep", "0", "--incomplete", "--yes")
    assert left(here) == ["fresh", "whole"]
    pruned(here, "--keep", "0", "--confirm", "--yes")
    assert left(here) == ["whole"]


def test_a_run_that_a_line_refers_to_stays(here):
    made(here, "run", days=99, run_id="run-1")
    made(here, "free", days=99, run_id="free")
    open_line("main").append(lambda chain: promotion_of(chain, "1", decision=Decision.PROMOTE), TABLES)
    assert "runs/run: stays: line main refers to it" in pruned(here, "--keep", "0", "--yes").stdout
    assert left(here) == ["run"]


def test_the_runs_of_a_gate_stay_until_the_gate_is_gone(here):
    gate = ("gate", "suite.yaml", "-c", "agent.yaml", "-b", "agent.yaml", "--trials", 2, "--out", "gates/g")
    assert evalh(*gate, cwd=here).returncode == 0
    assert len(left(here)) == 2
    pruned(here, "--keep", "0", "--yes")
    pruned(here, here / "runs", "--keep", "0", "--yes")
    assert len(left(here)) == 2
    shutil.rmtree(here / "gates")
    pruned(here, "--keep", "0", "--yes")
    assert left(here) == []


def test_a_gate_or_line_that_cannot_be_read_stops_the_pruning(here):
    made(here, "run", days=99)
    (here / "gates" / "g").mkdir(parents=True)
    (here / "gates" / "g" / "gate.json").write_text("{")
    assert evalh("runs", "prune", "--keep", "0", "--yes", cwd=here).returncode == 2
    assert left(here) == ["run"]


def test_a_run_that_a_setting_names_as_baseline_stays(here, monkeypatch):
    for name in ("file", "variable", "free"):
        made(here, name)
    (here / "evalh.toml").write_text('[gate]\nbaseline = "runs/file"\n')
    monkeypatch.setenv("EVALH_GATE_BASELINE", "runs/variable")
    pruned(here, "--keep", "0", "--yes")
    assert left(here) == ["file", "variable"]


def test_a_run_that_is_being_written_stays(here):
    path = made(here, "run", days=99)
    with RunStore(path).writer():
        assert "stays: it is being written" in pruned(here, "--keep", "0", "--yes").stdout
    assert left(here) == ["run"]


def test_a_link_to_a_run_is_no_run_of_the_folder(here):
    target = made(here, "run").rename(here / "elsewhere")
    (here / "runs" / "link").symlink_to(target)
    pruned(here, "--keep", "0", "--yes")
    assert target.exists()
    assert left(here) == ["link"]


def test_json_says_the_fate_of_every_run(here):
    made(here, "old", days=40)
    made(here, "young")
    found = json.loads(pruned(here, "--older-than", "30d", "--json").stdout)
    assert [each["stays"] for each in found] == [None, "it is not old enough"]


def test_the_name_of_a_gates_run_stands_in_one_line(here):
    name = "20261123T021537-230daa-candidate"
    made(here, name)
    assert f"runs/{name} " in evalh("runs", "list", cwd=here).stdout
