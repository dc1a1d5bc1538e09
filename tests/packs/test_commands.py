"""`evalh packs` from the outside."""

import json
import subprocess
import sys

import pytest

from evalharness.cli import cli
from evalharness.errors import ConfigError
from evalharness.packs.pack import bundled_packs
from tests.packs.writing import item, write
from tests.running import environment


def evalh(*arguments):
    command = [sys.executable, "-m", "evalharness", *map(str, arguments)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)


def checked(*arguments):
    cli.main(["packs", "check", *map(str, arguments)], standalone_mode=False)


def test_the_bundled_packs_are_listed(capsys):
    cli.main(["packs", "list", "--json"], standalone_mode=False)
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert len(found) == 11
    assert (found["smoke-en"]["items"], found["smoke-en"]["languages"]) == (52, ["en"])
    assert len({each["digest"] for each in found.values()}) == 11
    cli.main(["packs", "list"], standalone_mode=False)
    assert f"smoke-ja  ja  {found['smoke-ja']['items']} items  {found['smoke-ja']['digest']}" in capsys.readouterr().out


def test_bundled_packs_are_checked_by_name(capsys):
    checked(*bundled_packs())
    assert "smoke-en: 52 items, hashes: 52 by recipe 'content'; 0 violations, 0 advice" in capsys.readouterr().out


def test_violations_are_printed_and_the_command_exits_2(tmp_path):
    pack = write(tmp_path / "pack.jsonl", [item(1), item(2, id="\x1b[31mx"), item(3, tags={"category": "x"})])
    done = evalh("packs", "check", pack)
    assert done.returncode == 2
    assert done.stdout.splitlines()[2].startswith(f"{pack}:3: tags.difficulty (a0000003): violation: difficulty: is")
    assert "\x1b" not in done.stdout
    assert done.stderr == f"error: {pack}: 3 violations\n"


def test_json_holds_every_violation_of_every_pack(tmp_path, capsys):
    one, other = write(tmp_path / "a.jsonl", [item(1)]), write(tmp_path / "b.json", [item(1, lang="?"), item(1)])
    with pytest.raises(ConfigError, match=r"b\.json: 3 violations"):
        checked(one, other, "--json")
    first, second = json.loads(capsys.readouterr().out)
    assert (first["violations"], first["recipes"]) == ([], {"content": 1})
    assert [each["rule"] for each in second["violations"]] == ["lang", "duplicate_id", "duplicate_text"]
    assert second["violations"][1]["place"].endswith("b.json: [1].id")


def test_what_published_packs_break_is_advice_unless_it_is_demanded(tmp_path, capsys):
    pack = write(tmp_path / "pack.jsonl", [item(1, label="Rome")])
    checked(pack)
    assert "advice: context: does not hold the label 'Rome'" in capsys.readouterr().out
    with pytest.raises(ConfigError, match="1 violation"):
        checked(pack, "--strict")


def test_a_generated_pack_has_promised_what_is_only_advised_elsewhere(tmp_path):
    pack = write(tmp_path / "pack.jsonl", [item(1, label="Rome")])
    pack.with_suffix(".provenance.jsonl").touch()
    with pytest.raises(ConfigError, match="1 violation"):
        checked(pack)


def test_the_pack_of_a_suite_of_one_s_own_is_found(tmp_path, capsys):
    write(tmp_path / "pack.jsonl", [item(1)])
    suite = tmp_path / "suite.yaml"
    suite.write_text(
        "tasks: {file: pack.jsonl}\nprompt: '{{ text }}'\nexpected: label\ngraders: [{use: exact_match}]\n"
    )
    checked(suite)
    assert "1 items" in capsys.readouterr().out
    suite.write_text("tasks: [{prompt: a, expected: b}]\ngraders: [{use: exact_match}]\n")
    with pytest.raises(ConfigError, match="reads no pack"):
        checked(suite)


@pytest.mark.parametrize(
    ("source", "said"),
    [("absent.jsonl", "no such file"), ("smoke-xx", "no bundled suite of this name"), (".", "is a folder")],
)
def test_what_cannot_be_read_is_one_line(source, said):
    done = evalh("packs", "check", source)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
