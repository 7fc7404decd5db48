"""Prompts and resources that are text files: a few lines of front matter, then the text.

    ---
    title: Daily review
    description: What it is for.
    argument project_id: What to give.
    argument metric: What to give, or not.
    default metric: the words in the text where it is not given
    ---
    Review the project {project_id} by {metric}.

An argument with a default is optional. Only declared arguments are filled in; other braces stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST_ARGUMENT = 200

_FENCE = "---\n"


class PromptArgumentError(ValueError):
    """A prompt was asked for with arguments that it cannot be written with; the text is for the caller."""


@dataclass(frozen=True)
class Argument:
    """One argument of a prompt; `default` is None where it is required."""

    name: str
    description: str
    default: str | None = None


@dataclass(frozen=True)
class Prompt:
    """A text that a person picks, to start a conversation with."""

    name: str
    title: str
    description: str
    arguments: tuple[Argument, ...]
    text: str

    def fill(self, given: Mapping[str, str]) -> str:
        """Return the text for these arguments. PromptArgumentError names what is missing, unknown or no short line."""
        known = {argument.name for argument in self.arguments}
        if any(name not in known for name in given):
            raise PromptArgumentError(f"Unknown argument. Valid arguments: {', '.join(sorted(known))}.")
        values: dict[str, str] = {}
        for argument in self.arguments:
            value = given.get(argument.name, "").strip() or argument.default
            if value is None:
                raise PromptArgumentError(f"{argument.name} is required.")
            if len(value) > LONGEST_ARGUMENT or not value.isprintable():
                raise PromptArgumentError(f"{argument.name} must be one line of at most {LONGEST_ARGUMENT} characters.")
            values[argument.name] = value
        return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), self.text)

    def listed(self) -> dict[str, Any]:
        """Return the prompt as it is in `prompts/list`."""
        arguments = [
            {"name": argument.name, "description": argument.description, "required": argument.default is None}
            for argument in self.arguments
        ]
        return {"name": self.name, "title": self.title, "description": self.description, "arguments": arguments}


@dataclass(frozen=True)
class Resource:
    """A text that a client may read under its URI. `meta` is its `_meta`, the same in the list and in its contents."""

    uri: str
    name: str
    title: str
    description: str
    load: Callable[[], str]
    mime_type: str = "text/markdown"
    size: int | None = None
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    private: bool = False
    """Whether a cache may keep what was read for this caller alone (2026-07-28: `cacheScope`)."""

    def listed(self) -> dict[str, Any]:
        """Return the resource as it is in `resources/list`; its text is not loaded for that."""
        listed = {
            "uri": self.uri,
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "mimeType": self.mime_type,
            "size": self.size,
        }
        return {key: value for key, value in listed.items() if value is not None} | self._meta()

    def contents(self) -> dict[str, Any]:
        """Return the resource as `resources/read` answers it."""
        return {"uri": self.uri, "mimeType": self.mime_type, "text": self.load()} | self._meta()

    def _meta(self) -> dict[str, Any]:
        return {"_meta": dict(self.meta)} if self.meta else {}


def parse_prompt(name: str, source: str) -> Prompt:
    """Read a prompt from the text of its file; ValueError where the front matter is not whole."""
    matter, text = _split(source)
    arguments = tuple(
        Argument(key.removeprefix("argument "), value, matter.get(f"default {key.removeprefix('argument ')}"))
        for key, value in matter.items()
        if key.startswith("argument ")
    )
    return Prompt(name, matter["title"], matter["description"], arguments, text)


def parse_resource(uri: str, name: str, source: str) -> Resource:
    """Read a resource from the text of its file; ValueError where the front matter is not whole."""
    matter, text = _split(source)
    return Resource(uri, name, matter["title"], matter["description"], lambda: text, size=len(text.encode()))


def _split(source: str) -> tuple[dict[str, str], str]:
    source = source.replace("\r\n", "\n")
    head, fence, text = source.removeprefix(_FENCE).partition(f"\n{_FENCE}")
    if not source.startswith(_FENCE) or not fence:
        raise ValueError("a prompt or resource begins with front matter between two lines of ---")
    pairs = (line.partition(":") for line in head.splitlines() if line.strip())
    matter = {key.strip(): value.strip() for key, _, value in pairs}
    if missing := {"title", "description"} - matter.keys():
        raise ValueError(f"front matter without {', '.join(sorted(missing))}")
    return matter, text.strip() + "\n"
