"""Every request of the guide is what the tools send, and every answer of it comes back in the contract's fields.

The requests and responses in `exchanges.json` are the guide's, except that it shows no answer to generate and to the
override, and no exchange with an empty ranking: those follow its prose. One request differs on purpose: a ranking asks
upstream for 100 rows, since the median is worked out from them, and cuts to `limit` afterwards.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import jsonschema
import pytest

from layers_mcp.protocol import Result, render
from layers_mcp.protocol.arguments import validate
from layers_mcp.protocol.schema import describe
from tests.support.upstream import KEY, Upstream, pairs_of

PROJECT = "prj_01HX9Y7K8M2P4RSTUV56789AB"
NEW_CONTAINER = "$NEW_CONTAINER_ID"
EXCHANGES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("exchanges.json").read_text("utf-8"))

every_exchange = pytest.mark.parametrize("exchange", EXCHANGES, ids=[exchange["step"] for exchange in EXCHANGES])


class Guide(Upstream):
    """Answers one request as the guide does, whatever new container's id stands in its path."""

    def __init__(self, exchange: dict[str, Any]) -> None:
        super().__init__()
        self.head, _, self.tail = exchange["request"]["path"].partition(NEW_CONTAINER)
        self.method = exchange["request"]["method"]
        self.answer = exchange["response"]
        self.replies["GET /v1/credits"] = {"balance": 5000, "estimatedCreditsPerFormat": {"video_remix": 120}}
        self.replies[f"GET /v1/projects/{PROJECT}/approval-policy"] = {"requiresApproval": True}

    def matches(self, request: httpx2.Request) -> bool:
        path = request.url.path
        return request.method == self.method and path.startswith(self.head) and path.endswith(self.tail or self.head)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if not self.matches(request):
            return await super().__call__(request)
        self.requests.append(request)
        return httpx2.Response(self.answer["status"], json=self.answer["body"])

    @property
    def sent(self) -> httpx2.Request:
        """The one request of the guide's exchange."""
        [request] = [request for request in self.requests if self.matches(request)]
        return request


async def played(exchange: dict[str, Any], state_dir: Path) -> tuple[httpx2.Request, Result]:
    """Call the tool as an agent would, arguments checked against its schema."""
    guide = Guide(exchange)
    function = getattr(import_module(f"layers_mcp.tools.{exchange['tool']}"), exchange["tool"])
    arguments = validate(describe(function)["inputSchema"], exchange["arguments"])
    async with guide.open_tool_context(state_dir) as context:
        result = await function(context, **arguments)
    return guide.sent, result


@every_exchange
async def test_the_tool_sends_what_the_guide_sends(exchange: dict[str, Any], tmp_path: Path) -> None:
    request, _ = await played(exchange, tmp_path)
    expected = exchange["request"]
    assert request.method == expected["method"]
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert "X-Api-Key" not in request.headers
    assert request.url.query.decode().count("[") == 0
    query = [(name, "100" if name == "limit" else value) for name, value in expected["query"]]
    if expected["path"].endswith("/top-performers"):  # a later vintage shows eligible rows only, unless asked
        query.append(("includeIneligible", "true"))
    assert pairs_of(request) == query
    if "body" in expected:
        assert request.headers["Content-Type"] == "application/json"
        assert json.loads(request.content) == expected["body"]
    else:
        assert request.content == b""
        assert "Content-Type" not in request.headers
    assert bool(request.headers.get("Idempotency-Key")) == expected.get("idempotency_key", False)


@every_exchange
async def test_the_answer_comes_back_in_the_contracts_fields(exchange: dict[str, Any], tmp_path: Path) -> None:
    _, result = await played(exchange, tmp_path)
    content, text = render(result)
    assert {name: content.get(name) for name in exchange["result"]} == exchange["result"]
    assert json.loads(text) == content
    function = getattr(import_module(f"layers_mcp.tools.{exchange['tool']}"), exchange["tool"])
    jsonschema.validate(content, describe(function)["outputSchema"])


async def test_the_clones_path_carries_a_fresh_uuid_and_nothing_else(tmp_path: Path) -> None:
    [exchange] = [exchange for exchange in EXCHANGES if exchange["tool"] == "clone_post"]
    request, _ = await played(exchange, tmp_path)
    _, head, container_id, tail = request.url.path.removeprefix("/v1").split("/")
    assert (head, tail) == ("content", "clone-from-post")
    assert str(UUID(container_id)) == container_id


async def test_the_null_of_a_cleared_override_is_written_out(tmp_path: Path) -> None:
    [exchange] = [exchange for exchange in EXCHANGES if exchange["arguments"].get("override") == "clear"]
    request, _ = await played(exchange, tmp_path)
    assert request.content.replace(b" ", b"") == b'{"override":null}'


async def test_dates_and_ages_become_the_full_datetimes_that_the_guide_asks_for(tmp_path: Path) -> None:
    exchange = dict(EXCHANGES[0])
    exchange["arguments"] = {"project_id": PROJECT, "since": "2026-04-10", "until": "2026-04-17"}
    request, _ = await played(exchange, tmp_path)
    assert pairs_of(request) == [(name, value) for name, value in exchange["request"]["query"]]
