"""Google GenAI SDK: its automatic function calling, with a stand-in for Gemini's API that plays the model.

The stand-in refuses what Gemini refuses in a declaration, then asks for one call of the walk at a time and hands the
function's response back to it.
"""

import asyncio
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google import genai
from mcp import ClientSession
from mcp.client.stdio import stdio_client
from snippet import layers
from walk import walk

SECONDS = 120
"""For one answer of the other side; a wait for a job takes the longest."""


class Model:
    """The walk, on a thread of its own: it asks for function calls and reads what they returned."""

    def __init__(self) -> None:
        self._calls: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()
        self._responses: queue.Queue[str] = queue.Queue()
        self._names: list[str] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The next part of the conversation: a function call, or a text at its end."""
        declared = [one for tool in request["tools"] for one in tool["functionDeclarations"]]
        for declaration in declared:
            refuse_what_gemini_refuses(declaration)
        if not self._names:
            self._names = [declaration["name"] for declaration in declared]
            threading.Thread(target=self._walk, daemon=True).start()
        else:
            self._responses.put(told(request["contents"][-1]["parts"][0]["functionResponse"]["response"]))
        following = self._calls.get(timeout=SECONDS)
        if isinstance(following, BaseException):
            raise following
        return {"functionCall": following} if following else {"text": "closed the loop"}

    def _walk(self) -> None:
        async def call(name: str, arguments: dict[str, Any]) -> str:
            self._calls.put({"name": name, "args": arguments})
            return await asyncio.to_thread(self._responses.get, timeout=SECONDS)

        try:
            asyncio.run(walk(self._names, call))
            self._calls.put(None)
        except BaseException as error:
            self._calls.put(error)


def told(response: dict[str, Any]) -> str:
    """The text of a tool's result, as the SDK hands it to the model."""
    assert "result" in response, response
    return response["result"]["content"][0]["text"]


def refuse_what_gemini_refuses(schema: Any) -> None:
    """Raise ValueError for an empty enum value, and for keywords that Gemini's `Schema` does not have."""
    if isinstance(schema, dict):
        if "" in schema.get("enum", ()):
            raise ValueError("enum[0]: cannot be empty")
        if unknown := {"additionalProperties", "additional_properties", "$ref", "$defs", "oneOf"} & schema.keys():
            raise ValueError(f"unknown name {sorted(unknown)}")
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        refuse_what_gemini_refuses(inner)


def handler_of(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                status, body = 200, {"candidates": [{"content": {"role": "model", "parts": [model.answer(request)]}}]}
            except Exception as error:
                status, body = 400, {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": repr(error)}}
            sent = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            """Say nothing: the walk tells what happened."""

    return Handler


async def main() -> None:
    gemini = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(Model()))
    threading.Thread(target=gemini.serve_forever, daemon=True).start()
    client = genai.Client(
        api_key="unused", http_options=genai.types.HttpOptions(base_url=f"http://127.0.0.1:{gemini.server_port}")
    )
    async with stdio_client(layers) as streams, ClientSession(*streams) as session:
        await session.initialize()
        answer = await client.aio.models.generate_content(
            model="gemini-2.5-flash",
            contents="What won this week? Order two more of it.",
            config={"tools": [session], "automatic_function_calling": {"maximum_remote_calls": 20}},
        )
    assert answer.text == "closed the loop", answer


asyncio.run(main())
