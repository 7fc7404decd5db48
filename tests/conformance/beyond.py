"""What the conformance suite asks of a server for everything, and a server of data tools has no use for.

Pictures and sounds, sampling, elicitation, roots, logging, rounds of input: written for the SDK directly, beside what
our protocol layer serves. Each is `async (context, params) -> result`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolRequestParams,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)

Wire = dict[str, Any]
Context = ServerRequestContext[Any]
Answer = Wire | InputRequiredResult
Handler = Callable[[Context, CallToolRequestParams], Awaitable[Answer]]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="

STATE_KEY = b"the state that a client carries is signed"


def text(words: str) -> Wire:
    return {"type": "text", "text": words}


def picture() -> Wire:
    return {"type": "image", "data": PNG, "mimeType": "image/png"}


def embedded(uri: str, mime_type: str, words: str) -> Wire:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": words}}


def done(*blocks: Wire) -> Wire:
    return {"content": list(blocks), "isError": False, "resultType": "complete"}


def fixed(*blocks: Wire) -> Handler:
    async def answer(context: Context, params: CallToolRequestParams) -> Answer:
        return done(*blocks)

    return answer


async def logging_tool(context: Context, params: CallToolRequestParams) -> Answer:
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await context.session.send_log_message("info", words, related_request_id=context.request_id)  # pyright: ignore
    return done(text("Told in the log."))


def sampling_request(words: str) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(text=words))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=100))


async def sampling(context: Context, params: CallToolRequestParams) -> Answer:
    prompt = (params.arguments or {}).get("prompt", "")
    result = await context.session.create_message(  # pyright: ignore
        messages=[SamplingMessage(role="user", content=TextContent(text=prompt))],
        max_tokens=100,
        related_request_id=context.request_id,
    )
    return done(text(f"LLM response: {result.content.text if result.content.type == 'text' else '?'}"))


def asking(message: str, schema: Wire) -> Handler:
    """Elicit this; a `message` argument wins."""

    async def answer(context: Context, params: CallToolRequestParams) -> Answer:
        words = (params.arguments or {}).get("message", message)
        result = await context.session.elicit_form(words, schema, context.request_id)
        return done(text(f"User response: action={result.action}, content={json.dumps(result.content or {})}"))

    return answer


def one_of(*choices: tuple[str, str]) -> list[Wire]:
    return [{"const": value, "title": title} for value, title in choices]


def form(**properties: Wire) -> Wire:
    return {"type": "object", "properties": properties, "required": []}


DEFAULTS = form(
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
ENUMS = form(
    untitledSingle={"type": "string", "enum": ["option1", "option2", "option3"]},
    titledSingle={"type": "string", "oneOf": one_of(("value1", "First"), ("value2", "Second"), ("value3", "Third"))},
    legacyEnum={"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"]},
    untitledMulti={"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
    titledMulti={
        "type": "array",
        "items": {"anyOf": one_of(("value1", "First"), ("value2", "Second"), ("value3", "3"))},
    },
)
NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
CONFIRM = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


async def missing_capability(context: Context, params: CallToolRequestParams) -> Answer:
    declared = context.session.client_capabilities
    if declared is None or declared.sampling is None:
        needed = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling.", needed)
    return done(text("Sampling is declared."))


def elicitation(message: str, schema: Wire) -> ElicitRequest:
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def signed(state: Mapping[str, Any]) -> str:
    """State for a client to carry: it comes back as it went, or is refused."""
    body = json.dumps(state)
    return f"{_signature(body)}.{body}"


def opened(carried: str | None) -> dict[str, Any] | None:
    if carried is None:
        return None
    signature, _, body = carried.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(body).encode()):
        raise MCPError(INVALID_PARAMS, "The request state is not one of ours.")
    return json.loads(body)


def _signature(body: str) -> str:
    return hmac.new(STATE_KEY, body.encode(), hashlib.sha256).hexdigest()


def needing(**requests: InputRequest) -> Handler:
    """Answer once all of these came back."""

    async def answer(context: Context, params: CallToolRequestParams) -> Answer:
        if requests.keys() <= (params.input_responses or {}).keys():
            return done(text(f"Received: {', '.join(requests)}."))
        return InputRequiredResult(input_requests=requests)

    return answer


def needing_with_state(**requests: InputRequest) -> Handler:
    """Answer once all of these came back with the state that was sent along."""

    async def answer(context: Context, params: CallToolRequestParams) -> Answer:
        state = opened(params.request_state)
        if state is not None and requests.keys() <= (params.input_responses or {}).keys():
            return done(text("state-ok: all inputs received."))
        return InputRequiredResult(input_requests=requests, request_state=signed({"round": 1}))

    return answer


async def several_rounds(context: Context, params: CallToolRequestParams) -> Answer:
    state, answers = opened(params.request_state) or {"round": 0}, params.input_responses or {}
    if state["round"] == 1 and "step1" in answers:
        colour = {"type": "object", "properties": {"color": {"type": "string"}}, "required": ["color"]}
        return InputRequiredResult(
            input_requests={"step2": elicitation("Step 2: What is your favorite color?", colour)},
            request_state=signed({"round": 2, "name": _given(answers["step1"], "name")}),
        )
    if state["round"] == 2 and "step2" in answers:
        return done(text(f"{state['name']} likes {_given(answers['step2'], 'color')}."))
    return InputRequiredResult(
        input_requests={"step1": elicitation("Step 1: What is your name?", NAME)}, request_state=signed({"round": 1})
    )


def _given(answer: object, field: str) -> object:
    return (answer.content or {}).get(field) if isinstance(answer, ElicitResult) else None


async def what_the_client_can(context: Context, params: CallToolRequestParams) -> Answer:
    declared = context.session.client_capabilities
    requests: dict[str, InputRequest] = {}
    if declared is None or declared.sampling is not None:
        requests["sample"] = sampling_request("Say hello")
    if declared is None or declared.elicitation is not None:
        requests["ask"] = elicitation("What is your name?", NAME)
    return InputRequiredResult(input_requests=requests, request_state=signed({"round": 1}))


TOOLS: dict[str, Handler] = {
    "test_image_content": fixed(picture()),
    "test_audio_content": fixed({"type": "audio", "data": WAV, "mimeType": "audio/wav"}),
    "test_embedded_resource": fixed(embedded("test://embedded-resource", "text/plain", "An embedded resource.")),
    "test_multiple_content_types": fixed(
        text("Multiple content types test:"),
        picture(),
        embedded("test://mixed-content-resource", "application/json", '{"test": "data", "value": 123}'),
    ),
    "test_tool_with_logging": logging_tool,
    "test_logging_tool": logging_tool,
    "test_sampling": sampling,
    "test_elicitation": asking("Who are you?", form(response={"type": "string"})),
    "test_elicitation_sep1034_defaults": asking("Please look over the defaults.", DEFAULTS),
    "test_elicitation_sep1330_enums": asking("Please choose.", ENUMS),
    "test_missing_capability": missing_capability,
    "test_streaming_elicitation": needing(user_name=elicitation("What is your name?", NAME)),
    "test_input_required_result_elicitation": needing(user_name=elicitation("What is your name?", NAME)),
    "test_input_required_result_sampling": needing(capital_question=sampling_request("What is the capital of France?")),
    "test_input_required_result_list_roots": needing(client_roots=ListRootsRequest()),
    "test_input_required_result_request_state": needing_with_state(confirm=elicitation("Please confirm", CONFIRM)),
    "test_input_required_result_tampered_state": needing_with_state(confirm=elicitation("Please confirm", CONFIRM)),
    "test_input_required_result_multiple_inputs": needing_with_state(
        user_name=elicitation("What is your name?", NAME),
        greeting=sampling_request("Generate a greeting"),
        client_roots=ListRootsRequest(),
    ),
    "test_input_required_result_multi_round": several_rounds,
    "test_input_required_result_capabilities": what_the_client_can,
}

ARGUMENTS = {"test_sampling": "prompt", "test_elicitation": "message"}


def definitions() -> list[Wire]:
    """These tools as they are in `tools/list`."""
    return [
        {
            "name": name,
            "description": (handler.__doc__ or name).strip(),
            "inputSchema": {
                "type": "object",
                "properties": {ARGUMENTS[name]: {"type": "string"}} if name in ARGUMENTS else {},
            },
        }
        for name, handler in TOOLS.items()
    ]
