"""`evalh doctor`: what is there, what is not, and no secret."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from evalharness.cli import cli
from evalharness.cli.doctor import LOCAL_MODEL, REQUIRED

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!~\[ ;]", requirement)[0] for requirement in requirements}


def test_it_looks_at_every_package_that_the_project_names():
    assert set(REQUIRED) == names(PROJECT["dependencies"])
    assert set(LOCAL_MODEL) == names(PROJECT["optional-dependencies"]["local"])


def test_secrets_are_named_and_never_shown(capsys, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "sk-do-not-print-me")
    monkeypatch.setenv("OTHER_TOKEN", "short")
    monkeypatch.setenv("EVALH_RUN_WORKERS", "3")
    cli.main(["doctor"], standalone_mode=False)
    out = capsys.readouterr().out
    assert "do-not-print" not in out
    assert re.search(r"kept out of files +.*MY_API_KEY", out)
    assert re.search(r"not kept out +absent: OTHER_TOKEN: shorter than 8 characters -> use longer", out)
    assert re.search(r"EVALH_\* variables +.*EVALH_RUN_WORKERS", out)


def test_json_is_one_document(capsys):
    cli.main(["doctor", "--json"], standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert {each["state"] for each in found if each["name"] in REQUIRED} == {"ok"}


def test_a_machine_without_git_can_still_run(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = subprocess.run([sys.executable, "-m", "evalharness", "doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "absent: not found; `git:REF` agents need it -> install git" in done.stdout


def test_what_evalh_cannot_do_without_ends_with_4(tmp_path):
    script = (
        "import sys, evalharness.cli.doctor as doctor\n"
        "doctor.REQUIRED = (*doctor.REQUIRED, 'no-such-package-at-all')\n"
        "from evalharness.cli import main; main(['doctor'])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 4
    assert "broken: not installed -> pip install no-such-package-at-all" in done.stdout
    assert done.stderr.startswith("error: no-such-package-at-all: evalh cannot work without")
