"""HTTP/1.1 with a receive timeout: neither uvicorn nor the SDK closes a connection whose request never ends."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

RECEIVE_SECONDS = 30.0
"""From the first byte of a request to its last, and for a connection that says nothing at all."""

_TOO_SLOW = b"The request was not complete within 30 seconds."


class TimedProtocol(H11Protocol):
    """Closes what stays silent or trickles: with 408 where the head of a request was read and nothing answered yet.

    Between two requests uvicorn's own timer counts, which the server sets to the same time.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self.timeout_keep_alive_task = self.loop.call_later(RECEIVE_SECONDS, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()  # what came meanwhile may be the beginning of the next request

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Start the clock when a request has begun, stop it when the request is whole."""
        state = self.conn.their_state
        begun = state is h11.SEND_BODY or (state is h11.IDLE and bool(self.conn.trailing_data[0]))
        if not begun or self.transport.is_closing():
            self._cancel()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(RECEIVE_SECONDS, self._cut_off)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut_off(self) -> None:
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if self.conn.their_state is h11.SEND_BODY and not cycle.response_started:
            cycle.disconnected = True  # the application is told that its client left, and answers no more
            cycle.message_event.set()
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            self.transport.write(self.conn.send(h11.Response(status_code=408, headers=headers)) or b"")
            self.transport.write(self.conn.send(h11.Data(data=_TOO_SLOW)) or b"")
            self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        self.transport.close()
