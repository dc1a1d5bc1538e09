"""Suites and packs in the formats of other tools, read back by the tools where they install."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from evalharness.cli import cli
from evalharness.errors import ConfigError
from evalharness.exporters.promptfoo import literal
from evalharness.exporters.questions import table
from evalharness.packs.pack import bundled_packs, load_pack, suite_of
from tests.exporters.hostile import HOSTILE, write_hostile
from tests.packs.writing import item, write
from tests.servers import Reply, serving

FORMATS = ("croissant", "huggingface", "inspect", "langsmith", "openai_evals", "promptfoo")


LIBRARIES = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # not of our making


def export(kind, source, out, *options):
    given = [part for option in options for part in ("--option", option)]
    cli.main(["export", kind, str(source), "--out", str(out), *given], standalone_mode=False)
    return out


def interpreter(variable, program):
    """Find the Python that a tool is installed for: by a variable, or beside the tool on the path."""
    tool = shutil.which(program)
    found = os.environ.get(variable) or (tool and str(Path(tool).parent / "python"))
    if not found or not Path(found).exists():
        pytest.skip(f"{program} is not on PATH, and {variable} names no Python that has it")
    return found


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def contents(path):
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    return write_hostile(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(params=["hostile", "smoke-ja"])
def source(request, hostile):
    return hostile if request.param == "hostile" else request.param


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_suite_gives_the_same_bytes_and_nothing_is_overwritten(tmp_path, kind):
    one, other = export(kind, "smoke-de", tmp_path / "one"), export(kind, "smoke-de", tmp_path / "other")
    assert contents(one) == contents(other)
    before = contents(one)
    with pytest.raises(ConfigError, match="one is there already"):
        export(kind, "smoke-fr", one)
    assert contents(one) == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one", "other"]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_suite_that_a_format_cannot_hold_is_refused_and_nothing_is_written(tmp_path, kind):
    suite = tmp_path / "suite.yaml"
    suite.write_text("tasks: [{id: x, prompt: a}]\ngraders: [{use: function, options: {call: 'os:getcwd'}}]\n")
    with pytest.raises(ConfigError, match="task 'x' expects no answer"):
        export(kind, suite, tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir()] == ["suite.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inspect", "absent.json"], "no such file"),
        (["inspect", "smoke-xx"], "no bundled suite"),
        (["inspect", "."], "is a folder"),
        (["inspekt", "smoke-en"], "unknown exporter"),
        (["inspect", "smoke-en", "--option", "x"], "not NAME=VALUE"),
        (["inspect", "smoke-en", "--option", "x=1"], "unknown option 'x'"),
        (["inspect", "smoke-en", "--no-transcripts"], "no transcripts"),
        (["csv", "smoke-en"], "smoke-en is a suite"),
        (["pathlib:Path", "smoke-en"], "is no exporter: its class needs `takes`, one of suite, run"),
        (["huggingface", "smoke-en", "--option", "split=a/b"], "not a name"),
    ],
)
def test_what_cannot_be_exported_is_one_line(tmp_path, arguments, said):
    with pytest.raises(ConfigError, match=said):
        cli.main(["export", *arguments, "--out", str(tmp_path / "out")], standalone_mode=False)
    assert list(tmp_path.iterdir()) == []


class TestOpenAIEvals:
    def test_49_of_52_published_lines_come_out_byte_for_byte(self, shared, tmp_path):
        """The three others differ from the pack that they were made of, which is shown beside them."""
        folder = shared / "data/items/tqb"
        out = export("openai_evals", folder / "core_en.json", tmp_path / "out")
        ours = (out / "data/core_en/samples.jsonl").read_bytes().splitlines()
        published = (folder / "core_en_open-ai-eval.jsonl").read_bytes().rstrip().splitlines()
        source = load_pack(folder / "core_en.json").items
        assert len(ours) == len(published) == 52
        differing = [number for number in range(52) if ours[number] != published[number]]
        assert len(differing) == 3
        asked = [json.loads(published[number])["input"][0]["content"] for number in differing]
        assert [(source[number].text, text) for number, text in zip(differing, asked, strict=True)] == [
            ("What is Euler’s identity?", "What is Euler's identity?"),
            ("What is Newton’s second law of motion?", "What is Newton's second law of motion?"),
            (
                "What is the standard acceleration due to gravity on Earth (m/s²)?",
                "What is the standard acceleration due to gravity on Earth (m/s²)??",
            ),
        ]

    def test_the_registry_is_as_the_published_one(self, shared, tmp_path):
        folder = shared / "data/items/tqb"
        out = export("openai_evals", folder / "core_en.json", tmp_path / "out")
        ours = yaml.safe_load((out / "evals/core_en.yaml").read_text())
        published = yaml.safe_load((folder / "core_en.yaml").read_text())
        assert ours["core_en"]["id"] == published["core_en"]["id"]
        assert ours["core_en.dev.v0"]["class"] == published["core_en.dev.v0"]["class"]

    def test_the_tool_itself_reads_samples_and_registry(self, source, tmp_path):
        python = interpreter("EVALH_OPENAI_EVALS_PYTHON", "oaieval")
        out = export("openai_evals", source, tmp_path / "out")
        script = (
            "import json, sys, logging\n"
            "from evals.registry import Registry\n"
            "from evals.data import get_jsonl\n"
            "registry = Registry([sys.argv[1]])\n"
            "spec = registry.get_eval(sys.argv[2])\n"
            "print(json.dumps([spec.cls, get_jsonl(sys.argv[1] + '/data/' + spec.args['samples_jsonl'])]))\n"
        )
        (name,) = [path.stem for path in (out / "evals").iterdir()]
        told = {**os.environ, "OPENAI_API_KEY": "none"}  # asked for when it is imported, and not used
        command = [python, "-c", script, out, name]
        done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        cls, samples = json.loads(done.stdout)
        assert cls == "evals.elsuite.basic.match:Match"
        assert self.matched(python, out, name, tmp_path / "log.jsonl") == Counter(
            len(each["ideal"]) for each in samples
        )
        assert [each["input"][0]["content"] for each in samples] == [
            task.prompt for task in suite_of(str(source)).tasks
        ]

    @staticmethod
    def matched(python, registry, name, log):
        """Run the eval with the tool's own dummy model; count its samples by what they expected."""
        script = "from evals.cli import oaieval\noaieval.main()\n"
        command = [python, "-c", script, "dummy", name, "--registry_path", registry, "--record_path", log]
        told = {**os.environ, "OPENAI_API_KEY": "none", "EVALS_SEQUENTIAL": "1"}
        done = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Counter(len(each["data"]["expected"]) for each in lines(log) if each.get("type") == "match")


