"""What every resource of the client works with: sending a request, and decoding its response."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from pydantic import BaseModel

from layers_mcp.api.decoding import each_row, first_rows, members, row_count, unchanged, validated
from layers_mcp.api.dialects.base import Vintage
from layers_mcp.api.dialects.detection import VintageDetection
from layers_mcp.api.errors import BadResponse
from layers_mcp.api.models import Page, PageReply
from layers_mcp.api.pagination import TOO_MANY_ROWS, UNUSABLE_CURSOR, without_loop
from layers_mcp.api.request import Request
from layers_mcp.api.retry import Retry
from layers_mcp.api.review_policies import ReviewPolicyCache
from layers_mcp.api.shared import SharedResources
from layers_mcp.api.transport import Response, Transport
from layers_mcp.lifecycle import TaskSupervisor

if TYPE_CHECKING:
    from httpx2 import AsyncBaseTransport

M = TypeVar("M", bound=BaseModel)


class BaseClient:
    """One key's way to the API."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        organization: str = "",
        if_refused: str = "",
        transport: AsyncBaseTransport | None = None,
        supervisor: TaskSupervisor,
        now: Callable[[], datetime],
        vintage: Vintage | Literal["auto"] = "auto",
        shared: SharedResources | None = None,
    ) -> None:
        """`vintage` is found out unless it is named. `transport` replaces the network.

        `if_refused` is the hint where Layers does not accept the key; by default it is about the server's own.

        A process with many clients hands each the same `shared`.
        """
        self.base_url = base_url
        self.organization = organization
        self.supervisor = supervisor
        self.shared = shared or SharedResources()
        self._transport = Transport(
            base_url=base_url,
            api_key=api_key,
            organization=organization,
            if_refused=if_refused,
            transport=transport,
            shared=self.shared,
            now=now,
        )
        self.retry = Retry(self._transport, now)
        self.review_policies = ReviewPolicyCache()
        self.vintages = VintageDetection(self.get, self.review_policies, None if vintage == "auto" else vintage)
        self._writes = 0

    def __repr__(self) -> str:
        return f"<LayersClient {self.base_url}>"

    @property
    def key_fingerprint(self) -> str:
        """Tells one key from another without giving it away: 16 hex digits of its SHA-256."""
        return self._transport.key_fingerprint

    @property
    def clock_offset(self) -> float | None:
        """Seconds that upstream's clock was ahead of ours at its last response; None while none was dated."""
        return self._transport.clock_offset

    @property
    def times_unauthenticated(self) -> int:
        """How often Layers did not accept the key so far."""
        return self._transport.times_unauthenticated

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def get(self, request: Request, *, deadline: float | None = None) -> Response:
        """Return the response to a read, at the latest at `deadline` (the loop's time; by default after 30 seconds).

        Identical reads in flight share one request, but none that began before a write ended.
        """
        key = ("read", id(self), self._writes, request.path, request.params)
        return await self.supervisor.single_flight(key, lambda: self.retry.perform(request, deadline=deadline))

    async def write(self, request: Request, *, deadline: float | None = None) -> Response:
        """Return the response to a write, at the latest at `deadline` (the loop's time; by default 30 s)."""
        try:
            return await self.retry.perform(request, deadline=deadline)
        finally:
            self._writes += 1

    async def fetch(
        self,
        model: type[M],
        request: Request,
        adapt: Callable[[Any], Any] = unchanged,
        *,
        deadline: float | None = None,
    ) -> M:
        """Return the response to a read as a `model`; see `get` and `decode`."""
        return await self.decode(model, await self.get(request, deadline=deadline), adapt)

    async def submit(
        self,
        model: type[M],
        request: Request,
        adapt: Callable[[Any], Any] = unchanged,
        *,
        deadline: float | None = None,
    ) -> M:
        """Return the response to a write as a `model`; see `write` and `decode`."""
        return await self.decode(model, await self.write(request, deadline=deadline), adapt)

    async def get_page(
        self,
        row: type[M],
        request: Request,
        adapt_row: Callable[[Any], Any] = unchanged,
        *,
        deadline: float | None = None,
    ) -> Page[M]:
        """Return a page of a list of `row`, each brought to one form by `adapt_row`.

        A cursor that leads back is left out, and so are rows beyond the `limit` that was asked for.
        """
        response = await self.get(request, deadline=deadline)
        limit = next(int(value) for name, value in request.params if name == "limit")
        reply = await self.decode(_page_of(row), response, lambda data: each_row(first_rows(data, limit), adapt_row))
        given = members(response.data).get("nextCursor")
        notes = [TOO_MANY_ROWS] if row_count(response.data) > limit else []
        notes += [UNUSABLE_CURSOR] if given and reply.next_cursor is None else []
        page = Page(reply.items, reply.next_cursor, reply.answered_at, tuple(notes))
        return without_loop(page, {value for name, value in request.params if name == "cursor"})

    async def decode(self, model: type[M], response: Response, adapt: Callable[[Any], Any] = unchanged) -> M:
        """Return `response` as a `model`, its JSON brought to one form by `adapt` first.

        Raises BadResponse where it is something else.
        """
        try:
            if response.large:
                return await self.shared.decoder.run(partial(_decoded, model, response, adapt))
            return _decoded(model, response, adapt)
        except (ValueError, RecursionError):
            pass
        raise BadResponse(
            "Layers answered in a form that is not understood.",
            status=response.status,
            request_id=response.request_id,
            nothing_changed=response.request.reads,
        )


@cache
def _page_of(row: type[BaseModel]) -> type[PageReply[Any]]:
    """Return the model of a page, made once: pydantic forgets it as soon as nobody holds it, and takes 4 ms again."""
    return PageReply[row]


def _decoded(model: type[M], response: Response, adapt: Callable[[Any], Any]) -> M:
    data = adapt(response.data)
    if isinstance(data, dict):
        data = {**cast("dict[str, Any]", data), "answeredAt": response.at}
    return validated(model, data)
