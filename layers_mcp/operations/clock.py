"""One time for all processes that share a journal: upstream's, once its `Date` was seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta


class UpstreamClock:
    """The machine's clock, moved onto upstream's as far as that is known.

    A row of the journal may be read by another machine, or by this one after its clock was set right: by upstream's
    time both agree how old it is.
    """

    def __init__(self, machine: Callable[[], datetime], offset: Callable[[], float | None]) -> None:
        """`machine` is the time here, in UTC; `offset` the seconds that upstream's was ahead of it when last seen."""
        self._machine = machine
        self._offset = offset

    @property
    def offset(self) -> float | None:
        """The seconds that `now` adds to the machine's time; None while upstream's was not seen."""
        return self._offset()

    def now(self) -> datetime:
        """Return the present, in UTC."""
        return self._machine() + timedelta(seconds=self.offset or 0.0)
