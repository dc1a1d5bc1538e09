"""An HTTP agent to try things with: `python3 examples/http/server.py`, then run `agent.yaml`."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {"capital city of Italy": "Rome", "capital city of Ireland": "Dublin", "3 + 5": "8"}
PORT = 8808


class Agent(BaseHTTPRequestHandler):
    """Answers a task with JSON; plain text would do as well."""

    protocol_version = "HTTP/1.1"  # keeps connections open between trials

    def do_POST(self) -> None:
        """Read the task, look the answer up."""
        task = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        final = next((answer for words, answer in ANSWERS.items() if words in task["prompt"]), "no idea")
        body = json.dumps({"final": final, "usage": {"model_calls": 1}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    print(f"listening on http://127.0.0.1:{PORT}/answer; Ctrl-C ends it")
    ThreadingHTTPServer(("127.0.0.1", PORT), Agent).serve_forever()
