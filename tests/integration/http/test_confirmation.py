"""A person is asked over HTTP: in the later era by any replica; in the handshake era no stream could carry it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from layers_mcp.sandbox import Sandbox
from tests.support.http_server import HANDSHAKE, MODERN, message, messages, post
from tests.support.team_server import TeamServer, team_server

pytestmark = pytest.mark.anyio

CAN_ASK = {"elicitation": {}}
YES: dict[str, Any] = {"decision": {"action": "accept", "content": {"decision": "order"}}}


def order(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    return {"project_id": sandbox.project_id("acme-todo"), "hook": "Plan less.", **more}


def charges(sandbox: Sandbox) -> int:
    return sum(event.type == "usage" for event in sandbox.ledger())


async def ask_to_order(
    server: TeamServer, key: str, arguments: dict[str, Any], *, state: str = "", **answers: Any
) -> dict[str, Any]:
    """Order as a client that can ask; the whole JSON-RPC answer."""
    params: dict[str, Any] = {"name": "generate_with_hook", "arguments": arguments}
    if state:
        params |= {"requestState": state, "inputResponses": answers or YES}
    body = message("tools/call", params, era=MODERN, capabilities=CAN_ASK)
    return messages(await post(server.http, "/mcp", body, MODERN, X_Layers_Api_Key=key))[-1]


async def state_of(server: TeamServer, key: str, arguments: dict[str, Any]) -> str:
    answer = (await ask_to_order(server, key, arguments))["result"]
    assert answer["resultType"] == "input_required"
    asked = answer["inputRequests"]["decision"]["params"]
    assert asked["message"].startswith("Order 1 piece (hook) for up to ")
    return answer["requestState"]


async def test_a_yes_orders_once_however_often_it_is_given(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            state = await state_of(server, sandbox.api_key, order(sandbox))
            assert charges(sandbox) == 0
            answers: list[dict[str, Any]] = []

            async def confirm() -> None:
                answers.append((await ask_to_order(server, sandbox.api_key, order(sandbox), state=state))["result"])

            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(confirm)
            await confirm()
            assert [answer["isError"] for answer in answers] == [False] * 5
            assert [answer["structuredContent"]["replayed"] for answer in answers].count(False) == 1
            assert charges(sandbox) == 1


@pytest.mark.parametrize("answer", [{"action": "decline"}, {"action": "accept", "content": {}}, {"action": "cancel"}])
async def test_everything_but_the_yes_orders_nothing(answer: dict[str, Any], tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            state = await state_of(server, sandbox.api_key, order(sandbox))
            told = await ask_to_order(server, sandbox.api_key, order(sandbox), state=state, decision=answer)
            assert told["result"]["content"][0]["text"].startswith("DECLINED: ")
            assert charges(sandbox) == 0


async def test_a_state_of_another_tenant_call_or_time_is_refused_and_charges_nothing(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        own, colleague = sandbox.api_key, sandbox.issue_key()
        stranger = sandbox.issue_key(organization=sandbox.stranger)
        wanted = order(sandbox)
        async with team_server(sandbox, tmp_path, auth="key", confirm_seconds=1) as server:
            state = await state_of(server, own, wanted)
            for key, arguments, sent in (
                (stranger, wanted, state),
                (colleague, wanted, state),
                (own, order(sandbox, take=2), state),
                (own, order(sandbox, max_credits=1000), state),
                (own, wanted, state[:-4] + "AAAA"),
                (own, wanted, "v1.AAAA"),
            ):
                answer = await ask_to_order(server, key, arguments, state=sent)
                assert answer["error"]["code"] == -32602
            await anyio.sleep(1.1)
            assert (await ask_to_order(server, own, wanted, state=state))["error"]["code"] == -32602
            assert charges(sandbox) == 0


async def test_replicas_that_share_a_key_take_each_others_states(tmp_path: Path) -> None:
    shared = tmp_path / "state.key"
    shared.write_bytes(b"k" * 32)
    settings: dict[str, Any] = {"auth": "key", "state_key_file": shared}
    with Sandbox() as sandbox:
        async with (
            team_server(sandbox, tmp_path, **settings) as one,
            team_server(sandbox, tmp_path, **settings) as other,
            team_server(sandbox, tmp_path, auth="key") as foreign,
        ):
            state = await state_of(one, sandbox.api_key, order(sandbox))
            refused = await ask_to_order(foreign, sandbox.api_key, order(sandbox), state=state)
            assert refused["error"]["code"] == -32602
            placed = await ask_to_order(other, sandbox.api_key, order(sandbox), state=state)
            again = await ask_to_order(one, sandbox.api_key, order(sandbox), state=state)
            assert [each["result"]["structuredContent"]["replayed"] for each in (placed, again)] == [False, True]
            assert charges(sandbox) == 1


@pytest.mark.parametrize("era", [HANDSHAKE, MODERN])
async def test_who_cannot_be_asked_orders_with_auto_and_is_refused_with_required(era: str, tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key", confirm="required") as server:
            refused = await server.call("generate_with_hook", order(sandbox), era=era, X_Layers_Api_Key=sandbox.api_key)
            assert refused["content"][0]["text"].startswith("CONFIRMATION_REQUIRED: ")
            assert charges(sandbox) == 0
            preview = order(sandbox, dry_run=True)
            assert not (await server.call("generate_with_hook", preview, era=era, X_Layers_Api_Key=sandbox.api_key))[
                "isError"
            ]
        async with team_server(sandbox, tmp_path, auth="key") as server:
            placed = await server.call("generate_with_hook", order(sandbox), era=era, X_Layers_Api_Key=sandbox.api_key)
            assert not placed["isError"]
            assert charges(sandbox) == 1


async def test_an_initialize_that_promises_to_ask_keeps_no_stateless_call_waiting(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        async with team_server(sandbox, tmp_path, auth="key") as server:
            hello = message(
                "initialize",
                {
                    "protocolVersion": HANDSHAKE,
                    "capabilities": CAN_ASK,
                    "clientInfo": {"name": "test", "version": "1"},
                },
            )
            key = {"X_Layers_Api_Key": sandbox.api_key}
            assert (await post(server.http, "/mcp", hello, **key)).status_code == 200
            placed = await server.call("generate_with_hook", order(sandbox), **key)
            assert not placed["isError"]
            assert charges(sandbox) == 1
