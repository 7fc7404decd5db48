"""What a client's request brings along, before its caller is known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from layers_mcp.lifecycle import Deadline
from layers_mcp.protocol.elicitation import Ask
from layers_mcp.protocol.progress import Progress, no_progress


@dataclass(frozen=True, kw_only=True)
class ClientRequest:
    """One request that needs a context: a tool call or a completion.

    `ask` puts a question to the person behind it, None where its client cannot.
    `http` is Starlette's request (None on stdio), where the transport has left who is calling; `lifespan` is
    what the server's lifespan yielded (over HTTP nothing: it is shared by every caller there).
    """

    deadline: Deadline
    progress: Progress = no_progress
    ask: Ask | None = None
    http: Any = None
    lifespan: Any = None


Resolve = Callable[[ClientRequest], AbstractAsyncContextManager[Any]]
"""Finds out who is calling, and gives the context that the call's tool function is handed; open until it has ended.

Raises where the caller cannot be served; that is mapped as a tool's own errors are.
"""
