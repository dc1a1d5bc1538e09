"""Try to break out of sandbox and container, as an agent's own code would, and print what came of every attempt.

    python benchmarks/escapes.py [--only sandbox|container] [--engine podman|docker] [--image IMAGE]
                                 [--name PART]... [--json]

Every attempt is a trial: a script that the agent runs. It has escaped when a secret of the host, a hidden test or a
variable of the environment turns up in its answer, its logs or its artifacts, or when the host shows a trace of it.
Attempts that only read are made without walls too, as a control: there they must be seen to get out.
IMAGE is an image with a shell; without one a small one is made of this machine's static busybox. Exits with 1 where
something got out, or an attempt has no cause or another one than it should.
"""

import argparse
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from attacks import FLOOD, KINDS, SLEEP, Attack, attacks

from evalharness.errors import Unmeasured
from evalharness.model import Record
from evalharness.store import RunStore
from evalharness.workspaces import bubblewrap, engine

ROOT = Path(__file__).resolve().parent.parent
LIMITS = {"memory": "128m", "processes": 64, "file_size": "64m"}
CONTROL = "local"


@dataclass(frozen=True)
class Result:
    """What came of an attack."""

    kind: str
    attack: str
    outcome: str
    cause: str
    escaped: str

    def held(self, attack: Attack) -> bool:
        """Say whether the walls held, and the right cause was named."""
        named = self.cause in attack.causes if attack.causes else self.outcome == "pass"
        return not self.escaped and named and self.outcome != "error"


