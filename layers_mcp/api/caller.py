"""What all endpoints of the client share: sending a call and reading its answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel

from layers_mcp.api.decoding import read
from layers_mcp.api.errors import BadResponse
from layers_mcp.api.request import Call
from layers_mcp.api.retry import Retries
from layers_mcp.api.transport import Answer, Exchange
from layers_mcp.lifecycle import TaskSupervisor

if TYPE_CHECKING:
    from httpx2 import AsyncBaseTransport

M = TypeVar("M", bound=BaseModel)


class Caller:
    """One key's way to the API."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        organization: str = "",
        transport: AsyncBaseTransport | None = None,
        supervisor: TaskSupervisor,
        now: Callable[[], datetime],
    ) -> None:
        self.base_url = base_url
        self.organization = organization
        self.supervisor = supervisor
        self._exchange = Exchange(
            base_url=base_url, api_key=api_key, organization=organization, transport=transport, now=now
        )
        self.retries = Retries(self._exchange)
        self._writes = 0

    def __repr__(self) -> str:
        return f"<LayersClient {self.base_url}>"

    @property
    def key_fingerprint(self) -> str:
        """Tells one key from another without giving it away: 16 hex digits of its SHA-256."""
        return self._exchange.key_fingerprint

    async def aclose(self) -> None:
        """Close the connections."""
        await self._exchange.aclose()

    async def get(self, call: Call, *, deadline: float | None = None) -> Answer:
        """The answer to a read, at the latest at `deadline` (the loop's time; by default after 30 seconds).

        Identical reads in flight share one request, but none that began before a write ended.
        """
        key = ("read", id(self), self._writes, call.path, call.params)
        return await self.supervisor.single_flight(key, lambda: self.retries.perform(call, deadline=deadline))

    async def write(self, call: Call, *, deadline: float | None = None) -> Answer:
        """The answer to a write, at the latest at `deadline` (the loop's time; by default after 30 seconds)."""
        try:
            return await self.retries.perform(call, deadline=deadline)
        finally:
            self._writes += 1

    def read(self, model: type[M], answer: Answer, form: Callable[[Any], Any] = lambda data: data) -> M:
        """`answer` as a `model`, brought to one form first. Raises BadResponse where it is something else."""
        try:
            data = form(answer.data)
            if isinstance(data, dict):
                data = {**cast("dict[str, Any]", data), "answeredAt": answer.at}
            return read(model, data)
        except (ValueError, RecursionError):
            pass
        raise BadResponse(
            "Layers answered in a form that is not understood.",
            status=answer.status,
            request_id=answer.request_id,
            nothing_changed=answer.call.reads,
        )
