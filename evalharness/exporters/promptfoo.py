"""promptfoo: a configuration for `promptfoo eval -c PATH`.

promptfoo fills in templates everywhere and reads files that a text names; whatever could be taken for either is written
so that it comes out as the text it is.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from evalharness.exporters import Taken
from evalharness.exporters.lines import write_yaml
from evalharness.exporters.questions import Question, questions
from evalharness.model import Suite

_SCHEME = re.compile(r"[A-Za-z][\w+.-]*:")
_JUDGE = """\
const right = %s;
const fold = (text) => {
  const plain = text.normalize('NFKC').toLowerCase();
  return plain.replace(/[^\\p{L}\\p{M}\\p{N}]+/gu, ' ').trim() || plain.trim();
};
return right.map(fold).includes(fold(String(output)));
"""


@dataclass(frozen=True)
class PromptfooExporter:
    """One test a question, judged by comparing letters and digits; `provider` is who is asked."""

    takes: ClassVar[Taken] = "suite"
    provider: str = "openai:gpt-4o-mini"

    def write(self, source: Suite, path: Path) -> None:
        """Write the configuration."""
        tests = [_test(each) for each in questions(source, format="promptfoo")]
        config = {
            "description": label(source.name),
            "prompts": ["{{prompt}}"],
            "providers": [self.provider],
            "tests": tests,
        }
        write_yaml(path, config)


def _test(question: Question) -> dict[str, Any]:
    # JSON is JavaScript, and escaped braces leave nothing in it that a template could be made of.
    right = json.dumps(question.answers, ensure_ascii=False).replace("{", "\\u007b").replace("}", "\\u007d")
    return {
        "description": label(question.id),
        "vars": {"prompt": literal(question.prompt)},
        "assert": [{"type": "javascript", "value": _JUDGE % right}],
        "metadata": {"id": label(question.id), "tags": [label(tag) for tag in question.tags]},
    }


def label(text: str) -> str:
    """Write a text where promptfoo fills in environment variables and nothing else: pairs of braces come apart."""
    return text.replace("{{", "{ {")


def literal(text: str) -> str:
    """Write a text so that a nunjucks template gives it back: braces, a leading scheme, and a line break at the end."""
    end = text[-1:] if text.endswith("\n") else ""
    body = text.removesuffix(end).replace("{", "{{ '{' }}").replace("#}", "#{{ '}' }}")
    if _SCHEME.match(body):
        body = f"{{{{ '{body[0]}' }}}}{body[1:]}"
    return body + ("{{ '\\n' }}" if end else "")
