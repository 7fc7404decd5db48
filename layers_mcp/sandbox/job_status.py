"""The status of a job, worked out from the clock alone."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

STAGES = (("queued", 0.15), ("generating_visuals", 0.7), ("finalizing", 1.0))
"""Each stage, and the share of the job's time at which it ends."""


@dataclass(frozen=True)
class JobStatus:
    """A job at a moment: `status`, and while it runs `stage`, `progress` (0-1) and the share where the stage ends."""

    status: str
    stage: str
    progress: float
    stage_progress: float
    stage_ends: float


def job_status(job: sqlite3.Row, now: float) -> JobStatus:
    """Worked out from the clock; progress moves in steps of 0.05, so that a quick reader meets it unchanged."""
    if now >= job["ends_at"]:
        return JobStatus(job["outcome"], job["outcome"], 1.0, 1.0, 1.0)
    share = max(0.0, now - job["started_at"]) / job["seconds"]
    place = sum(share >= ends for _, ends in STAGES[:-1])
    stage, ends = STAGES[place]
    begins = STAGES[place - 1][1] if place else 0.0
    within = min(1.0, (share - begins) / (ends - begins))
    return JobStatus("running", stage, int(min(share, 0.99) * 20) / 20, round(within, 2), ends)
