"""One JSON-RPC message per line, and the answers to lines that are none.

The SDK's reader drops such lines silently, and a client waits forever for the answer to a request that it cut in the
middle of an emoji, or numbered with a fraction.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from mcp.types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError, JSONRPCMessage, JSONRPCNotification
from mcp.types import jsonrpc_message_adapter as messages

LONGEST_INTEGER = 20
"""Digits of an integer that is read for its value when a request's id is searched for."""


class UnreadableLineError(Exception):
    """A line holds no message; `answer` is what to send back."""

    def __init__(self, code: int, reason: str, request_id: str | int | None = None) -> None:
        super().__init__(reason)
        self.answer = JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=reason))


def parse_line(line: str) -> JSONRPCMessage:
    """Read the message of one line. Raises UnreadableLineError."""
    line = replace_lone_surrogates(line)
    try:
        message = messages.validate_json(line, by_name=False)
    except ValueError:
        raise _unreadable(line) from None
    # A request whose id is no id reads as a notification: nobody would answer it.
    if isinstance(message, JSONRPCNotification) and '"id"' in line and "id" in json.loads(line):
        raise UnreadableLineError(INVALID_REQUEST, "Invalid request: an id is a text or an integer")
    return message


def _unreadable(line: str) -> UnreadableLineError:
    try:
        document: object = json.loads(line, parse_int=_short_integer)
    except (ValueError, RecursionError):
        return UnreadableLineError(PARSE_ERROR, "Parse error: a line of input is no JSON")
    if isinstance(document, list):
        return UnreadableLineError(INVALID_REQUEST, "Invalid request: batches are not supported")
    fields = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    request_id = fields.get("id") if "method" in fields else None
    if isinstance(request_id, bool) or not isinstance(request_id, str | int):
        request_id = None
    return UnreadableLineError(
        INVALID_REQUEST,
        "Invalid request: no JSON-RPC 2.0 message, nested too deeply, or with an integer too long",
        request_id,
    )


def _short_integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= LONGEST_INTEGER else None


def replace_lone_surrogates(line: str) -> str:
    """Replace halves of surrogate pairs with U+FFFD.

    A client that cuts a text in the middle of an emoji sends one, escaped, and the SDK's parser would refuse the whole
    message.
    """
    if "\\ud" not in line and "\\uD" not in line:
        return line
    return _ESCAPE.sub(lambda match: r"\ufffd" if match["half"] else match[0], line)


_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>\\u[dD][89a-fA-F]..)|\\.")
"""A pair, a half of one, or any other escape, which is matched so that an escaped backslash begins nothing."""
