"""What sending costs and does now, and whether it is allowed: read again each time before something is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from layers_mcp.api.errors import KillSwitch, LayersError, Unauthenticated
from layers_mcp.api.models import Credits, ReviewPolicy
from layers_mcp.deadlines import TERMS_SECONDS
from layers_mcp.operations.clock import UpstreamClock
from layers_mcp.operations.errors import NotHeldError, OperationError
from layers_mcp.operations.journal_retry import require_journal
from layers_mcp.operations.kinds import KINDS
from layers_mcp.operations.limits import daily_limit_refusal, max_credits_refusal
from layers_mcp.operations.models import Operation
from layers_mcp.operations.pricing import Prices, estimate
from layers_mcp.operations.store.base import DayLimit, Store

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


@dataclass(frozen=True)
class Terms:
    """What a person agrees to.

    `estimated_credits` is the most that sending costs now, None where that is not known; `held` whether every
    finished piece surely waits for a person, None where that is not known or was not asked. No part of the agreement:
    `balance` is what there was to spend when the price was read, None where that is not known; `unlisted` whether the
    price list was read, and lacks a price that was looked for; `held_in_part` whether the review policy was read, and
    keeps only some of the pieces, or for a while.
    """

    estimated_credits: int | None
    held: bool | None = None
    balance: int | None = None
    unlisted: bool = False
    held_in_part: bool = False

    def are_covered_by(self, agreed: Terms | None) -> bool:
        """Return whether who agreed to `agreed` has agreed to these: no higher or lost estimate, no less hold."""
        if agreed is None:
            return False
        if agreed.estimated_credits is not None and (
            self.estimated_credits is None or self.estimated_credits > agreed.estimated_credits
        ):
            return False
        return _HOLD[self.held] >= _HOLD[agreed.held]


_HOLD = {True: 2, None: 1, False: 0}

Consent = Callable[[Terms], Awaitable[None]]
"""Asks a person whether these terms are theirs; raises where they do not agree."""


@dataclass(frozen=True)
class Limits:
    """What a caller allows; no part of the order's identity."""

    max_credits: int = 0
    require_approval: bool = False


class TermsReader:
    """Reads what sending costs, and what speaks against it."""

    def __init__(self, api: LayersClient, store: Store, clock: UpstreamClock, limit: DayLimit | None) -> None:
        self._api = api
        self._store = store
        self._clock = clock
        self._limit = limit

    async def priced(self, rows: Sequence[Operation], *, ask_hold: bool) -> tuple[list[Operation], Terms]:
        """Return the rows of one order with the most credits that each can cost now, and the terms of sending them all.

        Raises `LayersError` where the key cannot order anything: it is not accepted, or suspended.
        """
        spends = any(KINDS[row.tool].spends for row in rows)
        credit = await self._credits() if spends else None
        prices: Prices = {} if credit is None else credit.estimated_credits_per_format
        priced = [replace(row, estimated_credits=_estimate(row, prices)) for row in rows]
        estimates = [row.estimated_credits for row in priced]
        total = None if None in estimates else sum(each or 0 for each in estimates)
        policy = await self._review_policy(rows[0].project_id) if ask_hold else None
        held = policy.holds_everything if policy else None
        terms = Terms(total, held, held_in_part=policy is not None and held is None)
        if credit is None:
            return priced, terms
        return priced, replace(terms, balance=credit.spendable, unlisted=None in estimates)

    async def refusals(self, rows: Sequence[Operation], terms: Terms, limits: Limits) -> list[OperationError]:
        """Return why these rows may not be sent now; the day's limit is checked once more when they are."""
        found: list[OperationError | None] = [max_credits_refusal(terms.estimated_credits, limits.max_credits)]
        if self._limit is not None and KINDS[rows[0].tool].spends:
            tenant, entries = rows[0].tenant, [row.entry for row in rows]
            ordered = await require_journal(lambda: self._store.credits_of_day(tenant, self._clock.now(), entries))
            found.append(daily_limit_refusal(terms.estimated_credits, ordered, self._limit.credits))
        if limits.require_approval and not terms.held:
            found.append(_not_held(terms))
        return [refusal for refusal in found if refusal is not None]

    async def _credits(self) -> Credits | None:
        with anyio.move_on_after(TERMS_SECONDS):
            try:
                return await self._api.credits.get()
            except (Unauthenticated, KillSwitch):
                raise
            except LayersError:
                pass
        return None

    async def _review_policy(self, project_id: str) -> ReviewPolicy | None:
        with anyio.move_on_after(TERMS_SECONDS):
            try:
                return await self._api.projects.review_policy(project_id)
            except LayersError:
                pass
        return None


def _estimate(row: Operation, prices: Prices) -> int | None:
    """Return the most credits that a row can cost; publishing costs none."""
    return estimate(row.price_keys, row.variations, prices) if KINDS[row.tool].spends else 0


HELD_IN_PART = "The project's review policy holds finished content for a person only in part, or for a while."


def _not_held(terms: Terms) -> NotHeldError:
    why = "Whether the project's review policy keeps every finished piece for a person is not known."
    if terms.held_in_part:
        why = HELD_IN_PART
    elif terms.held is False:
        why = "The project's review policy lets finished content go live without a person's decision."
    return NotHeldError(why, "Set the review policy to review everything in Layers, or order without require_approval.")
