"""What the order book gives back: an order as the journal knows it, and how a placement went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from layers_mcp.operations.order import Tool

OrderStatus = Literal["unknown", "running", "completed", "failed", "canceled"]
"""`unknown`: sent, and the answer was lost. The others are the job's."""

Mode = Literal["fork", "reimagine", "hook"]


@dataclass(frozen=True, kw_only=True)
class OrderRecord:
    """One order in the journal that was not refused."""

    commission_id: str
    project_id: str
    tool: Tool
    mode: Mode
    ordered_at: datetime
    status: OrderStatus
    take: int
    variations: int
    source_platform_post_id: str = ""
    hook: str = ""
    job_id: str = ""
    kind: str = ""
    container_ids: tuple[str, ...] = ()
    estimated_credits: int | None = None


@dataclass(frozen=True, kw_only=True)
class SimilarOrder:
    """An order of the last hour from the same source or hook, and the arguments in which it differs."""

    record: OrderRecord
    differs_in: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How a placement, or its preview, stands.

    `record` is None only in the preview of an order that is not in the journal. `replayed`: the order was known
    already, answered or not; `completed_now`: it had never been answered until this call. `next_take` is the lowest
    higher take not yet ordered, where this one failed or was canceled. `way_out` is what there is to do about a budget
    that would turn a previewed order down; empty where it would be placed.
    """

    record: OrderRecord | None
    estimated_credits: int | None
    replayed: bool = False
    completed_now: bool = False
    next_take: int | None = None
    similar: tuple[SimilarOrder, ...] = ()
    notes: tuple[str, ...] = ()
    way_out: str = ""