class TestCroissant:
    @LIBRARIES
    def test_it_is_valid_and_loads_with_equal_records(self, source, tmp_path, caplog):
        croissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
        out = export("croissant", source, tmp_path / "out", "license=Apache-2.0")
        dataset = croissant.Dataset(str(out / "croissant.json"))
        assert dataset.metadata.issues.errors == set()
        assert dataset.metadata.conforms_to == ["http://mlcommons.org/croissant/1.1"]
        (data,) = set(out.iterdir()) - {out / "croissant.json"}
        assert [plain(record) for record in dataset.records("items")] == json.loads(data.read_text("utf-8"))
        assert not [said for said in caplog.messages if "not standard" in said]

    def test_it_names_the_hash_of_the_file(self, tmp_path):
        out = export("croissant", "smoke-tr", tmp_path / "out")
        (file,) = json.loads((out / "croissant.json").read_text())["distribution"]
        content = (out / file["contentUrl"]).read_bytes()
        assert file["sha256"] == sha256(content).hexdigest()
        assert file["contentSize"] == f"{len(content)} B"

    @LIBRARIES
    def test_changed_data_no_longer_loads(self, tmp_path):
        croissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
        out = export("croissant", "smoke-tr", tmp_path / "out")
        data = out / "smoke-tr.json"
        data.write_bytes(data.read_bytes().replace(b"Atina", b"Ankara"))
        dataset = croissant.Dataset(str(out / "croissant.json"))
        with pytest.raises(Exception, match="Download") as caught:
            list(dataset.records("items"))
        assert "Hash of downloaded file" in str(caught.value.__cause__)

    @LIBRARIES
    def test_texts_that_look_like_numbers_stay_what_they_are(self, tmp_path):
        croissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed")
        labels = ["007", "1.50", "1e3", "12"]
        told = [item(n, label=label, context=f"It is {label}.") for n, label in enumerate(labels)]
        out = export("croissant", write(tmp_path / "p.jsonl", told), tmp_path / "out")
        dataset = croissant.Dataset(str(out / "croissant.json"))
        assert [plain(record)["label"] for record in dataset.records("items")] == labels


