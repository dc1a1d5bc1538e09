"""SWE-bench's own harness for real: its command, a Docker engine, and an image made of this machine's programs."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.running import evalh

PROGRAMS = ("bash", "cat", "git", "kill", "mkdir", "patch", "rm", "sleep")
IMAGE = "evalh-test/swe-bench:1"
SOURCE = "add() { echo $(($1 - $2)); }\n"
TESTS = """\
. ./calc.sh
check() { [ "$2" = "$3" ] && echo "PASSED test_calc.sh::$1" || echo "FAILED test_calc.sh::$1"; }
check adds "$(add 2 3)" 5
check zero "$(add 0 0)" 0
"""
EVALUATION = f"""\
#!/bin/bash
set -uxo pipefail
cd /testbed
cat > test_calc.sh <<'EOF_OF_TESTS'
{TESTS}EOF_OF_TESTS
: '>>>>> Start Test Output'
bash test_calc.sh
: '>>>>> End Test Output'
"""
TAIL = "#!/bin/bash\ntrap 'exit 0' TERM\nsleep 1000 &\nwait\n"  # what the harness starts; the real one is slow to stop


def patch(line):
    return f"--- a/calc.sh\n+++ b/calc.sh\n@@ -1 +1 @@\n-{SOURCE}+{line}\n"


PATCHES = {
    "right": patch("add() { echo $(($1 + $2)); }"),
    "wrong": patch("add() { echo $(($1 * $2)); }"),
    "hangs": patch("add() { while :; do sleep 1; done; }"),
    "prose": "I have fixed the function.\n",
    "image": patch("add() { echo $(($1 + $2)); }"),
}


@pytest.fixture(scope="module")
def harness():
    """The Python that has the package `swebench`, and the client that the harness calls."""
    python = os.environ.get("EVALH_SWEBENCH_PYTHON", sys.executable)
    if subprocess.run([python, "-c", "import swebench.harness.grading"], capture_output=True, check=False).returncode:
        pytest.skip("EVALH_SWEBENCH_PYTHON names no Python with the package swebench")
    if missing := [name for name in ("docker", *PROGRAMS) if not shutil.which(name)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    return [python, "-m", "swebench.harness.run_evaluation"]


@pytest.fixture(scope="module")
def image(docker_host, tmp_path_factory):
    """An image with a repository to be repaired and the programs that the harness calls."""
    root = tmp_path_factory.mktemp("image") / "root"
    for program in PROGRAMS:
        place(Path(shutil.which(program)), root)
    for folder in ("testbed", "tmp", "root", "etc", "usr/bin", "bin"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in ("bash", "sh"):
        shutil.copy(shutil.which("bash"), root / "bin" / name)
    (root / "usr/bin/tail").write_text(TAIL)
    (root / "usr/bin/tail").chmod(0o755)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (root / "testbed/calc.sh").write_text(SOURCE)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "base"]):
        subprocess.run(["git", *words], cwd=root / "testbed", check=True)
    with tarfile.open(root.parent / "root.tar", "w") as packed:
        packed.add(root, ".", filter=owned_by_root)
    docker(docker_host, "import", "--change", "ENV PATH=/usr/bin:/bin", str(root.parent / "root.tar"), IMAGE)
    yield IMAGE
    docker(docker_host, "rmi", "--force", IMAGE)


def place(program, root):
    """Put a program where it lies here, with the libraries that it loads."""
    loaded = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    (root / "usr/bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(program, root / "usr/bin")
    for library in re.findall(r"(/\S+) \(0x", loaded):
        (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library[1:])


def owned_by_root(member):
    member.uid = member.gid = 0
    return member


def docker(host, *words):
    return subprocess.run(["docker", "--host", host, *words], check=True, capture_output=True, text=True).stdout


def test_the_real_harness_judges_patches_in_real_containers(tmp_path, harness, image, docker_host):
    instances = [
        {
            "instance_id": f"toy__calc-{name}",
            "repo": "toy/calc",
            "version": "1",
            "base_commit": "HEAD",
            "problem_statement": "add subtracts",
            "image": image if name != "image" else "localhost:1/no/such:1",
            "FAIL_TO_PASS": json.dumps(["test_calc.sh::adds"]),
            "PASS_TO_PASS": json.dumps(["test_calc.sh::zero"]),
            "log_parser": "parse_log_pytest",
            "eval_type": "pass_and_fail",
            "eval_script": EVALUATION,
        }
        for name in PATCHES
    ]
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "test.jsonl").write_text("".join(json.dumps(each) + "\n" for each in instances))
    told = {f"toy__calc-{name}": {"model_patch": text} for name, text in PATCHES.items()}
    (tmp_path / "preds.json").write_text(json.dumps(told))
    suite = {
        "tasks": {"use": "evalharness.tasksets.swe_bench:load", "options": {"path": "set"}},
        "prompt": "{{ problem }}",
        "graders": [{"use": "swe_bench", "options": {"command": harness, "dataset": "set", "seconds": 3}}],
    }
    (tmp_path / "suite.yaml").write_text(json.dumps(suite))
    agent = {"use": "evalharness.tasksets.swe_bench:Predictions", "options": {"file": "preds.json"}}
    (tmp_path / "agent.yaml").write_text(json.dumps(agent))

    env = {"DOCKER_HOST": docker_host}
    run = ["run", "suite.yaml", "-a", "agent.yaml", "-o", "run", "--trials", 1, "--attempts", 1, "-j", 4]
    done = evalh(*run, cwd=tmp_path, env=env)

    lines = map(json.loads, (tmp_path / "run" / "trials.jsonl").read_text().splitlines())
    found = {line["task_id"].removeprefix("toy__calc-"): line for line in lines if "task_id" in line}
    assert {name: line["outcome"] for name, line in found.items()} == {
        "right": "pass",
        "wrong": "fail",
        "hangs": "fail",
        "prose": "fail",
        "image": "error",
    }, done.stderr
    reasons = {name: str(line.get("grades") or line.get("cause")) for name, line in found.items()}
    assert "not resolved" in reasons["wrong"]
    assert "ran out of time" in reasons["hangs"]
    assert "does not apply" in reasons["prose"]
    assert "swe_bench:error" in reasons["image"]
    assert "sweb.eval" not in docker(docker_host, "ps", "--all")
