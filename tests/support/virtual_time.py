"""An event loop whose time jumps: where everything waits for a timer, the timer's moment has come.

Retries, waits and deadlines run at their full length in no real time. Work in anyio's worker threads is waited for
(time stands still meanwhile); real sockets and subprocesses are not, so tests of those use a plain loop.
"""

import asyncio
import selectors

import anyio.to_thread


class _JumpingSelector(selectors.DefaultSelector):
    """Never sleeps for a timer: it moves its loop's time forward by what it was asked to sleep."""

    ahead: float = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        while not (events := super().select(0)):
            if not _threads_at_work():
                self.ahead += timeout
                return []
            if events := super().select(0.01):
                break
        return events


def _threads_at_work() -> bool:
    try:
        return anyio.to_thread.current_default_thread_limiter().borrowed_tokens > 0
    except Exception:  # outside of a running task there is no limiter, and no thread
        return False


class JumpingLoop(asyncio.SelectorEventLoop):
    """`asyncio`'s loop with a clock that only jumps: real time moves nothing, so that a run repeats to the digit."""

    def __init__(self) -> None:
        self._jumps = _JumpingSelector()
        super().__init__(self._jumps)

    def time(self) -> float:
        return self._jumps.ahead


JUMPING: tuple[str, dict[str, object]] = ("asyncio", {"loop_factory": JumpingLoop})
