"""Suites: what a file and its rows become."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evalharness.errors import ConfigError
from evalharness.model import Limits, Suite
from evalharness.suite import load_suite

ONE_GRADER = "graders: [{use: exact_match}]\n"


def load(folder: Path, text: str, **files: str) -> Suite:
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content, encoding="utf-8")
    return load_suite(folder / "s.yaml")


def test_a_bundled_suite_is_found_by_its_name():
    suite = load_suite("smoke-en")
    assert len(suite.tasks) == 52
    assert suite.trials == 5
    assert suite.policy is not None
    assert suite.tasks[0].prompt == suite.tasks[0].fields["text"]
    assert suite.tasks[0].expected == suite.tasks[0].fields["label"]
    assert "difficulty:easy" in suite.tasks[0].tags


def test_tasks_may_stand_in_the_suite(tmp_path):
    suite = load(
        tmp_path,
        ONE_GRADER + "tasks:\n  - {id: a, prompt: 'what is {{ this }}?', expected: 4}\n  - {id: 7, prompt: b}\n",
    )
    first, second = suite.tasks
    assert (first.id, first.prompt, first.expected) == ("a", "what is {{ this }}?", 4)
    assert (second.id, second.expected) == ("7", None)
    assert (suite.name, suite.trials, suite.workspace.use) == ("s", 1, "local")


def test_braces_and_markup_in_fields_are_data(tmp_path):
    text = 'JSON {"a": {{ x }}} {% if %} {# no #} <b> & \u2028 end'
    suite = load(
        tmp_path,
        ONE_GRADER + 'tasks: {file: r.jsonl}\nprompt: "Q: {{ text }}\\n"\n',
        r_jsonl=json.dumps({"id": "a", "text": text}, ensure_ascii=False) + "\n",
    )
    assert suite.tasks[0].prompt == f"Q: {text}\n"


def test_csv_keeps_line_breaks_in_quotes_and_ignores_the_mark_of_spreadsheets(tmp_path):
    (tmp_path / "r.csv").write_bytes('\ufeffid,text,tags\r\na,"one\r\ntwo","x, y"\r\n\r\nb,"say ""hi""",\r\n'.encode())
    suite = load(tmp_path, ONE_GRADER + 'tasks: {file: r.csv}\nprompt: "{{ text }}"\n')
    assert [(task.id, task.prompt, task.tags) for task in suite.tasks] == [
        ("a", "one\r\ntwo", ("x", "y")),
        ("b", 'say "hi"', ()),
    ]


def test_a_json_file_is_a_list_of_rows(tmp_path):
    suite = load(
        tmp_path, ONE_GRADER + "tasks: {file: r.json}\n", r_json='[{"id": "a", "prompt": "p", "expected": ["x", 1]}]'
    )
    assert suite.tasks[0].expected == ["x", 1]


def test_a_function_may_return_the_rows(tmp_path, monkeypatch):
    (tmp_path / "rows_of_mine.py").write_text(
        "def load(count):\n    return ({'id': n, 'prompt': f'task {n}', 'pair': (1, 2)} for n in range(count))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    suite = load(tmp_path, ONE_GRADER + "tasks: {use: 'rows_of_mine:load', options: {count: 2}}\n")
    assert [task.id for task in suite.tasks] == ["0", "1"]
    assert suite.tasks[0].fields["pair"] == [1, 2]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ('["a", 1, true, "a"]', ("a", "1", "true")),
        ('{"topic": "geo", "level": 2, "hard": false, "area": ["x", "y"], "none": null}',
         ("topic:geo", "level:2", "hard:false", "area:x", "area:y")),
        ('"a, b"', ("a", "b")),
        ("null", ()),
    ],
)  # fmt: skip
def test_tags_are_a_list_text_or_an_object(tmp_path, tags, expected):
    suite = load(tmp_path, ONE_GRADER + "tasks: {file: r.jsonl}\n", r_jsonl=f'{{"prompt": "p", "tags": {tags}}}')
    assert suite.tasks[0].tags == expected


