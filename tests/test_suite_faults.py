"""What is wrong with a suite is said in one line that names the place and the way out."""

import random
import re

import pytest

from evalharness.errors import ConfigError
from evalharness.suite import load_suite

GRADED = "graders: [{use: exact_match}]\n"
ROWS = GRADED + "tasks: {file: r.jsonl}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "s.yaml: is empty"),
        ("# nothing\n", "s.yaml: is empty"),
        ("- a\n", "s.yaml: must be a mapping"),
        ("tasks: [1", "s.yaml:2: malformed YAML"),
        ("a: b\n c: d\n", "s.yaml:2: malformed YAML"),
        ("name: a\nname: b\n", "s.yaml:2: key 'name' stands twice"),
        ("prompt: {{ text }}\n", "s.yaml:1: a key must be text; a template needs quotes"),
        ("gate:\n  margin: .nan\n", "s.yaml:2: '.nan' is not a finite number"),
        ("limits: {seconds: 1e999}\n", "s.yaml:1: '1e999' is not a finite number"),
        ("name: !!python/object:os.system ls\n", "s.yaml:1: the tag"),
        ("name: &a [*a]\n", "s.yaml:1: an alias stands inside what it names"),
        ("a: " + "[" * 300_000, "s.yaml:1: malformed YAML: nested more than"),
        ("name: \x00\n", "s.yaml:1: malformed YAML"),
        (GRADED, "s.yaml: key 'tasks' is missing"),
        (GRADED + "tasks: []\n", "s.yaml: tasks: the suite has no tasks"),
        (GRADED + "tasks: {}\n", "s.yaml: tasks: name one source"),
        (GRADED + "tasks: {file: a.jsonl, use: 'a:b'}\n", "s.yaml: tasks: name one source"),
        (GRADED + "tasks: {file: none.jsonl}\n", "s.yaml: tasks.file: no such file: "),
        (GRADED + "tasks: {file: s.yaml}\n", "s.yaml: tasks.file: 's.yaml' must end in .jsonl, .json, .csv"),
        (
            "tasks: {use: external, command: [a, '{out}'], reads: inspect}\n",
            "s.yaml: tasks: say once which tasks there are",
        ),
        (GRADED + "tasks: {use: 'json:nothing'}\n", "s.yaml: tasks.use: 'json:nothing' cannot be imported"),
        (
            GRADED + "tasks: {use: 'json:loads', options: {s: '{'}}\n",
            "s.yaml: tasks.use: 'json:loads' raised JSONDecode",
        ),
        (GRADED + "tasks: {use: 'json:loads', options: {s: '[1]'}}\n", "s.yaml: tasks[0]: must be an object"),
        (
            GRADED + "tasks: {use: 'json:loads', options: {s: '[{\"a\": NaN}]'}}\n",
            "s.yaml: tasks[0]: the fields must be",
        ),
        (GRADED + "tasks: [{id: a, promt: b}]\n", "s.yaml: tasks[0]: unknown key 'promt' (did you mean 'prompt'?)"),
        (GRADED + "tasks: [{id: a}]\n", "s.yaml: tasks[0]: has no 'prompt'"),
        (GRADED + "tasks: [{prompt: 3}]\n", "s.yaml: tasks[0]: its 'prompt' must be text"),
        (GRADED + "tasks: [text]\n", "s.yaml: tasks[0]: must be a mapping"),
        (GRADED + "tasks: [{id: true, prompt: a}]\n", "s.yaml: tasks[0].id: must be a whole number or text"),
        (GRADED + "tasks: [{id: '', prompt: a}]\n", "s.yaml: tasks[0].id: is empty"),
        (
            GRADED + "tasks: [{id: 1, prompt: a}, {id: '1', prompt: b}]\n",
            "s.yaml: tasks[1]: id '1' is used already at ",
        ),
        (GRADED + "tasks: [{prompt: a, tags: {x: {y: 1}}}]\n", "s.yaml: tasks[0].tags.x: must be text"),
        (
            GRADED + "tasks: [{prompt: a, limits: {second: 1}}]\n",
            "s.yaml: tasks[0].limits: unknown key 'second' (did you",
        ),
        (GRADED + "tasks: [{prompt: a, files: {x: none.txt}}]\n", "s.yaml: tasks[0].files: 'x': no such file"),
        (
            GRADED + "tasks: [{prompt: a, files: {../x: s.yaml}}]\n",
            "s.yaml: tasks[0].files: '../x' must be a path inside",
        ),
        (GRADED + "tasks: [{prompt: a, files: {/x: s.yaml}}]\n", "s.yaml: tasks[0].files: '/x' must be a path inside"),
        (GRADED + "artifacts: [../x]\ntasks: [{prompt: a}]\n", "s.yaml: artifacts[0]: '../x' must be a path inside"),
        ("tasks: [{prompt: a}]\n", "s.yaml: tasks[0]: the task has no graders; add `graders`"),
        (GRADED + "tasks: [{prompt: a, graders: []}]\n", "s.yaml: tasks[0]: the task has no graders"),
        ("graders: [exact_match]\ntasks: [{prompt: a}]\n", "s.yaml: graders[0]: must be a mapping"),
        (
            "graders: [{use: contians}]\ntasks: [{prompt: a}]\n",
            "s.yaml: graders[0]: unknown grader 'contians' (did you mean 'contains'?): use one",
        ),
        (
            "graders: [{use: contains, options: {vlaue: x}}]\ntasks: [{prompt: a}]\n",
            "s.yaml: graders[0]: grader 'contains': unknown option 'vlaue' (did you mean 'value'?)",
        ),
        (
            "graders: [{use: exact_match, optoins: {}}]\ntasks: [{prompt: a}]\n",
            "s.yaml: graders[0]: unknown key 'optoins' (did you mean 'options'?)",
        ),
        (
            GRADED + "tasks: [{prompt: a, graders: [{use: nope}]}]\n",
            "s.yaml: tasks[0].graders[0]: unknown grader 'nope'",
        ),
        (
            "graders: [{use: exact_match, weight: -1}]\ntasks: [{prompt: a}]\n",
            "s.yaml: graders[0].weight: must be a numb",
        ),
        (
            "graders: [{use: exact_match, weight: 0}]\ntasks: [{prompt: a}]\n",
            "s.yaml: graders: the weights add up to 0",
        ),
        (GRADED + "workspace: {use: locla}\ntasks: [{prompt: a}]\n", "s.yaml: workspace: unknown workspace 'locla'"),
        (GRADED + "trials: 0\ntasks: [{prompt: a}]\n", "s.yaml: trials: must be a whole number >= 1"),
        (GRADED + "trials: two\ntasks: [{prompt: a}]\n", "s.yaml: trials: must be a whole number, but is text"),
        (GRADED + "limits: {seconds: -1}\ntasks: [{prompt: a}]\n", "s.yaml: limits.seconds: must be a number > 0"),
        (GRADED + "limits: {cost_usd: -1}\ntasks: [{prompt: a}]\n", "s.yaml: limits.cost_usd: must be a number >= 0"),
        (
            GRADED + "gate: {confirm: {trails: 3}}\ntasks: [{prompt: a}]\n",
            "s.yaml: gate.confirm: unknown key 'trails' (d",
        ),
        (
            GRADED + "gate: {stance: gaurd}\ntasks: [{prompt: a}]\n",
            "s.yaml: gate.stance: unknown value 'gaurd' (did you",
        ),
        (
            GRADED + "gate: {margin: 5}\ntasks: [{prompt: a}]\n",
            "s.yaml: gate.margin: must be a fraction: 5 points are 0.05",
        ),
        (GRADED + "xyzzy: 1\ntasks: [{prompt: a}]\n", "s.yaml: unknown key 'xyzzy': use one of tasks, name"),
        (
            GRADED + "prompt: '{{ txt }}'\ntasks: [{text: a}]\n",
            "s.yaml: prompt: field 'txt' is in no row (did you mean 'text'?)",
        ),
        (
            GRADED + 'tasks: [{prompt: a, tags: {"x\\e[31m\\n": {}}}]\n',
            r"s.yaml: tasks[0].tags.x\x1b[31m\n: must be text",
        ),
        (
            GRADED + "prompt: '{{ a }}{{ b }}'\ntasks: [{a: 1, b: 2}, {a: 1}]\n",
            "s.yaml: tasks[1]: the prompt cannot be made: 'b' is undefined",
        ),
        (
            GRADED + "prompt: '{{ a }}'\ntasks: [{a: null}]\n",
            "s.yaml: tasks[0]: the prompt cannot be made: a value is null",
        ),
        (GRADED + "prompt: '{{ a'\ntasks: [{a: 1}]\n", "s.yaml: prompt: line 1 of the template: "),
        (
            GRADED + "prompt: '{{ a | nope }}'\ntasks: [{a: 1}]\n",
            "s.yaml: prompt: line 1 of the template: No filter named",
        ),
        (
            GRADED + "prompt: '{{ a.__class__.__mro__ }}'\ntasks: [{a: 1}]\n",
            "s.yaml: tasks[0]: the prompt cannot be made: access to attribute '__class__'",
        ),
        (
            GRADED + "expected: lable\ntasks: [{prompt: a, label: 1}]\n",
            "s.yaml: tasks[0]: field 'lable', which `expected` of the suite names, is missing (did you mean 'label'?)",
        ),
    ],
)
def test_a_suite_is_refused(tmp_path, monkeypatch, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}") as refused:
        load_suite("s.yaml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"prompt": "a"}\n\n{"prompt": \n', "r.jsonl:3: malformed JSON"),
        ('{"prompt": "a"}\n[1]\n', "r.jsonl:2: must be an object"),
        ('{"prompt": "a", "x": NaN}\n', "r.jsonl:1: malformed JSON: invalid character"),
        ('{"prompt": "a", "x": 1e999}\n', "r.jsonl:1: malformed JSON: Number out of range"),
        ('{"id": "a", "prompt": "a"}\n{"id": "a", "prompt": "b"}\n', "r.jsonl:2: id 'a' is used already at r.jsonl:1"),
        ('{"prompt": "a"}\n{"prompt": "a"}\n', "r.jsonl:2: id '"),
        ('{"prompt": "a", "limits": {"seconds": 0}}\n', "r.jsonl:1: limits.seconds: must be a number > 0"),
        ("\n\n", "s.yaml: tasks: the suite has no tasks"),
        (b'{"prompt": "\xff"}', "r.jsonl: not UTF-8 (byte 13)"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path, monkeypatch, content, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(ROWS)
    (tmp_path / "r.jsonl").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}") as refused:
        load_suite("s.yaml")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('id,prompt\na,"one\ntwo"\nb,c,d\n', "r.csv:4: malformed CSV: 3 cells where the first line names 2 columns"),
        ("id,prompt,prompt\n", "r.csv:1: malformed CSV: column 'prompt' stands twice"),
        ("id,,prompt\n", "r.csv:1: malformed CSV: a column has no name"),
        ('id,prompt\na,"x\n', "r.csv:2: malformed CSV: unexpected end"),
        ("id,prompt\n", "s.yaml: tasks: the suite has no tasks"),
        ("", "s.yaml: tasks: the suite has no tasks"),
    ],
)
def test_a_bad_table_is_named_by_its_line(tmp_path, monkeypatch, content, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(GRADED + "tasks: {file: r.csv}\n")
    (tmp_path / "r.csv").write_text(content)
    with pytest.raises(ConfigError, match=f"^{re.escape(said)}"):
        load_suite("s.yaml")


def test_a_folder_or_a_missing_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    with pytest.raises(ConfigError, match=r"^d: is a folder; name the suite's file, such as d/suite.yaml"):
        load_suite("d")
    with pytest.raises(ConfigError, match=r"^none.yaml: no such file"):
        load_suite("none.yaml")


def test_a_damaged_suite_is_loaded_or_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = (
        b'name: x\nprompt: "{{ q }}"\nexpected: a\ngraders: [{use: exact_match, weight: 2}]\nlimits: {seconds: 3}\n'
        b"gate: {stance: guard, confirm: {trials: 10}}\ntasks:\n  - &t {id: 1, q: one, a: 1, tags: {k: v}}\n"
        b"  - {<<: *t, id: 2, graders: [{use: contains, options: {value: b}}]}\n"
    )
    pieces = [
        b"{",
        b"]",
        b":",
        b"- ",
        b"\n",
        b"null",
        b"-1",
        b".nan",
        b"\xff",
        b"\0",
        b"{{",
        b"'",
        b"*t",
        b"!!x ",
        b"<<: ",
    ]
    rng = random.Random(5)
    for _ in range(300):
        damaged, at = bytearray(whole), rng.randrange(len(whole))
        damaged[at : at + rng.choice([0, 0, 1, 8])] = rng.choice(pieces)
        (tmp_path / "s.yaml").write_bytes(damaged)
        try:
            load_suite("s.yaml")
        except ConfigError as exc:
            assert str(exc).startswith("s.yaml")
            assert "\n" not in str(exc)
