"""The test-only server for the conformance suite's full requirement sets: our protocol layer, and what lies beyond it.

python -m tests.conformance.everything PORT
"""

# These functions are tools, with the names that the suite calls.
# ruff: noqa: PT028

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import anyio
import uvicorn
from mcp.server.lowlevel import Server
from mcp.types import (
    CallToolRequestParams,
    EmptyResult,
    GetPromptRequestParams,
    InputRequiredResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    RequestParams,
    SetLevelRequestParams,
    SubscribeRequestParams,
    UnsubscribeRequestParams,
)
from pydantic import Field

from layers_mcp.protocol import READ, Result, ToolError, tool
from layers_mcp.protocol.catalog import Catalog
from layers_mcp.protocol.handlers import Handlers
from layers_mcp.protocol.request import ClientRequest
from layers_mcp.protocol.texts import Prompt, Resource, parse_prompt, parse_resource
from tests.conformance import beyond
from tests.conformance.beyond import Answer, Context, Wire, elicitation, embedded, picture


class Words(Result):
    text: str


@tool(title="Simple text", kind=READ)
async def test_simple_text(request: ClientRequest) -> Words:
    """Answer with text."""
    return Words(text="This is a simple text response for testing.")


@tool(title="Error", kind=READ)
async def test_error_handling(request: ClientRequest) -> Words:
    """Fail."""
    raise ToolError("FAILED", "This tool intentionally returns an error for testing")


@tool(title="Progress", kind=READ)
async def test_tool_with_progress(request: ClientRequest) -> Words:
    """Tell of three steps."""
    for step in (0, 50, 100):
        await request.progress(step, 100, f"Completed step {step} of 100")
        await anyio.sleep(0.05)
    return Words(text="Done.")


@tool(title="Many kinds of argument", kind=READ)
async def test_arguments(
    request: ClientRequest, names: Annotated[tuple[str, ...], Field(description="Names.", max_length=3)] = ()
) -> Words:
    """Take a list."""
    return Words(text=", ".join(names))


def _prompt(name: str, words: str, *arguments: str) -> Prompt:
    lines = "".join(f"argument {argument}: An argument.\n" for argument in arguments)
    return parse_prompt(name, f"---\ntitle: {name}\ndescription: A prompt for testing.\n{lines}---\n{words}")


PROMPTS = (
    _prompt("test_simple_prompt", "This is a simple prompt for testing."),
    _prompt("test_prompt_with_arguments", "Prompt with arguments: arg1='{arg1}', arg2='{arg2}'", "arg1", "arg2"),
    _prompt("test_prompt_with_embedded_resource", "See above.", "resourceUri"),
    _prompt("test_prompt_with_image", "See above."),
    _prompt("test_input_required_result_prompt", "Use the context."),
)

RESOURCES: tuple[Resource, ...] = tuple(
    parse_resource(f"test://{name}", name, f"---\ntitle: {name}\ndescription: A resource.\n---\nThe text of {name}.")
    for name in ("static-text", "static-binary", "watched-resource")
)
TEMPLATE = {
    "uriTemplate": "test://template/{id}/data",
    "name": "template",
    "description": "A resource with a parameter.",
    "mimeType": "application/json",
}


class Everything(Handlers):
    """Our handlers, with those of `beyond` in front of them."""

    async def list_tools(self, context: Context, params: PaginatedRequestParams) -> Wire:
        ours = await super().list_tools(context, params)
        return {**ours, "tools": [*ours["tools"], *beyond.definitions()]}

    async def call_tool(self, context: Context, params: CallToolRequestParams) -> Any:
        if params.name in beyond.TOOLS:
            return await beyond.TOOLS[params.name](context, params)
        return await super().call_tool(context, params)

    async def get_prompt(self, context: Context, params: GetPromptRequestParams) -> Any:
        filled = await super().get_prompt(context, params)
        match params.name:
            case "test_prompt_with_embedded_resource":
                uri = (params.arguments or {})["resourceUri"]
                extra = embedded(uri, "text/plain", "Embedded resource content for testing.")
            case "test_prompt_with_image":
                extra = picture()
            case "test_input_required_result_prompt":
                return _with_context(params) or filled
            case _:
                return filled
        return {**filled, "messages": [{"role": "user", "content": extra}, *filled["messages"]]}

    async def read_resource(self, context: Context, params: ReadResourceRequestParams) -> Wire:
        uri = str(params.uri)
        if uri == "test://static-binary":
            contents = {"uri": uri, "mimeType": "image/png", "blob": beyond.PNG}
        elif uri.startswith("test://template/"):
            number = uri.removeprefix("test://template/").removesuffix("/data")
            contents = {"uri": uri, "mimeType": "application/json", "text": f'{{"id": "{number}"}}'}
        else:
            return await super().read_resource(context, params)
        return {"contents": [contents], "resultType": "complete"}

    async def list_templates(self, context: Context, params: PaginatedRequestParams) -> Wire:
        return {**await super().list_templates(context, params), "resourceTemplates": [TEMPLATE]}


def _with_context(params: GetPromptRequestParams) -> Answer | None:
    if "user_context" in (params.input_responses or {}):
        return None
    schema = {"type": "object", "properties": {"context": {"type": "string"}}, "required": ["context"]}
    return InputRequiredResult(input_requests={"user_context": elicitation("What context?", schema)})


async def acknowledge(context: Context, params: RequestParams) -> EmptyResult:
    return EmptyResult()


@asynccontextmanager
async def resolve(request: ClientRequest) -> AsyncGenerator[ClientRequest]:
    yield request


def everything_server() -> Server[Any]:
    handlers = Everything(
        Catalog.of(test_simple_text, test_error_handling, test_tool_with_progress, test_arguments),
        resolve=resolve,
        prompts=lambda: PROMPTS,
        resources=lambda: RESOURCES,
    )
    server = handlers.server("everything", version="1", title="Everything", instructions="For tests.")
    server.add_request_handler("logging/setLevel", SetLevelRequestParams, acknowledge)
    server.add_request_handler("resources/subscribe", SubscribeRequestParams, acknowledge)
    server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, acknowledge)
    return server


if __name__ == "__main__":
    app = everything_server().streamable_http_app(host="127.0.0.1")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
