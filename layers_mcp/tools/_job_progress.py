"""The state of several jobs while they are waited for, reported as progress that only rises."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from layers_mcp.api.errors import LayersError, NotFound
from layers_mcp.api.models import Job
from layers_mcp.protocol import Progress

_SMALL_STEP = 0.01
_NEARLY = 0.99
"""The most that a running job counts; it counts as 1 only once it has ended."""


class JobProgress:
    """The jobs of one wait. `jobs` holds the last state of each that could be read."""

    def __init__(self, job_ids: Sequence[str]) -> None:
        self.jobs: dict[str, Job] = {}
        self._ids = job_ids
        self._errors: dict[str, LayersError] = {}
        self._ended: set[str] = set()
        self._news = anyio.Event()

    def update(self, job_id: str, news: Job | LayersError) -> None:
        """Record a job's new state, or that a read of it failed."""
        if isinstance(news, LayersError):
            self._errors[job_id] = news
        else:
            self.jobs[job_id] = news
            self._errors.pop(job_id, None)
            if news.terminal:
                self._ended.add(job_id)
        self._news.set()

    def finish(self, job_id: str, outcome: Job | LayersError) -> None:
        """Record the last state that will be read of a job."""
        self.update(job_id, outcome)
        self._ended.add(job_id)

    def outcome(self, job_id: str) -> tuple[Job | None, LayersError | None]:
        """Return a job's last state, and why it could not be read since; both None where no answer came yet."""
        return self.jobs.get(job_id), self._errors.get(job_id)

    def failure(self) -> LayersError | None:
        """Return why not one of the jobs could be read; None where one is merely not found, or not answered yet."""
        errors = list(self._errors.values())
        return None if any(isinstance(error, NotFound) for error in errors) else next(iter(errors), None)

    async def report(self, progress: Progress) -> None:
        """Report until all jobs have ended: the sum of their progress, out of their number, and their stages.

        A change of stage is always reported, by a small step up where upstream's number did not rise.
        """
        reported, stages = 0.0, ""
        total = float(len(self._ids))
        while True:
            self._news = anyio.Event()
            done, now = self._done(), self._stages()
            if done <= reported and now != stages and self.jobs:
                done = reported + min(_SMALL_STEP, (total - reported) / 2)
            if done > reported:
                reported, stages = done, now
                await progress(done, total, now)
            if len(self._ended) == len(self._ids):
                return
            await self._news.wait()

    def _done(self) -> float:
        running = (job.progress or 0.0 for job_id, job in self.jobs.items() if job_id not in self._ended)
        return float(len(self._ended)) + sum(min(max(share, 0.0), _NEARLY) for share in running)

    def _stages(self) -> str:
        """Return the stages of the jobs that run, and how many have ended."""
        running = {job_id: job for job_id, job in self.jobs.items() if job_id not in self._ended}
        stages = ", ".join(dict.fromkeys(job.stage or job.status for job in running.values()))
        if len(self._ids) == 1:
            return stages or next((job.status for job in self.jobs.values()), "")
        return f"{len(self._ended)} of {len(self._ids)} done" + (f": {stages}" if stages else "")
