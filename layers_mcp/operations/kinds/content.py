"""Reading how ordered content stands, and finding it where its answer was lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import anyio

from layers_mcp.api.errors import LayersError, NotFound
from layers_mcp.api.pagination import collect
from layers_mcp.operations.identity import same_text
from layers_mcp.operations.state_machine import ENDS, SLACK, Accepted, Observed
from layers_mcp.text.ids import container_key, container_keys

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.api.models import Container, OrderReply
    from layers_mcp.operations.models import Operation

OBSERVE_SECONDS = 5.0
RECONCILE_SECONDS = 15.0
"""How long a call waits for these reads: what they add must leave it within its 45 seconds."""

MOST_PAGES = 5
MOST_OBSERVED = 10


def accepted(reply: OrderReply) -> Accepted:
    """The event of an order's answer."""
    return Accepted(
        job_id=reply.job_id,
        kind=reply.kind or "",
        status=reply.status or "running",
        container_ids=reply.container_ids,
        answer=reply.model_dump(mode="json", exclude_none=True),
    )


async def observe(api: LayersClient, row: Operation) -> Observed | None:
    """Read the order's job, or its containers where there is none; None where neither can be read."""
    with anyio.move_on_after(OBSERVE_SECONDS):
        try:
            if row.job_id:
                job = await api.jobs.get(row.job_id)
                return Observed(status=job.status, container_ids=job.container_ids)
        except NotFound:
            pass
        except LayersError:
            return None
        containers = await _containers(api, row.container_ids)
        if containers:
            return Observed(status=together(each.status for each in containers))
    return None


async def find_by_hook(api: LayersClient, row: Operation, others: Sequence[Operation]) -> Accepted | str:
    """The containers of an order whose answer was lost, or why they cannot be told.

    They are those made since it was sent that carry its hook and belong to no other order, if they are exactly as many
    as were ordered.
    """
    with anyio.move_on_after(RECONCILE_SECONDS):
        try:
            made = await _content_since(api, row)
            claimed, unclear = await _claims(api, row, others)
        except LayersError:
            return "The project's content could not be read just now."
        hook = str(row.arguments["hook"])
        with_hook = [each for each in made if same_text(each.hook or "", hook)]
        mine = [each for each in with_hook if container_key(each.container_id) not in claimed]
        if unclear and mine:
            return "Another order of this project has containers that are not named yet, so whose is whose is unclear."
        if len(mine) == row.variations:
            return Accepted(
                status=together(container.status for container in mine),
                container_ids=tuple(container.container_id for container in mine),
            )
        return (
            f"The project's content since then holds {len(mine)} containers with its hook that belong to no other "
            f"order; {row.variations} were ordered."
        )
    return "The project's content could not be read in time."


def together(statuses: Iterable[str | None]) -> str:
    """How an order stands whose containers stand so: ended when all have, completed when one is."""
    known = set(statuses)
    if not known.issubset(ENDS):
        return "running"
    return next(status for status in ENDS if status in known)


async def _containers(api: LayersClient, container_ids: Iterable[str]) -> list[Container]:
    found: list[Container] = []

    async def read(container_id: str) -> None:
        try:
            found.append(await api.content.get(container_id))
        except LayersError:
            missing.append(container_id)

    missing: list[str] = []
    async with anyio.create_task_group() as group:
        for container_id in container_ids:
            group.start_soon(read, container_id)
    return [] if missing else found


async def _content_since(api: LayersClient, row: Operation) -> list[Container]:
    """What was made since the order was sent, and in the minutes before by which clocks may differ."""
    since = (row.ordered_at - SLACK).replace(microsecond=0)
    read = partial(api.content.list, row.project_id, since=since, limit=200)
    page = await collect(lambda cursor: read(cursor=cursor), most_pages=MOST_PAGES)
    made = {container.container_id: container for container in page.items}
    return [each for each in made.values() if each.created_at is None or each.created_at >= since]


async def _claims(api: LayersClient, row: Operation, others: Sequence[Operation]) -> tuple[set[str], bool]:
    """The keys of other orders' containers, and whether some of theirs are not named yet.

    A clone names one container until its job has ended, however many were ordered, and all of them carry the hook of
    their source.
    """
    claimed = container_keys(container_id for other in others for container_id in other.container_ids)
    unnamed = [other for other in others if len(other.container_ids) < other.variations and _may_be_made(other, row)]
    unclear = len(unnamed) > MOST_OBSERVED
    for other in unnamed[:MOST_OBSERVED]:
        seen = await observe(api, other) if other.job_id else None
        claimed |= container_keys(seen.container_ids if seen else ())
        unclear = unclear or seen is None or len(seen.container_ids) < other.variations
    return claimed, unclear


def _may_be_made(other: Operation, row: Operation) -> bool:
    """Whether containers of `other` may be among those with this order's hook, made since it was sent."""
    if other.updated_at < row.ordered_at - 2 * SLACK:
        return False
    return other.route == "clone_from_post" or same_text(str(other.arguments["hook"]), str(row.arguments["hook"]))
