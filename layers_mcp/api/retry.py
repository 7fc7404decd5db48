"""When a request is sent again, and how long all of it may take.

Sent again after: no connection, no answer, 429, 500, 502, 503, 504, and a success cut short. Never: any other answer,
nor a code that is final whatever its status (KILL_SWITCH, BILLING_EXHAUSTED, …). Pauses have full jitter and grow;
`Retry-After` is obeyed, and after a 429 every request of the same bucket waits for it. A write is not sent again after
the machine slept: Layers forgets an `Idempotency-Key` after a day, and what is older is for the caller to judge.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from secrets import SystemRandom

import anyio

from layers_mcp.api.errors import LayersError, RateLimited
from layers_mcp.api.request import Bucket, Repeat, Request
from layers_mcp.api.transport import Response, Transport
from layers_mcp.deadlines import REQUEST_SECONDS

MOST_ATTEMPTS = 4
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 8.0
_LONGEST_COOLDOWN = 300.0
"""A longer `Retry-After` is taken for a mistake: nothing may close a bucket for hours."""
_DEFAULT_COOLDOWN = 1.0
_LEAST_SECONDS = 1.0
"""What has to be left of the budget for another attempt to be worth sending."""
_SPREAD = 0.25
"""Seconds over which the requests that waited for one cooldown are spread."""

_ASLEEP = timedelta(minutes=5)
"""How far the clock may move during a request's budget of seconds, before the machine is taken to have slept."""

_random = SystemRandom()


class Retry:
    """Repeats requests within a time budget; keeps the cooldowns of the three buckets."""

    def __init__(self, transport: Transport, now: Callable[[], datetime]) -> None:
        """`now` is the machine's clock, which goes on while the machine sleeps; the loop's does not."""
        self._transport = transport
        self._now = now
        self._closed_until: dict[Bucket, float] = {}

    async def perform(self, request: Request, *, deadline: float | None = None) -> Response:
        """Send `request` until it is answered for good, at the latest at `deadline` (the loop's time).

        Raises LayersError; its `nothing_changed` speaks for all attempts together.
        """
        deadline = anyio.current_time() + REQUEST_SECONDS if deadline is None else deadline
        attempt, unanswered, began = 0, False, self._now()
        while True:
            attempt += 1
            try:
                await self._bucket_open(request.bucket, deadline)
                seconds = min(request.seconds, deadline - anyio.current_time())
                return await self._transport.send(request, seconds=seconds)
            except LayersError as error:
                failure = error
            self._cool_down(request.bucket, failure)
            unanswered = unanswered or not failure.nothing_changed
            pause = _pause(attempt, failure)
            in_time = anyio.current_time() + pause + _LEAST_SECONDS < deadline
            if attempt < MOST_ATTEMPTS and in_time and _again(request, failure):
                await anyio.sleep(pause)
                if request.reads or abs(self._now() - began) < _ASLEEP:
                    continue
            raise failure.replace(nothing_changed=request.reads or not unanswered)

    def _cool_down(self, bucket: Bucket, failure: LayersError) -> None:
        if failure.status != 429 or not failure.retryable:
            return
        wait = min(failure.retry_after or _DEFAULT_COOLDOWN, _LONGEST_COOLDOWN)
        self._closed_until[bucket] = max(self._closed_until.get(bucket, 0.0), anyio.current_time() + wait)

    async def _bucket_open(self, bucket: Bucket, deadline: float) -> None:
        """Wait while `bucket` cools down. Raises RateLimited at once where that is no use before `deadline`."""
        while (wait := self._closed_until.get(bucket, 0.0) - anyio.current_time()) > 0:
            if anyio.current_time() + wait + _LEAST_SECONDS > deadline:
                raise RateLimited(
                    "Layers' rate limit is used up, so nothing was sent.",
                    retry_after=wait,
                    hint=f"Wait {wait:.0f} seconds, then call again.",
                )
            await anyio.sleep(wait + _random.uniform(0, _SPREAD))


def _again(request: Request, failure: LayersError) -> bool:
    if request.repeat is Repeat.UNSENT and not failure.nothing_changed:
        return False
    return failure.retryable and request.repeat is not Repeat.NEVER


def _pause(attempt: int, failure: LayersError) -> float:
    longest = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
    return max(_random.uniform(0, longest), failure.retry_after or 0.0)
