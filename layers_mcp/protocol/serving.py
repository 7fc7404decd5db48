"""A catalog of tools, prompts and resources as an MCP server, in both eras of the protocol.

Everything a handler raises is dealt with here, in one place: the SDK would put an exception's text on the wire.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import Any, Final, cast, get_args

import anyio
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CompleteRequestParams,
    GetPromptRequestParams,
    PaginatedRequestParams,
    PromptReference,
    ReadResourceRequestParams,
)

from layers_mcp.protocol.catalog import Catalog, Tool
from layers_mcp.protocol.errors import ToolError
from layers_mcp.protocol.result import render
from layers_mcp.protocol.texts import Prompt, PromptArgumentError, Resource

DEADLINE_SECONDS = 43.0
"""After which a tool call is answered, whatever it waits for; hosts give up at about 60."""

COMPLETION_SECONDS = 5.0
"""After which a completion is answered empty: somebody is typing."""

MOST_COMPLETIONS = 100
"""Values of one completion, by the protocol."""

RESOURCE_NOT_FOUND: Final = -32002
"""The code of the handshake era; later versions say INVALID_PARAMS."""

Wire = dict[str, Any]
Context = ServerRequestContext[Any]
Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]
Translate = Callable[[Exception, str], ToolError | None]
"""Turns an exception of the tools' own world into a ToolError, or answers None; takes the tool's name too."""

Admit = Callable[[Any], None]
"""Looks at the world before a tool is called, and raises where no call can work."""

Complete = Callable[[Any, str, str], Awaitable[Sequence[str]]]
"""`await complete(world, argument name, typed so far)` → values, best first."""

logger = logging.getLogger(__name__)


def no_translation(error: Exception, tool: str) -> ToolError | None:
    """Know no exceptions but ToolError."""
    return None


def admit_all(world: object) -> None:
    """Let every call through."""


async def no_completion(world: object, argument: str, typed: str) -> Sequence[str]:
    """Know no values."""
    return ()


class Service:
    """The handlers of one server. Prompts and resources are read when first asked for."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        prompts: Callable[[], Sequence[Prompt]] = tuple,
        resources: Callable[[], Sequence[Resource]] = tuple,
        admit: Admit = admit_all,
        translate: Translate = no_translation,
        complete: Complete = no_completion,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._catalog = catalog
        self._read_prompts = prompts
        self._read_resources = resources
        self._admit = admit
        self._translate = translate
        self._complete = complete
        self._deadline = deadline

    def server(self, name: str, *, version: str, title: str, instructions: str, lifespan: Lifespan) -> Server[Any]:
        """The SDK's server over these handlers; what `lifespan` yields is the world that tools are given."""
        lasting = CacheHint(ttl_ms=3_600_000, scope="public")  # the lists are part of the program
        server: Server[Any] = Server(
            name,
            version=version,
            title=title,
            instructions=instructions,
            lifespan=lifespan,
            cache_hints=dict.fromkeys(get_args(CacheableMethod), lasting),
        )
        server.add_request_handler("tools/list", PaginatedRequestParams, self.list_tools)
        server.add_request_handler("tools/call", CallToolRequestParams, self.call_tool)
        server.add_request_handler("prompts/list", PaginatedRequestParams, self.list_prompts)
        server.add_request_handler("prompts/get", GetPromptRequestParams, self.get_prompt)
        server.add_request_handler("resources/list", PaginatedRequestParams, self.list_resources)
        server.add_request_handler("resources/templates/list", PaginatedRequestParams, self.list_templates)
        server.add_request_handler("resources/read", ReadResourceRequestParams, self.read_resource)
        server.add_request_handler("completion/complete", CompleteRequestParams, self.complete)
        return server

    async def list_tools(self, context: Context, params: PaginatedRequestParams) -> Wire:
        """Answer `tools/list` from the definitions, as they stand."""
        return _only_page(params, "tools", self._catalog.definitions)

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> Wire:
        """Answer `tools/call` in bounded time; every failure but an unknown name is a result that a model can read."""
        tool = self._catalog.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, "Unknown tool. tools/list names those that there are.")
        try:
            with anyio.move_on_after(self._deadline):
                world, progress = context.lifespan_context, context.session.report_progress
                self._admit(world)
                result = await tool.call(world, params.arguments, progress)
                content, text = render(result)
                return _answer(content=[_text(text)], structuredContent=content, isError=False)
            failure = _out_of_time(tool, self._deadline)
        except Exception as error:
            failure = self._failure(tool, error)
        return _answer(content=[_text(str(failure))], isError=True)

    def _failure(self, tool: Tool, error: Exception) -> ToolError:
        """The words for an exception; a group that task groups raise is answered by its first known member."""
        for one in _leaves(error):
            known = one if isinstance(one, ToolError) else self._translate(one, tool.name)
            if known is not None:
                return known
        logger.error("%s failed unexpectedly", tool.name, exc_info=error)
        return ToolError(
            "INTERNAL",
            "The server met an error of its own",
            effect=tool.effect_unknown,
            next_step="Its log (stderr) has the details.",
        )

    async def list_prompts(self, context: Context, params: PaginatedRequestParams) -> Wire:
        """Answer `prompts/list`."""
        return _only_page(params, "prompts", [prompt.listed() for prompt in self._prompts.values()])

    async def get_prompt(self, context: Context, params: GetPromptRequestParams) -> Wire:
        """Answer `prompts/get` with one message; arguments that do not fit are a protocol error."""
        prompt = self._prompts.get(params.name)
        if prompt is None:
            raise MCPError(INVALID_PARAMS, "Unknown prompt. prompts/list names those that there are.")
        try:
            text = prompt.fill(params.arguments or {})
        except PromptArgumentError as problem:
            raise MCPError(INVALID_PARAMS, str(problem)) from None
        return _answer(description=prompt.description, messages=[{"role": "user", "content": _text(text)}])

    async def list_resources(self, context: Context, params: PaginatedRequestParams) -> Wire:
        """Answer `resources/list`."""
        return _only_page(params, "resources", [resource.listed() for resource in self._resources.values()])

    async def list_templates(self, context: Context, params: PaginatedRequestParams) -> Wire:
        """Answer `resources/templates/list`, which some clients ask though there are none."""
        return _only_page(params, "resourceTemplates", [])

    async def read_resource(self, context: Context, params: ReadResourceRequestParams) -> Wire:
        """Answer `resources/read`."""
        resource = self._resources.get(str(params.uri))
        if resource is None:
            code = RESOURCE_NOT_FOUND if context.protocol_version < "2026" else INVALID_PARAMS
            raise MCPError(code, "Unknown resource. resources/list names those that there are.")
        return _answer(contents=[resource.contents()])

    async def complete(self, context: Context, params: CompleteRequestParams) -> Wire:
        """Values for an argument of a prompt; a completion that fails or takes long is empty."""
        argument = params.argument
        prompt = self._prompts.get(params.ref.name) if isinstance(params.ref, PromptReference) else None
        if prompt is None or all(known.name != argument.name for known in prompt.arguments):
            raise MCPError(INVALID_PARAMS, "There is no such prompt argument to complete.")
        values: Sequence[str] = ()
        try:
            with anyio.move_on_after(COMPLETION_SECONDS):
                values = await self._complete(context.lifespan_context, argument.name, argument.value)
        except Exception as error:
            logger.info("no completion for %s", argument.name, exc_info=error)
        shown = list(values[:MOST_COMPLETIONS])
        return _answer(completion={"values": shown, "total": len(values), "hasMore": len(values) > len(shown)})

    @cached_property
    def _prompts(self) -> Mapping[str, Prompt]:
        return {prompt.name: prompt for prompt in self._read_prompts()}

    @cached_property
    def _resources(self) -> Mapping[str, Resource]:
        return {resource.uri: resource for resource in self._read_resources()}


def _answer(**fields: Any) -> Wire:
    """A result that is whole: later versions of the protocol ask for that word, earlier ones pass over it."""
    return {**fields, "resultType": "complete"}


def _text(text: str) -> Wire:
    return {"type": "text", "text": text}


def _only_page(params: PaginatedRequestParams, name: str, items: Sequence[Mapping[str, Any]]) -> Wire:
    """Lists are short and come whole, so that any cursor is one we never gave."""
    if params.cursor is not None:
        raise MCPError(INVALID_PARAMS, "Invalid cursor: this list comes in one page.")
    return _answer(**{name: items})


def _out_of_time(tool: Tool, deadline: float) -> ToolError:
    return ToolError(
        "TIMEOUT",
        f"No answer within {deadline:.0f} seconds",
        effect=tool.effect_unknown,
        next_step="Call again later." if tool.read_only else "",
    )


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for member in cast("ExceptionGroup[Exception]", error).exceptions:
            yield from _leaves(member)
    else:
        yield error