class Host:
    """A host with secrets, a service that tells one, and a suite whose tasks are the attacks."""

    def __init__(self, folder: Path) -> None:
        secret = ("home", "hidden", "environment", "network")
        self.marks = {name: f"CANARY-{name}-{secrets.token_hex(8)}" for name in secret}
        self.home, self.suite, self.agent = folder / "home", folder / "suite", folder / "agent"
        for place in (self.home, self.suite / "hidden", self.suite / "attacks", self.agent):
            place.mkdir(parents=True)
        (self.home / "secret.txt").write_text(self.marks["home"])
        (self.suite / "hidden" / "check.sh").write_text(f"# {self.marks['hidden']}\ntrue\n")
        (self.agent / "agent.yaml").write_text("use: command\noptions: {command: [sh, attack.sh]}\n")
        self.service = socket.create_server(("127.0.0.1", 0))
        self.port = self.service.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.service.accept()
            except OSError:
                return
            with connection:
                connection.sendall(self.marks["network"].encode())

    def attempt(self, kind: str, where: dict[str, str], chosen: list[Attack]) -> list[Result]:
        """Run the attacks on one kind of workspace."""
        run = self._run(kind, where, chosen)
        store = RunStore(run)
        known = {record.task_id: record for record in store.records()}
        return [self._result(kind, store, attack, known[f"t{index}"]) for index, attack in enumerate(chosen)]

    def _run(self, kind: str, where: dict[str, str], chosen: list[Attack]) -> Path:
        options: dict[str, object] = dict(LIMITS)
        options |= {"sandbox": {"disk": "300m"}, "container": where}.get(kind, {})
        rows = []
        for index, attack in enumerate(chosen):
            said = "" if attack.name == FLOOD else "exec > said.txt\n"  # a failed command's output is in no record
            (self.suite / "attacks" / f"{kind}{index}.sh").write_text(said + attack.script)
            files = {"attack.sh": f"attacks/{kind}{index}.sh"}
            rows.append({"id": f"t{index}", "files": files, "limits": {"seconds": attack.seconds}})
        (self.suite / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        tests = {"command": ["sh", "hidden/check.sh"], "files": {"hidden": "hidden"}}
        check = {"use": "command", "options": {**tests, "trust": "local"} if kind == CONTROL else tests}
        suite = {
            "tasks": {"file": "tasks.jsonl"},
            "prompt": "Break out.",
            "graders": [check],
            "artifacts": ["**/*.txt"],
            "workspace": {"use": kind} if kind == CONTROL else {"use": kind, "options": options},
        }
        place = self.suite / "suite.yaml"
        place.write_text(json.dumps(suite))
        run = self.suite.parent / f"run-{kind}"
        words = ["run", str(place), "--agent", str(self.agent / "agent.yaml"), "--out", str(run), "--workers", "2"]
        found = os.pathsep.join([str(ROOT), *sys.path])
        environment = {**os.environ, "PYTHONPATH": found, "ESCAPE": self.marks["environment"]}
        done = subprocess.run(
            [sys.executable, "-m", "evalharness", *words, "--attempts", "1"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if not (run / "trials.jsonl").exists():
            raise SystemExit(done.stderr)
        return run

    def _result(self, kind: str, store: RunStore, attack: Attack, record: Record) -> Result:
        transcript = store.transcript(record)
        told = json.dumps([transcript.final, transcript.logs] if transcript else []) + record.detail
        told += " ".join(grade.reason for grade in record.grades)
        told += b" ".join(store.kept(record.key).values()).decode("utf-8", "replace")
        escaped = [name for name, mark in self.marks.items() if mark in told]
        escaped += self._traces()
        return Result(kind, attack.name, record.outcome.value, record.cause or "", ", ".join(escaped))

    def _traces(self) -> list[str]:
        """List what the attacks have left on the host."""
        pattern = Path("/proc/sys/kernel/core_pattern").read_text()
        running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False).stdout
        found = {
            "wrote to home": (self.home / "written.txt").exists() or (self.home / "check.sh").exists(),
            "core pattern": pattern.startswith("|/bin/sh\n"),
            "survivor": f"sleep {SLEEP}" in running,
        }
        return [name for name, there in found.items() if there]


def busybox_image(program: engine.Engine) -> str:
    """Import an image that holds nothing but this machine's static busybox, unless it is there already."""
    name, busybox = "localhost/evalh-busybox:latest", shutil.which("busybox")
    if busybox is None:
        raise SystemExit("no --image, and no busybox to make one of: install busybox-static")
    with contextlib.suppress(Unmeasured):
        program.call("image", "inspect", "--format", "{{.Id}}", name)
        return name
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for folder in ("bin", "tmp", "etc", "root"):
            (root / folder).mkdir()
        shutil.copy(busybox, root / "bin" / "busybox")
        listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
        for applet in {*listed} - {"busybox"}:
            (root / "bin" / applet).symlink_to("busybox")
        (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        archive = root / "root.tar"
        with tarfile.open(archive, "w") as tar:
            for folder in ("bin", "tmp", "etc", "root"):
                tar.add(root / folder, arcname=folder)
        program.call("import", str(archive), name)
    return name


def main() -> int:
    """Attempt everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image")
    parser.add_argument("--only", choices=KINDS)
    parser.add_argument("--engine", choices=engine.ENGINES, default="auto", help="which runs the containers")
    parser.add_argument("--name", action="append", default=[], help="only attempts whose name contains this")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    shown = [
        row
        for kind in [CONTROL, *([given.only] if given.only else KINDS)]
        for row in _table(kind, given.engine, given.image, given.name)
    ]
    bad = [row for row in shown if row["held"] == (row["kind"] == CONTROL)]
    if given.json:
        print(json.dumps({"attempts": shown, "bad": len(bad)}, indent=2))
        return bool(bad)
    for row in shown:
        verdict = "held" if row["held"] else f"got out: {row['escaped']}" if row["escaped"] else "another cause"
        said = f"{row['kind']:10} {row['attack']:32} {row['outcome']:6} {row['cause'] or '-':16} {verdict}"
        print(said + ("  <- WRONG" if row in bad else ""))
    return bool(bad)


def _table(kind: str, asked: str, image: str | None, names: list[str]) -> list[dict[str, object]]:
    """Make all attempts on one kind of workspace; none where there is none of that kind here."""
    found = engine.found(asked, None) if kind == "container" else None
    absent = bubblewrap.missing() if kind == "sandbox" else None
    if kind == "container":
        absent = found.up() if found else f"{asked}: not installed"
    if absent:
        print(f"{kind}: skipped: {absent}", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as place:
        host = Host(Path(place))
        chosen = [each for each in attacks(host.home, host.suite, host.port) if _fits(each, kind, names)]
        where = {"engine": found.program, "image": image or busybox_image(found)} if found else {}
        results = host.attempt(kind, where, chosen)
        return [{**vars(each), "held": each.held(attack)} for attack, each in zip(chosen, results, strict=True)]


def _fits(attack: Attack, kind: str, names: list[str]) -> bool:
    if names and not any(name in attack.name for name in names):
        return False
    return attack.reads if kind == CONTROL else kind in attack.kinds


if __name__ == "__main__":
    sys.exit(main())