def test_limits_of_a_row_change_only_what_they_name(tmp_path):
    suite = load(
        tmp_path,
        ONE_GRADER + "limits: {seconds: 9, cost_usd: 0.5}\n"
        "tasks: [{prompt: a, limits: {cost_usd: 0, tokens: 10}}, {prompt: b}]\n",
    )
    assert suite.tasks[0].limits == Limits(seconds=9, cost_usd=0, tokens=10)
    assert suite.tasks[1].limits == Limits(seconds=9, cost_usd=0.5)


def test_graders_of_a_row_replace_those_of_the_suite_and_equal_ones_are_shared(tmp_path):
    own = "graders: [{use: contains, options: {value: x}, weight: 2}]"
    suite = load(tmp_path, ONE_GRADER + f"tasks: [{{prompt: a}}, {{prompt: b, {own}}}, {{prompt: c, {own}}}]\n")
    first, second, third = suite.tasks
    assert first.graders[0].use == "exact_match"
    assert (second.graders[0].use, second.graders[0].weight) == ("contains", 2)
    assert second.graders is third.graders


def test_files_are_found_from_the_folder_of_the_suite(tmp_path):
    (tmp_path / "data").mkdir()
    suite = load(
        tmp_path,
        ONE_GRADER + "files: {shared.txt: a.txt, d: data}\ntasks: [{prompt: a, files: {src/b.py: a.txt}}]\n",
        a_txt="x",
    )
    files = suite.tasks[0].files
    assert set(files) == {"shared.txt", "d", "src/b.py"}
    assert Path(files["src/b.py"]).read_text() == "x"


def test_ids_made_from_content_survive_reordering(tmp_path):
    rows = ['{"prompt": "a"}', '{"prompt": "b"}', '{"prompt": "b", "expected": 1}']
    text = ONE_GRADER + "tasks: {file: r.jsonl}\n"
    one = load(tmp_path, text, r_jsonl="\n".join(rows))
    other = load(tmp_path, text, r_jsonl="\n\n".join(reversed(rows)))
    assert len({task.id for task in one.tasks}) == 3
    assert [task.id for task in one.tasks] == [task.id for task in reversed(other.tasks)]


def test_ids_may_hold_control_characters(tmp_path):
    suite = load(
        tmp_path, ONE_GRADER + "tasks: {file: r.jsonl}\n", r_jsonl=json.dumps({"id": "a\n\u2028\x1b[31m", "prompt": ""})
    )
    assert suite.tasks[0].id == "a\n\u2028\x1b[31m"


def test_a_template_may_ask_whether_a_field_is_there(tmp_path):
    suite = load(
        tmp_path,
        ONE_GRADER + 'prompt: "{{ q }}{% if hint is defined %} ({{ hint }}){% endif %}"\n'
        "tasks: [{id: a, q: one}, {id: b, q: two, hint: h}]\n",
    )
    assert [task.prompt for task in suite.tasks] == ["one", "two (h)"]


def test_yaml_reads_as_editors_show_it(tmp_path):
    suite = load(
        tmp_path,
        ONE_GRADER + "version: 1.0\ngate: {margin: 5e-2}\ntasks:\n"
        "  - {prompt: a, expected: [no, 12:30, 010, 2024-01-01, 1_000, true]}\n",
    )
    assert suite.tasks[0].expected == ["no", "12:30", 10, "2024-01-01", "1_000", True]
    assert suite.policy is not None
    assert (suite.version, suite.policy.margin) == ("1.0", 0.05)


def test_loading_a_suite_with_text_graders_imports_nothing_heavy(tmp_path):
    load(tmp_path, ONE_GRADER + "tasks: [{prompt: a, expected: b}]\n")
    script = (
        "import sys; from evalharness.loading.digests import entries; from evalharness.suite import load_suite\n"
        "entries(load_suite(sys.argv[1]))\n"
        "print([m for m in ('litellm', 'pandas', 'scipy', 'statsmodels', 'httpx', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "s.yaml"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_an_unknown_bundled_name_suggests_the_nearest():
    with pytest.raises(ConfigError, match=r"smoke-eng: no such file.*did you mean 'smoke-en'"):
        load_suite("smoke-eng")
