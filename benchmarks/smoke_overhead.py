"""What a full English smoke run adds to a pipeline beyond the model's own time and `import litellm`.

    python benchmarks/smoke_overhead.py [--latency 0.2] [--workers 8] [--rounds 3]

A server in a process of its own answers like OpenAI's, after a fixed time. The floor is measured in the same round:
the same number of requests by plain threads (the model's own time), and `import litellm` in a process of its own. What
is left of `evalh run suites/smoke-en.yaml` is the overhead. `plain_litellm` is a script that imports litellm and makes
the same requests through it, without evalh. Of each number the least of all rounds counts, as other programs on the
machine only add to it. Exits with 1 where the overhead is over 3 seconds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection
from pathlib import Path

import httpx

ROOT = Path(__file__).parent.parent
SUITE = ROOT / "suites" / "smoke-en.yaml"
TASKS, TRIALS = 52, 5
MOST = 3.0
ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "fixed",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Rome"}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11},
}

PLAIN = """
import sys
from concurrent.futures import ThreadPoolExecutor
import litellm
url, workers, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
said = [{"role": "user", "content": "x" * 60}]
ask = lambda _: litellm.completion(model="openai/fixed", api_base=url, api_key="none", messages=said)
with ThreadPoolExecutor(workers) as pool:
    list(pool.map(ask, range(count)))
"""


def serve(port: Connection, latency: float) -> None:
    """Answer every request the same after a while, for ever."""
    body = json.dumps(ANSWER).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Read, wait, answer."""
            self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(latency)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the class above
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    port.send(server.server_port)
    server.serve_forever()


def floor(url: str, workers: int) -> float:
    """Return the seconds that the requests of a run take by themselves."""
    with httpx.Client(limits=httpx.Limits(max_connections=workers), trust_env=False) as client:
        asked = {"model": "fixed", "messages": [{"role": "user", "content": "x" * 60}]}
        start = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda _: client.post(f"{url}/chat/completions", json=asked), range(TASKS * TRIALS)))
        return time.perf_counter() - start


def timed(*command: str, folder: str) -> tuple[float, float]:
    """Run a command; return its seconds, and its seconds of CPU."""
    before = os.times()
    start = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, cpu


def one_round(url: str, workers: int) -> dict[str, float]:
    """Measure floor, import and run once."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"model": "openai/fixed", "api_base": url}
        Path(folder, "agent.yaml").write_text(json.dumps({"name": "fixed", "use": "model", "options": options}))
        alone = floor(url, workers)
        imported, imported_cpu = timed(sys.executable, "-c", "import litellm", folder=folder)
        asking = [sys.executable, "-c", PLAIN, url, str(workers), str(TASKS * TRIALS)]
        plain, plain_cpu = timed(*asking, folder=folder)
        run = [sys.executable, "-m", "evalharness", "run", str(SUITE), "-a", "agent.yaml", "-o", "run"]
        ran, ran_cpu = timed(*run, "--workers", str(workers), folder=folder)
        records = len(Path(folder, "run", "trials.jsonl").read_bytes().splitlines())
    if records != TASKS * TRIALS:
        raise SystemExit(f"{records} records, not {TASKS * TRIALS}: the suite has changed")
    return {
        "model": alone,
        "import_litellm": imported,
        "run": ran,
        "plain_litellm": plain,
        "plain_litellm_cpu": plain_cpu,
        "import_litellm_cpu": imported_cpu,
        "run_cpu": ran_cpu,
    }


def main() -> None:
    """Measure, print one JSON document, and exit with 1 where the overhead is too large."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.2)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ours, theirs = Pipe()
    server = Process(target=serve, args=(theirs, given.latency), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ours.recv()}/v1"
    try:
        rounds = [one_round(url, given.workers) for _ in range(given.rounds)]
    finally:
        server.terminate()
    least = {name: min(each[name] for each in rounds) for name in rounds[0]}
    overhead = least["run"] - least["model"] - least["import_litellm"]
    told = least | {"overhead": overhead, "overhead_cpu": least["run_cpu"] - least["import_litellm_cpu"]}
    print(
        json.dumps({name: round(value, 2) for name, value in told.items()} | {"at_most": MOST, "rounds": len(rounds)})
    )
    sys.exit(overhead > MOST)


if __name__ == "__main__":
    main()
