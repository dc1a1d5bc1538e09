from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar

import msgspec
import pytest

from evalharness.errors import ConfigError, NotComparable
from evalharness.loading.digests import entries
from evalharness.model import Extension, Limits, Resources
from evalharness.running.headroom import described, differences, resources_of
from evalharness.store import RunStore
from evalharness.suite import load_suite
from evalharness.workspaces.local import LocalWorkspaces
from evalharness.workspaces.sizes import size
from tests.running import evalh, write_agent

SUITE = """
tasks: [{{id: a, prompt: say yes, expected: "yes"}}, {{id: b, prompt: say no, expected: "no"}}]
workspace: {workspace}
graders: [{{use: exact_match}}]
"""


@dataclass(frozen=True)
class Roomy(LocalWorkspaces):
    """Local workspaces that say what a trial may use; nothing keeps it."""

    memory: str = "1g"
    RESOURCES: ClassVar = ("memory",)

    def resources(self):
        count = size(self.memory, "memory")
        return Resources(memory_guaranteed=count, memory_limit=count, enforced_by="nothing")


def suite(folder, workspace):
    place = folder / "suite.yaml"
    place.write_text(SUITE.format(workspace=workspace))
    return load_suite(place)


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("{use: sandbox}", "{use: sandbox, options: {memory: 4g}}", {"limits"}),
        ("{use: sandbox}", "{use: sandbox, options: {headroom: 0.5}}", {"limits"}),
        ("{use: sandbox}", "{use: sandbox, options: {cpus: 1}}", {"limits"}),
        ("{use: sandbox}", "{use: sandbox, options: {processes: 8}}", {"limits"}),
        ("{use: sandbox}", "{use: sandbox, options: {memory: 2048m}}", set()),
        ("{use: sandbox}", "{use: sandbox, options: {network: allow}}", {"task"}),
        ("{use: sandbox}", "{use: local}", {"task", "limits"}),
        (
            "{use: container, options: {image: x, memory: 1g}}",
            "{use: container, options: {image: x, memory: {guaranteed: 1g, limit: 2g}}}",
            {"limits"},
        ),
        ("{use: container, options: {image: x}}", "{use: container, options: {image: y}}", {"task"}),
    ],
)
def test_a_limit_is_in_the_limits_digest_and_in_no_other(tmp_path, before, after, parts):
    one, other = (entries(suite(tmp_path, each))["a"] for each in (before, after))
    assert {part for part in ("task", "graders", "limits") if getattr(one, part) != getattr(other, part)} == parts


def test_without_walls_the_digest_is_that_of_the_limits_alone(tmp_path):
    """Runs from before resources were recorded stay comparable."""
    assert resources_of(Extension(use="local")) is None
    known = entries(suite(tmp_path, "{use: local}"))["a"].limits
    assert known == sha256(msgspec.json.encode(Limits(), order="sorted")).hexdigest()


def test_a_dockerfile_counts_by_its_content(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM one")
    workspace = "{use: container, options: {dockerfile: Dockerfile}}"
    before = entries(suite(tmp_path, workspace))["a"].task
    (tmp_path / "Dockerfile").write_text("FROM other")
    assert entries(suite(tmp_path, workspace))["a"].task != before


@pytest.mark.parametrize(
    ("grader", "refused"),
    [
        ("{use: command, options: {command: 'true'}}", True),
        ("{use: command, options: {command: 'true', trust: local}}", False),
        ("{use: exact_match}", False),
    ],
)
@pytest.mark.parametrize("workspace", ["local", "sandbox"])
def test_what_runs_an_agents_work_on_this_machine_is_refused_before_a_trial(tmp_path, grader, refused, workspace):
    text = SUITE.format(workspace=f"{{use: {workspace}}}").replace("{use: exact_match}", grader)
    (tmp_path / "suite.yaml").write_text(text)
    if refused and workspace == "local":
        with pytest.raises(ConfigError, match=r"suite.yaml: grader 'command' would run .* `trust: local`"):
            load_suite(tmp_path / "suite.yaml")
    else:
        assert load_suite(tmp_path / "suite.yaml").workspace.use == workspace


def test_no_way_out_is_named_that_a_grader_does_not_have(tmp_path):
    grader = "{use: harbor, options: {tests: hidden, script: test.sh}}"
    (tmp_path / "suite.yaml").write_text(SUITE.format(workspace="{use: local}").replace("{use: exact_match}", grader))
    with pytest.raises(ConfigError, match="use: sandbox") as caught:
        load_suite(tmp_path / "suite.yaml")
    assert "trust" not in str(caught.value)


def test_differences_are_named_with_both_values():
    before = Resources(memory_guaranteed=1 << 30, memory_limit=2 << 30, enforced_by="cgroup")
    after = Resources(memory_guaranteed=1 << 30, memory_limit=4 << 30, cpus=2, enforced_by="rlimit")
    assert differences(before, after) == ["memory limit 2,048 MiB and 4,096 MiB", "cpus none and 2"]
    assert differences(None, None) == []
    assert described(before) == "guaranteed memory 1,024 MiB, memory limit 2,048 MiB (kept by cgroup)"


def test_a_run_remembers_its_limits_and_under_others_it_cannot_be_compared(tmp_path):
    agent = write_agent(tmp_path, "def answer(task):\n    return 'yes'\n", isolation="none")
    for name, memory in (("before", "1g"), ("after", "2g")):
        suite(tmp_path, f"{{use: '{__name__}:Roomy', options: {{memory: {memory}}}}}")
        evalh("run", tmp_path / "suite.yaml", "-a", agent, "-o", tmp_path / name, cwd=tmp_path)
    header = RunStore(tmp_path / "before").header
    assert header.resources == Resources(memory_guaranteed=1 << 30, memory_limit=1 << 30, enforced_by="nothing")
    done = evalh("compare", tmp_path / "before", tmp_path / "after", cwd=tmp_path)
    assert done.returncode == NotComparable.exit_code, done.stderr
    assert "other resource limits: guaranteed memory 1,024 MiB and 2,048 MiB" in done.stderr
    allowed = ("--allow", "limits", "--reason", "more room does not matter here")
    assert evalh("compare", tmp_path / "before", tmp_path / "after", *allowed, cwd=tmp_path).returncode == 0
