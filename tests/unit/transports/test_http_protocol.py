"""An end to waiting: requests that never finish and connections that say nothing, on a loop whose time jumps."""

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from layers_mcp.transports.http_protocol import TimedProtocol

pytestmark = [pytest.mark.anyio, pytest.mark.jumping]

HEAD = b"POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n"


class Wire(asyncio.Transport):
    """What the protocol writes, and when it hangs up."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed_at: float | None = None
        self.lost: Callable[[], None] = lambda: None

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed_at is not None

    def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = anyio.current_time()
            asyncio.get_running_loop().call_soon(self.lost)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Connection:
    """One connection to an application that answers once it has the whole body."""

    def __init__(self, application: Callable[..., Any] | None = None) -> None:
        config = Config(
            application or self._answer,
            interface="asgi3",
            http=TimedProtocol,
            log_config=None,
            proxy_headers=False,
            timeout_keep_alive=30,
        )
        config.load()
        self.wire = Wire()
        self.left = 0
        self.started = anyio.current_time()
        self.protocol = TimedProtocol(config, ServerState(), {})
        self.wire.lost = lambda: self.protocol.connection_lost(None)
        self.protocol.connection_made(self.wire)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left += 1
                return
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    def says(self, data: bytes) -> None:
        if not self.wire.is_closing():
            self.protocol.data_received(data)

    @property
    def open_seconds(self) -> float | None:
        """How long it was open; None while it is."""
        return None if self.wire.closed_at is None else self.wire.closed_at - self.started


async def test_a_connection_that_says_nothing_is_closed_without_a_word() -> None:
    connection = Connection()
    await anyio.sleep(29)
    assert connection.open_seconds is None
    await anyio.sleep(2)
    assert connection.open_seconds == pytest.approx(30, abs=0.5)
    assert connection.wire.written == b""


async def test_a_head_that_trickles_in_is_cut_off() -> None:
    connection = Connection()
    for byte in HEAD[:40]:
        connection.says(bytes([byte]))
        await anyio.sleep(1)
    assert connection.open_seconds == pytest.approx(30, abs=1)
    assert connection.wire.written == b""


async def test_a_body_that_trickles_in_is_answered_with_408() -> None:
    connection = Connection()
    connection.says(HEAD)
    for _ in range(9):
        await anyio.sleep(5)
        connection.says(b"x")
    assert connection.open_seconds == pytest.approx(30, abs=1)
    assert connection.wire.written.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in connection.wire.written.lower()
    assert connection.left == 1


async def test_a_body_that_goes_on_after_the_answer_is_cut_off() -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    connection = Connection(refuse)
    connection.says(HEAD.replace(b"10", b"1000000"))
    for _ in range(8):
        await anyio.sleep(5)
        connection.says(b"x" * 10)
    assert connection.wire.written.count(b"HTTP/1.1") == 1
    assert connection.open_seconds == pytest.approx(30, abs=1)


async def test_a_call_may_take_longer_than_its_request() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await anyio.sleep(44)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    connection = Connection(slow)
    connection.says(HEAD + b"0123456789")
    await anyio.sleep(45)
    assert connection.wire.written.startswith(b"HTTP/1.1 200 ")
    assert connection.open_seconds is None


async def test_a_kept_connection_is_timed_anew_for_each_request() -> None:
    connection = Connection()
    for _ in range(3):
        connection.says(HEAD)
        await anyio.sleep(20)
        connection.says(b"0123456789")
        await anyio.sleep(20)
    assert connection.wire.written.count(b"HTTP/1.1 200 ") == 3
    assert connection.open_seconds is None
    await anyio.sleep(31)
    assert connection.open_seconds is not None


async def test_the_beginning_of_a_next_request_behind_a_call_is_timed_from_the_answer_on() -> None:
    connection = Connection()
    connection.says(HEAD + b"0123456789" + HEAD[:10])
    await anyio.sleep(25)
    assert connection.wire.written.count(b"HTTP/1.1 200 ") == 1
    await anyio.sleep(10)
    assert connection.open_seconds == pytest.approx(30, abs=1)


async def test_a_client_that_leaves_takes_its_timer_with_it() -> None:
    connection = Connection()
    connection.says(HEAD)
    connection.protocol.connection_lost(None)
    await anyio.sleep(60)
    assert connection.wire.written == b""
