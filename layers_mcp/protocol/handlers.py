"""A catalog of tools, prompts and resources as an MCP server, in both eras of the protocol.

Everything a handler raises is dealt with here, in one place: the SDK would put an exception's text on the wire.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from secrets import token_bytes
from typing import Any, Final, Literal, cast, get_args

from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CompleteRequestParams,
    GetPromptRequestParams,
    InputRequiredResult,
    PaginatedRequestParams,
    PromptReference,
    ReadResourceRequestParams,
)

from layers_mcp.deadlines import CALL_SECONDS, COMPLETION_SECONDS, CONFIRM_SECONDS
from layers_mcp.lifecycle import Deadline
from layers_mcp.protocol.catalog import Catalog, Tool
from layers_mcp.protocol.elicitation import InputRequiredError, Principal, QuestionTimeout, SealedState, asker
from layers_mcp.protocol.errors import ToolError
from layers_mcp.protocol.request import ClientRequest, Resolve
from layers_mcp.protocol.result import render
from layers_mcp.protocol.texts import Prompt, PromptArgumentError, Resource
from layers_mcp.protocol.tool import ToolSpec

MOST_COMPLETIONS = 100
"""Values of one completion, by the protocol."""

RESOURCE_NOT_FOUND: Final = -32002
"""The code of the handshake era; later versions say INVALID_PARAMS."""

JsonObject = dict[str, Any]
Context = ServerRequestContext[Any]
Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]
MapError = Callable[[Exception, ToolSpec], ToolError | None]
"""Turns an exception that a tool raised into a ToolError; returns None for one it does not know."""

Authorize = Callable[[Any], None]
"""Checks a call's context before its tool is called, and raises if no call can work."""

Complete = Callable[[Any, str, str], Awaitable[Sequence[str]]]
"""`await complete(context, argument name, typed so far)` → values, best first."""

logger = logging.getLogger(__name__)


def map_nothing(error: Exception, tool: ToolSpec) -> ToolError | None:
    """Map no exception."""
    return None


def authorize_all(context: object) -> None:
    """Let every call through."""


async def no_completion(context: object, argument: str, typed: str) -> Sequence[str]:
    """Return no values."""
    return ()


@asynccontextmanager
async def no_lifespan(_: object) -> AsyncGenerator[None]:
    """Open nothing: over HTTP whatever a lifespan opens is shared by every caller."""
    yield


