"""A harness as a team may have it, for tests: it writes JUnit's XML, and does as it is told per test.

tool.py OUT REPEATS ID...        what each id does stands in `does.json` beside it
"""

import json
import os
import sys
import time
from pathlib import Path
from xml.sax.saxutils import quoteattr

out, repeats, ids = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
here = Path(__file__).parent
does = json.loads((here / "does.json").read_text())
with (here / "calls.jsonl").open("a") as log:
    log.write(json.dumps({"ids": ids, "trials": repeats, "pid": os.getpid(), "cwd": str(Path.cwd())}) + "\n")
cases = []
for name in ids or sorted(does):
    for _ in range(repeats):
        act = does.get(name, "unknown")
        if act == "exit":
            sys.stderr.write(f"Error: the config is broken, key {os.environ.get('SOME_API_KEY')}\n")
            sys.exit(3)
        if act == "hang":
            time.sleep(60)
        if act == "slow":
            time.sleep(0.4)
        if act == "garbage":
            (out / "report.xml").write_text("<testsuites><testsuite")
            sys.exit(0)
        if act not in ("silent", "unknown"):
            inner = {"fail": "<failure message='no'/>", "error": "<error message='setup'/>"}.get(act, "")
            cases.append(f"<testcase name={quoteattr(name)} time='0.5'>{inner}</testcase>")
(out / "report.xml").write_text(f"<testsuites><testsuite name='s'>{''.join(cases)}</testsuite></testsuites>")
sys.exit(1 if any("failure" in case for case in cases) else 0)
