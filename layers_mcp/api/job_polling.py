"""Follow a job to its end: one series of polls, however many callers wait for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from secrets import SystemRandom

import anyio

from layers_mcp.api.errors import LayersError, RateLimited
from layers_mcp.api.models import Job

FIRST_PAUSE = 2.0
GROWTH = 1.3
LONGEST_PAUSE = 10.0
JITTER = 0.5
"""The documented polling: 2 s, growing by 1.3 to 10 s, up to half a second of jitter."""

_random = SystemRandom()

MOST_POLLS = 50
"""A second, and in one burst, by all the clients of a process: a thousand waits for fifty jobs each are not a flood."""

Poll = Callable[[str], Awaitable[tuple[Job | None, str]]]
"""Reads a job once, given the last answer's ETag: the job, or None where it has not changed, and the new ETag."""

Observer = Callable[[Job | LayersError], None]
"""Told of a job's every new state, and of every read of it that failed and will be tried again."""


class PollPace:
    """Keeps the polls of one process to `MOST_POLLS` a second; those that wait for their turn have it in order."""

    def __init__(self) -> None:
        self._one_at_a_time = anyio.Lock()
        self._left = float(MOST_POLLS)
        self._at = 0.0

    async def turn(self) -> None:
        """Wait until another poll may be sent."""
        async with self._one_at_a_time:
            self._refill()
            if self._left < 1.0:
                await anyio.sleep((1.0 - self._left) / MOST_POLLS)
                self._refill()
            self._left -= 1.0

    def _refill(self) -> None:
        now = anyio.current_time()
        self._left = min(self._left + (now - self._at) * MOST_POLLS, float(MOST_POLLS))
        self._at = now


class JobFeed:
    """The polls of one job, and who is told of them. Waited for again, the job is polled on at the pace it had."""

    def __init__(self, poll: Poll) -> None:
        self._poll = poll
        self._pause = FIRST_PAUSE
        self._observers: list[Observer] = []
        self._seen: Job | LayersError | None = None

    @contextmanager
    def observed(self, observer: Observer) -> Generator[None]:
        """Tell `observer` what is known, and what becomes known, until the block ends."""
        self._observers.append(observer)
        try:
            if self._seen is not None:
                observer(self._seen)
            yield
        finally:
            self._observers.remove(observer)
            if not self._observers:
                self._seen = None

    async def run(self) -> Job:
        """Poll until the job has ended. Raises LayersError where reading it again is no use."""
        etag = ""
        known: Job | None = None
        while True:
            wait = self._pause + _random.uniform(0, JITTER)
            try:
                changed, etag = await self._poll(etag)
            except LayersError as error:
                if not error.retryable:
                    raise
                wait = max(wait, error.retry_after or 0.0)
                # A rate limit says something of us, nothing of a job whose state is known.
                if known is None or not isinstance(error, RateLimited):
                    self._tell(error)
            else:
                known = changed or known
                if known is not None:
                    self._tell(known)
                    if known.terminal:
                        return known
            await anyio.sleep(wait)
            self._pause = min(self._pause * GROWTH, LONGEST_PAUSE)

    def _tell(self, news: Job | LayersError) -> None:
        if news == self._seen:
            return
        self._seen = news
        for observer in list(self._observers):
            observer(news)
