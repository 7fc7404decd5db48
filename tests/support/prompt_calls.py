"""The tool calls that a prompt's text spells out, such as `find_breakouts(project_ids=["prj_1"])`."""

import ast
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from layers_mcp.protocol.texts import Prompt, parse_prompt

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Blank:
    """A value that the reader has to fill in, named in capitals."""

    name: str


@dataclass(frozen=True)
class SpelledCall:
    """A call as it is in the text, with `Blank`s for what is not known yet."""

    tool: str
    arguments: dict[str, Any]


def prompt(name: str) -> Prompt:
    """A prompt of the package."""
    return parse_prompt(name, (files("layers_mcp") / "prompts" / f"{name}.md").read_text("utf-8"))


def code_in(text: str) -> list[str]:
    """Everything between backticks."""
    return _CODE.findall(text)


def calls_in(text: str) -> list[SpelledCall]:
    """The calls in a text, in order."""
    calls: list[SpelledCall] = []
    for code in code_in(text):
        if "(" in code:
            call = ast.parse(code, mode="eval").body
            assert isinstance(call, ast.Call)
            assert isinstance(call.func, ast.Name)
            calls.append(SpelledCall(call.func.id, {str(one.arg): _value(one.value) for one in call.keywords}))
    return calls


def steps_of(text: str) -> list[str]:
    """The numbered steps of a prompt."""
    return re.findall(r"^\d+\. (.*)$", text, flags=re.MULTILINE)


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        assert node.id.isupper(), node.id
        return Blank(node.id)
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    return ast.literal_eval(node)