def plain(record):
    return {name.removeprefix("items/"): text(value) for name, value in record.items()}


def text(value):
    return value.decode() if isinstance(value, bytes) else [text(each) for each in value]


class TestHuggingFace:
    def test_datasets_loads_equal_rows_whatever_the_texts_look_like(self, hostile, tmp_path):
        if importlib.util.find_spec("datasets") is None:
            pytest.skip("datasets is not installed")
        sources = [hostile, "smoke-ja"]
        for name, label in (("dates", "2024-01-0{}"), ("zeros", "00{}"), ("powers", "{}e3")):
            told = [item(n, label=label.format(n), context=f"It was {label.format(n)}.") for n in range(1, 6)]
            sources.append(write(tmp_path / f"{name}.jsonl", told))
        outs = [export("huggingface", each, tmp_path / str(n)) for n, each in enumerate(sources)]
        script = (
            "import json, sys\n"
            "from datasets import load_dataset\n"
            "cache, *folders = sys.argv[1:]\n"
            "found = [list(load_dataset(each, split='test', cache_dir=cache)) for each in folders]\n"
            "json.dump(found, sys.stdout)\n"
        )
        command = [sys.executable, "-c", script, tmp_path / "cache", *outs]
        env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [table(suite_of(str(each)), format="a test") for each in sources]

    def test_the_card_names_language_and_licence(self, tmp_path):
        out = export("huggingface", "smoke-ko", tmp_path / "out", "license=apache-2.0")
        card = yaml.safe_load((out / "README.md").read_text().split("---\n")[1])
        assert (card["language"], card["license"]) == (["ko"], "apache-2.0")


