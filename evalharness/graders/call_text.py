"""Tool calls written as text: as Python, `[area(base=10, height=5)]`, or as JSON, `{"name": ..., "arguments": {...}}`.

The text comes from a model: it is parsed and never evaluated, and whatever is no call is a ValueError.
"""

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

import msgspec

from evalharness.model import ToolCall

LONGEST = 20_000  # characters; more is no call
_FENCE = re.compile(r"```[\w-]*\n(.*?)```", re.DOTALL)
_SUMS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def calls_in(text: str) -> list[ToolCall]:
    """Read the calls of an answer that holds nothing else; of fenced blocks the last one counts."""
    if len(text) > LONGEST:
        raise ValueError(f"{len(text):,} characters are no call")
    blocks = _FENCE.findall(text)
    said = (blocks[-1] if blocks else text).strip("`\n\t ")
    try:
        return _json_calls(said) if re.match(r"\[?\s*\{", said) else _python_calls(said)
    except (SyntaxError, RecursionError, MemoryError, ArithmeticError, TypeError) as exc:
        raise ValueError(f"no call can be read: {type(exc).__name__}") from exc


def _json_calls(text: str) -> list[ToolCall]:
    found = msgspec.json.decode(text)
    return [_json_call(each) for each in (found if isinstance(found, list) else [found])]


def _json_call(found: Any) -> ToolCall:
    said = found.get("function", found) if isinstance(found, dict) else found
    name = said.get("name") if isinstance(said, dict) else None
    arguments = said.get("arguments", said.get("parameters", {})) if isinstance(said, dict) else None
    arguments = msgspec.json.decode(arguments) if isinstance(arguments, str) else arguments
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise ValueError("the JSON is no call: it needs `name` and `arguments`")  # noqa: TRY004 - what it says is wrong
    return ToolCall(name=name, arguments=arguments)


def _python_calls(text: str) -> list[ToolCall]:
    tree = ast.parse(text if text.startswith("[") else f"[{text}]", mode="eval").body
    return [_python_call(each) for each in (tree.elts if isinstance(tree, ast.List) else [tree])]


def _python_call(node: ast.expr) -> ToolCall:
    if not isinstance(node, ast.Call):
        raise ValueError(f"{ast.unparse(node)[:80]!r} is no call")  # noqa: TRY004 - what it says is wrong
    # Arguments without a name are dropped, as the published checker drops them.
    given = {each.arg: _value(each.value) for each in node.keywords if each.arg}
    return ToolCall(name=ast.unparse(node.func), arguments=given)


def _value(node: ast.expr) -> Any:
    """Give the value of an argument; a name stands for itself, as a variable would."""
    if isinstance(node, ast.List | ast.Tuple):
        items = [_value(each) for each in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    if isinstance(node, ast.Dict):
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, ast.BinOp):
        return _sum(node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_number(node.operand)
    if isinstance(node, ast.Constant):
        return node.value
    return ast.unparse(node)


def _sum(node: ast.BinOp) -> Any:
    if type(node.op) not in _SUMS:
        raise ValueError("this arithmetic is not read")
    return _SUMS[type(node.op)](_number(node.left), _number(node.right))


def _number(node: ast.expr) -> int | float:
    found = _value(node)
    if not isinstance(found, int | float):
        raise TypeError("arithmetic is read with numbers only")
    return found
