"""Over a real socket: what a script cannot play."""

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from layers_mcp.api.errors import BadResponse, Lost, Unreachable
from layers_mcp.api.request import Repeat, Request, path
from tests.support.upstream import KEY, Upstream, client, ok

ONCE = Request(method="GET", path=path("whoami"), repeat=Repeat.NEVER)
UNUSED = Upstream(ok({}))


@asynccontextmanager
async def serving(answer: bytes) -> AsyncIterator[str]:
    """A server that gives every request the same bytes and hangs up; its base URL."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            if answer:
                await stream.send(answer)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        group.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", Lost),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{", Lost),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", Lost),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Lost),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", BadResponse),
    ],
)
async def test_an_answer_that_breaks_off_is_lost_and_a_garbled_one_is_bad(answer: bytes, kind: type[Exception]) -> None:
    async with serving(answer) as url, client(UNUSED, base_url=url, transport=None) as layers:
        with pytest.raises(kind) as failure:
            await layers.retry.perform(ONCE)
    assert failure.value.__context__ is None


async def test_a_refused_connection_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with client(UNUSED, base_url=url, transport=None) as layers:
            with pytest.raises(Unreachable):
                await layers.retry.perform(ONCE)


async def test_the_debug_log_of_a_real_connection_holds_no_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    body = b'{"organizationId": "org_1"}'
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nX-Echo: Bearer {KEY}\r\n\r\n".encode()
    async with serving(head + body) as url, client(UNUSED, base_url=url, transport=None) as layers:
        assert (await layers.whoami()).organization_id == "org_1"
        assert (await layers.whoami()).organization_id == "org_1"
    assert "receive_response_headers.complete" in caplog.text
    assert KEY not in caplog.text
