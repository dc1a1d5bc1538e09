import datetime as dt
import json
import os
import subprocess
import sys

import pytest

from evalharness.errors import ConfigError
from evalharness.suite import load_suite
from evalharness.tasksets.huggingface import load
from tests.running import ROOT

datasets = pytest.importorskip("datasets", reason="datasets is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of the library, about itself

ROWS = [{"input": f"{n} + 1?", "output": str(n + 1), "level": "easy" if n < 3 else "hard", "raw": n} for n in range(6)]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.delenv("EVALH_DATA", raising=False)
    datasets.disable_progress_bars()


def written(folder):
    (folder / "sums").mkdir()
    (folder / "sums" / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return folder


OPTIONS = {"columns": {"question": "input", "answer": "output"}, "tags": ["level"], "drop": ["raw"]}
FIRST = {"question": "0 + 1?", "answer": "1", "level": "easy", "tags": {"level": "easy"}}


def test_a_folder_of_files_is_loaded_and_its_columns_become_fields(tmp_path):
    found = load("sums", folder=written(tmp_path), **OPTIONS)
    assert len(found) == 6
    assert found[0] == FIRST


def test_a_file_is_loaded_where_its_only_split_is_train(tmp_path):
    found = load("sums/test.jsonl", "train", folder=written(tmp_path), **OPTIONS)
    assert found[0] == FIRST


def test_what_was_saved_by_the_library_is_loaded_with_and_without_splits(tmp_path):
    made = datasets.Dataset.from_list(ROWS)
    made.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"test": made}).save_to_disk(str(tmp_path / "many"))
    for name in ("one", "many"):
        assert load(name, folder=tmp_path, **OPTIONS)[0] == FIRST


def test_a_sample_is_drawn_by_its_seed(tmp_path):
    folder = written(tmp_path)
    one = load("sums", limit=3, seed=1, folder=folder)
    assert one == load("sums", limit=3, seed=1, folder=folder)
    assert len(one) == 3


def test_a_suite_of_it_can_be_loaded(tmp_path):
    written(tmp_path)
    (tmp_path / "s.yaml").write_text(
        "tasks: {use: 'evalharness.tasksets.huggingface:load',"
        " options: {path: sums, columns: {question: input}, tags: [level]}}\n"
        "prompt: '{{ question }}'\nexpected: output\ngraders: [{use: number}]\n"
    )
    first = load_suite(tmp_path / "s.yaml").tasks[0]
    assert (first.prompt, first.expected, first.tags) == ("0 + 1?", "1", ("level:easy",))


def test_times_and_bytes_become_text(tmp_path):
    made = datasets.Dataset.from_dict({"at": [dt.datetime(2024, 1, 2)], "raw": [b"ab"], "deep": [{"a": [1]}]})  # noqa: DTZ001
    made.save_to_disk(str(tmp_path / "odd"))
    (row,) = load("odd", folder=tmp_path)
    assert row == {"at": "2024-01-02T00:00:00", "raw": "YWI=", "deep": {"a": [1]}}


@pytest.mark.parametrize(
    ("path", "options", "said"),
    [
        ("sums", {"split": "dev"}, "no split 'dev': use one of test"),
        ("sums", {"columns": {"a": "inputs"}}, "no column 'inputs': it has input, output, level, raw"),
        ("sums", {"limit": 0}, "leaves no tasks"),
        ("nobody/has-this", {}, "the data set 'nobody/has-this' cannot be loaded: "),
        ("sums/odd.xlsx", {}, r"odd\.xlsx: must end in \.jsonl"),
        ("broken", {}, "the data set 'broken' cannot be loaded: "),
    ],
)
def test_what_is_missing_is_named(tmp_path, path, options, said):
    written(tmp_path)
    (tmp_path / "sums" / "odd.xlsx").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "test.jsonl").write_text("{")
    if "odd" not in path:
        (tmp_path / "sums" / "odd.xlsx").unlink()
    with pytest.raises(ConfigError, match=said):
        load(path, folder=tmp_path, **options)


def test_without_the_library_the_message_says_how_to_get_it(tmp_path):
    script = (
        "import sys; sys.modules['datasets'] = None\nfrom pathlib import Path\n"
        "from evalharness.tasksets.huggingface import load\nload('x', folder=Path('.'))"
    )
    done = subprocess.run(  # noqa: PLW1510
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert "run `pip install datasets`" in done.stderr