class TestInspect:
    def test_inspect_reads_it_with_equal_samples(self, source, tmp_path):
        python = interpreter("EVALH_INSPECT_PYTHON", "inspect")
        out = export("inspect", source, tmp_path / "out.jsonl")
        script = (
            "import json, sys\n"
            "from inspect_ai.dataset import json_dataset\n"
            "keys = ('id', 'input', 'target', 'metadata')\n"
            "print(json.dumps([{key: getattr(each, key) for key in keys} for each in json_dataset(sys.argv[1])]))\n"
        )
        done = subprocess.run([python, "-c", script, out], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == lines(out)
        tasks = suite_of(str(source)).tasks
        assert [each["input"] for each in lines(out)] == [task.prompt for task in tasks]


class TestLangSmith:
    @pytest.mark.filterwarnings("ignore:'outputs' is deprecated:DeprecationWarning")  # older clients know no other name
    def test_the_client_sends_what_was_exported(self, source, tmp_path, monkeypatch):
        """LangChain's own client posts the examples to a server, which says that it got them."""
        langsmith = pytest.importorskip("langsmith", reason="langsmith is not installed")
        examples = lines(export("langsmith", source, tmp_path / "out.jsonl"))
        assert len({each["id"] for each in examples}) == len(examples)
        created = langsmith.schemas.ExampleCreate
        assert [created(**each).inputs["question"] for each in examples] == [
            task.prompt for task in suite_of(str(source)).tasks
        ]

        def answer(asked):
            if asked.method == "POST":
                return Reply.json([{"id": each["id"]} for each in asked.json()])
            return Reply.json({"version": "0"})

        monkeypatch.setenv("LANGSMITH_TRACING", "false")
        with serving(answer=answer) as server:
            client = langsmith.Client(api_url=server.url, api_key="none", auto_batch_tracing=False)
            done = client.create_examples(dataset_id="00000000-0000-0000-0000-000000000000", examples=examples)
        assert done["count"] == len(examples)
        sent = [each for asked in server.asked if asked.method == "POST" for each in asked.json()]
        for name in ("id", "inputs", "metadata", "split"):
            assert [each[name] for each in sent] == [each[name] for each in examples]
        assert [each.get("outputs") or each["reference_outputs"] for each in sent] == [
            each["outputs"] for each in examples
        ]


class TestPromptfoo:
    def test_promptfoo_itself_asks_and_judges_as_meant(self, hostile, tmp_path):
        """The provider `echo` answers with the prompt, which is the right answer of every hostile task."""
        tool = os.environ.get("EVALH_PROMPTFOO") or shutil.which("promptfoo")
        if not tool:
            pytest.skip("promptfoo is not installed, and EVALH_PROMPTFOO does not name it")
        config = export("promptfoo", hostile, tmp_path / "promptfooconfig.yaml", "provider=echo")
        results = self.evaluated(tool, config, tmp_path)
        assert [each["response"]["output"] for each in results] == list(HOSTILE)
        assert [each["success"] for each in results] == [True] * len(HOSTILE)

    def test_a_wrong_answer_is_wrong_there_too(self, tmp_path):
        tool = os.environ.get("EVALH_PROMPTFOO") or shutil.which("promptfoo")
        if not tool:
            pytest.skip("promptfoo is not installed, and EVALH_PROMPTFOO does not name it")
        config = export("promptfoo", "smoke-ja", tmp_path / "promptfooconfig.yaml", "provider=echo")
        results = self.evaluated(tool, config, tmp_path)
        assert [each["success"] for each in results] == [False] * len(suite_of("smoke-ja").tasks)

    @staticmethod
    def evaluated(tool, config, folder):
        out = folder / "out.json"
        told = {
            "PROMPTFOO_DISABLE_TELEMETRY": "1",
            "PROMPTFOO_DISABLE_UPDATE": "1",
            "PROMPTFOO_CONFIG_DIR": str(folder),
        }
        command = [tool, "eval", "-c", config, "-o", out, "--no-cache", "--no-table", "--no-write"]
        done = subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True, check=False)
        assert out.exists(), done.stdout + done.stderr
        found = json.loads(out.read_text())["results"]["results"]
        return sorted(found, key=lambda each: each["testIdx"])

    @pytest.mark.parametrize("text", HOSTILE)
    def test_no_text_begins_a_template_or_names_a_file(self, text):
        """Whatever promptfoo's template language would see is one of our own three expressions."""
        rest = literal(text).replace("{{ '{' }}", "").replace("{{ '}' }}", "").replace("{{ '\\n' }}", "")
        assert "{" not in rest.replace("{{ 'f' }}", "").replace("{{ 'p' }}", "").replace("{{ 'j' }}", "")
        assert not literal(text).startswith(("file:", "package:", "javascript:"))


@pytest.mark.parametrize("name", sorted(bundled_packs()))
def test_every_bundled_pack_becomes_an_eval_of_its_questions(name, tmp_path):
    out = export("openai_evals", name, tmp_path / "out")
    samples = lines(out / f"data/{name}/samples.jsonl")
    assert [each["input"][0]["content"] for each in samples] == [task.prompt for task in suite_of(name).tasks]
