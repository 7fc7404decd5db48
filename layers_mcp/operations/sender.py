"""From a row that is to be sent to its answer in the journal: reserve, start, send, record its end."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from layers_mcp.api.errors import LayersError
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.errors import JournalError, OperationError
from layers_mcp.operations.journal_retry import require_journal, retry_passing
from layers_mcp.operations.kinds import KINDS
from layers_mcp.operations.lease import renewing
from layers_mcp.operations.models import Operation
from layers_mcp.operations.state_machine import (
    AttemptStarted,
    AttemptUnanswered,
    Event,
    Rejected,
    Released,
    Renewed,
    transition,
)
from layers_mcp.operations.store.base import DayLimit, Store

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


@dataclass(frozen=True)
class Sent:
    """A row after its attempt, why that failed, and why the journal lacks its end ("" = it has it).

    `failure.nothing_changed` speaks for the operation, not only for this attempt.
    """

    row: Operation
    failure: LayersError | None
    journal_failure: str


class Sender:
    """Sends what was decided to be sent, and writes down what becomes of it."""

    def __init__(self, api: LayersClient, store: Store, clock: UpstreamClock, limit: DayLimit | None) -> None:
        self._api = api
        self._store = store
        self._clock = clock
        self._limit = limit

    async def reserve(self, drafts: Sequence[Operation]) -> list[Operation] | None:
        """Write the drafts of one order down and hold their credits; None where another call was first with one.

        Raises `JournalUnavailableError`, `DailyLimitError` and `UnclearTenantError`.
        """
        lease = uuid.uuid4().hex
        leased = [replace(draft, lease=lease) for draft in drafts]
        limit = self._limit if KINDS[drafts[0].tool].spends else None
        rows = await require_journal(lambda: self._store.reserve(leased, limit, self._clock.now()))
        ours = [row for row in rows if row.lease == lease]
        if len(ours) == len(drafts):
            return ours
        await self.release(ours)
        return None

    async def release(self, rows: Sequence[Operation]) -> None:
        """Give back reservations that are not going to be sent; where that fails, they expire.

        What was sent before and never answered stays so: it may have been made.
        """
        for row in rows:
            if row.status != "reserved":
                continue
            with contextlib.suppress(JournalError):
                await self._store.record(row, Released(lease=row.lease), self._clock.now())

    async def send(self, row: Operation) -> Sent | None:
        """Send a row that is reserved, or was never answered; None where another call was first.

        Raises `JournalUnavailableError` and `DailyLimitError` before anything is sent.
        """
        started = await self._start(row)
        if started is None:
            return None
        failure: LayersError | None = None
        async with renewing(lambda: self._renew(started)):
            try:
                event: Event = await KINDS[row.tool].send(self._api, started)
            except LayersError as error:
                failure = error
                end = Rejected if error.nothing_changed else AttemptUnanswered
                event = end(lease=started.lease, answer={"code": error.code, "status": error.status})
        ended, journal_failure = await self._record_end(started, event)
        if failure is not None:
            failure = failure.replace(nothing_changed=ended.status == "refused")
        return Sent(ended, failure, journal_failure)

    async def _start(self, row: Operation) -> Operation | None:
        """Count the attempt before it leaves, and hold the row's lease; None where another call was first."""
        lease = uuid.uuid4().hex
        start = AttemptStarted(
            lease=lease,
            follows=(row.lease, row.beat),
            key_fingerprint=self._api.key_fingerprint,
            estimated_credits=row.estimated_credits,
            clock_offset=self._clock.offset,
        )
        undo = Released(lease=lease)
        limit = self._limit if KINDS[row.tool].spends else None
        try:
            started = await require_journal(
                lambda: self._store.record(row, start, self._clock.now(), limit=limit, undo=undo)
            )
        except OperationError:
            with contextlib.suppress(JournalError):  # it may be counted, though nobody could say so
                await self._store.record(row, undo, self._clock.now())
            raise
        return started if started.lease == lease else None

    async def _renew(self, row: Operation) -> None:
        with contextlib.suppress(JournalError):  # the next beat may be written, and whoever waits watches for a while
            await self._store.record(row, Renewed(lease=row.lease), self._clock.now())

    async def _record_end(self, row: Operation, event: Event) -> tuple[Operation, str]:
        """Write down how the attempt ended; where that cannot be, it still ended so for this call."""
        try:
            return await retry_passing(lambda: self._store.record(row, event, self._clock.now())), ""
        except JournalError as error:
            return transition(row, event, self._clock.now()), str(error)
