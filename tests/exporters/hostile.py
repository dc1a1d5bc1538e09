"""Text that other tools could take for a template, a file, markup or a number."""

import json

HOSTILE = (
    "{{ env.HOME }} {{prompt}} {% for i in [1] %}x{% endraw %}{# c #} {{ 7*7 }} {%raw%} }} %} #} ${HOME} {{{x}}}",
    "file:///etc/hostname",
    "package:@scope/name:f",
    "javascript:\"'\\`",
    "two\nlines\n\ttab \u2028 separator \u0085 next \u00e9 \U0001f600\n",
    "nul \0 bell \a delete \x7f escape \x1b[31m",
    '{"a": "x\ny"}',
    "[1, 2]",
    "&anchor *alias !!python/object:os.system - : # yes",
    "---",
    "=1+1",
    "007",
    "1e3",
    "null",
    "2024-01-01",
    "<script>alert(1)</script>",
    "עברית والعربية 日本語",
)
SUITE = """\
name: "hostile: {{ 7*7 }} # {% x %} ../../up"
version: 1
tasks: {file: tasks.json}
graders: [{use: exact_match}]
"""


def write_hostile(folder):
    """Write a suite whose every prompt is also its right answer, and hostile."""
    rows = [
        {"id": f"t{number}", "prompt": text, "expected": text, "accept": [f"{text} too"], "tags": {"k": text}}
        for number, text in enumerate(HOSTILE)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tasks.json").write_text(json.dumps(rows), "utf-8")
    suite = folder / "suite.yaml"
    suite.write_text(SUITE, "utf-8")
    return suite