class Handlers:
    """The request handlers of one server. Prompts and resources are read when first asked for."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        resolve: Resolve,
        prompts: Callable[[], Sequence[Prompt]] = tuple,
        resources: Callable[[], Sequence[Resource]] = tuple,
        authorize: Authorize = authorize_all,
        map_error: MapError = map_nothing,
        complete: Complete = no_completion,
        call_seconds: float = CALL_SECONDS,
        confirm_seconds: float = CONFIRM_SECONDS,
        state_key: bytes = b"",
        principal: Principal | None = None,
    ) -> None:
        """`state_key`: 32 secret bytes that replicas share, so that each accepts the states of the others."""
        self._catalog = catalog
        self._resolve = resolve
        self._read_prompts = prompts
        self._read_resources = resources
        self._authorize = authorize
        self._map_error = map_error
        self._complete = complete
        self._call_seconds = call_seconds
        self._question_timeout = QuestionTimeout(confirm_seconds)
        self._state_key = state_key or token_bytes(32)
        self._principal = principal

    def server(
        self,
        name: str,
        *,
        version: str,
        title: str,
        instructions: str,
        lifespan: Lifespan = no_lifespan,
        cache_scope: Literal["public", "private"] = "public",
    ) -> Server[Any]:
        """Build the SDK's server over these handlers; what `lifespan` yields is a `ClientRequest`'s `lifespan`."""
        lasting = CacheHint(ttl_ms=3_600_000, scope=cache_scope)  # the lists are part of the program
        server: Server[Any] = Server(
            name,
            version=version,
            title=title,
            instructions=instructions,
            lifespan=lifespan,
            cache_hints=dict.fromkeys(get_args(CacheableMethod), lasting),
            get_tool_input_schema=self._input_schema,  # the SDK would list every tool before each call
        )
        server.middleware.append(SealedState(name, self._state_key, self._question_timeout.seconds, self._principal))
        server.add_request_handler("tools/list", PaginatedRequestParams, self.list_tools)
        server.add_request_handler("tools/call", CallToolRequestParams, self.call_tool)
        server.add_request_handler("prompts/list", PaginatedRequestParams, self.list_prompts)
        server.add_request_handler("prompts/get", GetPromptRequestParams, self.get_prompt)
        server.add_request_handler("resources/list", PaginatedRequestParams, self.list_resources)
        server.add_request_handler("resources/templates/list", PaginatedRequestParams, self.list_templates)
        server.add_request_handler("resources/read", ReadResourceRequestParams, self.read_resource)
        server.add_request_handler("completion/complete", CompleteRequestParams, self.complete)
        return server

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        tool = self._catalog.get(name)
        return tool and tool.definition["inputSchema"]

    async def list_tools(self, context: Context, params: PaginatedRequestParams) -> JsonObject:
        """Answer `tools/list` with the definitions, unchanged."""
        return _only_page(params, "tools", self._catalog.definitions)

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> JsonObject | InputRequiredResult:
        """Answer `tools/call` in bounded time; every failure but an unknown name is a result that a model can read."""
        tool = self._catalog.get(params.name)
        if tool is None:
            raise MCPError(INVALID_PARAMS, "Unknown tool. tools/list names those that there are.")
        deadline = Deadline(self._call_seconds)
        request = ClientRequest(
            deadline=deadline,
            progress=context.session.report_progress,
            ask=asker(context, params, deadline, self._question_timeout),
            http=context.request,
            lifespan=context.lifespan_context,
        )
        try:
            with deadline.enforced():
                async with self._resolve(request) as tool_context:
                    self._authorize(tool_context)
                    result = await tool.call(tool_context, params.arguments)
                content, text = render(result)
                return _answer(content=[_text(text)], structuredContent=content, isError=False)
            failure = _out_of_time(tool, deadline)
        except InputRequiredError as needed:
            return needed.result
        except Exception as error:
            failure = self._failure(tool, error)
        return _answer(content=[_text(str(failure))], isError=True)

    def _failure(self, tool: Tool, error: Exception) -> ToolError:
        """Return the error for an exception; an exception group is mapped by its first known member."""
        for one in _leaves(error):
            known = one if isinstance(one, ToolError) else self._map_error(one, tool.spec)
            if known is not None:
                return known
        logger.error("%s failed unexpectedly", tool.name, exc_info=error)
        return ToolError(
            "INTERNAL",
            "The server met an error of its own",
            effect=tool.spec.effect_unknown,
            next_step="Its log (stderr) has the details.",
        )

    async def list_prompts(self, context: Context, params: PaginatedRequestParams) -> JsonObject:
        """Answer `prompts/list`."""
        return _only_page(params, "prompts", [prompt.listed() for prompt in self._prompts.values()])

    async def get_prompt(self, context: Context, params: GetPromptRequestParams) -> JsonObject:
        """Answer `prompts/get` with one message; arguments that do not fit are a protocol error."""
        prompt = self._prompts.get(params.name)
        if prompt is None:
            raise MCPError(INVALID_PARAMS, "Unknown prompt. prompts/list names those that there are.")
        try:
            text = prompt.fill(params.arguments or {})
        except PromptArgumentError as problem:
            raise MCPError(INVALID_PARAMS, str(problem)) from None
        return _answer(description=prompt.description, messages=[{"role": "user", "content": _text(text)}])

    async def list_resources(self, context: Context, params: PaginatedRequestParams) -> JsonObject:
        """Answer `resources/list`."""
        return _only_page(params, "resources", [resource.listed() for resource in self._resources.values()])

    async def list_templates(self, context: Context, params: PaginatedRequestParams) -> JsonObject:
        """Answer `resources/templates/list`, which some clients ask though there are none."""
        return _only_page(params, "resourceTemplates", [])

    async def read_resource(self, context: Context, params: ReadResourceRequestParams) -> JsonObject:
        """Answer `resources/read`."""
        resource = self._resources.get(str(params.uri))
        if resource is None:
            code = RESOURCE_NOT_FOUND if context.protocol_version < "2026" else INVALID_PARAMS
            raise MCPError(code, "Unknown resource. resources/list names those that there are.")
        scope = {"cacheScope": "private"} if resource.private else {}
        return _answer(contents=[resource.contents()], **scope)

    async def complete(self, context: Context, params: CompleteRequestParams) -> JsonObject:
        """Return values for an argument of a prompt; none if the completion fails or takes too long."""
        argument = params.argument
        prompt = self._prompts.get(params.ref.name) if isinstance(params.ref, PromptReference) else None
        if prompt is None or all(known.name != argument.name for known in prompt.arguments):
            raise MCPError(INVALID_PARAMS, "There is no such prompt argument to complete.")
        values: Sequence[str] = ()
        try:
            deadline = Deadline(COMPLETION_SECONDS)
            request = ClientRequest(deadline=deadline, http=context.request, lifespan=context.lifespan_context)
            with deadline.enforced():
                async with self._resolve(request) as resolved:
                    values = await self._complete(resolved, argument.name, argument.value)
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


def _answer(**fields: Any) -> JsonObject:
    """Return a complete result: later versions of the protocol require that word, earlier ones ignore it."""
    return {**fields, "resultType": "complete"}


def _text(text: str) -> JsonObject:
    return {"type": "text", "text": text}


def _only_page(params: PaginatedRequestParams, name: str, items: Sequence[Mapping[str, Any]]) -> JsonObject:
    """Answer with a whole list. Lists have one page, so any cursor is one we never gave."""
    if params.cursor is not None:
        raise MCPError(INVALID_PARAMS, "Invalid cursor: this list comes in one page.")
    return _answer(**{name: items})


def _out_of_time(tool: Tool, deadline: Deadline) -> ToolError:
    return ToolError(
        "TIMEOUT",
        f"No answer within {deadline.seconds:.0f} seconds",
        effect=tool.spec.effect_unknown,
        next_step="Call again later." if tool.read_only else "",
    )


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for member in cast("ExceptionGroup[Exception]", error).exceptions:
            yield from _leaves(member)
    else:
        yield error
