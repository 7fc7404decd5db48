"""Orders of content by their rows: sending one, reading its status, and finding it where its answer was lost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import anyio

from layers_mcp.analytics.status import status_of_all
from layers_mcp.api.errors import LayersError, NotFound
from layers_mcp.api.pagination import collect
from layers_mcp.api.plans import OrderRequest
from layers_mcp.deadlines import OBSERVE_SECONDS, RECONCILE_SECONDS
from layers_mcp.operations.identity import same_text
from layers_mcp.operations.models import NotFoundUpstream, Operation
from layers_mcp.operations.state_machine import SLACK, Accepted, Observed
from layers_mcp.text.ids import container_key, container_keys

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.api.models import Container


FORMATS = frozenset({"video_remix", "slideshow_remix", "ugc_remix", "slideshow_builder"})
"""What content is made as, in the words of the price list."""

MOST_PAGES = 5
MOST_OBSERVED = 10


class ContentKind(ABC):
    """Orders of content by their rows; each kind has its own way to find one whose answer was lost."""

    spends = True

    async def send(self, api: LayersClient, row: Operation) -> Accepted:
        """Send an order: the same request at every attempt. Raises `LayersError`."""
        request = OrderRequest(path=row.path, body=row.body)
        reply = await api.content.order(request, idempotency_key=row.idempotency_key)
        return Accepted(
            job_id=reply.job_id,
            kind=reply.kind or "",
            status=reply.status or "running",
            container_ids=reply.container_ids,
            answer=reply.model_dump(mode="json", exclude_none=True),
        )

    async def observe(self, api: LayersClient, row: Operation) -> Observed | None:
        """Read an accepted order's job, or its containers where there is none; None where neither can be read."""
        return await _observed(api, row)

    @abstractmethod
    async def reconcile(
        self, api: LayersClient, row: Operation, others: Sequence[Operation]
    ) -> Accepted | NotFoundUpstream:
        """Find an unanswered order among the project's content, or say why that cannot be told.

        `others` are the project's other orders that were sent: what they made is not this one's.
        """


async def _observed(api: LayersClient, row: Operation) -> Observed | None:
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
            return Observed(status=status_of_all(each.status for each in containers))
    return None


async def find_content(
    api: LayersClient,
    row: Operation,
    others: Sequence[Operation],
    looks_like_it: Callable[[Container], bool],
    which: str,
) -> Accepted | NotFoundUpstream:
    """Find what was made then, looks like it and belongs to no other order, if that is as much as was ordered.

    Pieces of one order are alike: where several were never answered, each takes what is there, the oldest first.
    """
    alike = [other for other in others if other.identity == row.identity and other.status == "unknown"]
    with anyio.move_on_after(RECONCILE_SECONDS):
        try:
            made = await _content_of(api, row)
            claimed, unclear = await _claims(api, row, [other for other in others if other not in alike])
        except LayersError:
            return NotFoundUpstream("The project's content could not be read just now.")
        unclaimed = [
            each
            for each in made
            if looks_like_it(each) and _may_have_format(each, row) and container_key(each.container_id) not in claimed
        ]
        if unclear and unclaimed:
            return NotFoundUpstream(
                "Another order of this project has containers that are not named yet, so whose is whose is unclear."
            )
        most = row.variations + sum(other.variations for other in alike)
        if row.variations <= len(unclaimed) <= most:
            mine = unclaimed[-row.variations :]  # upstream lists the newest first
            return Accepted(
                status=status_of_all(container.status for container in mine),
                container_ids=tuple(container.container_id for container in mine),
            )
        return NotFoundUpstream(
            f"The project's content since then holds {len(unclaimed)} containers {which} that belong to no other "
            f"order; {most} were ordered."
        )
    return NotFoundUpstream("The project's content could not be read in time.")


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


async def _content_of(api: LayersClient, row: Operation) -> list[Container]:
    """Return what was made while the order was being sent, and in the minutes around by which clocks may differ.

    Where upstream's clock was never seen, ours may be far behind, and so nothing is too late.
    """
    since = (row.ordered_at - SLACK).replace(microsecond=0)
    until = None if row.clock_offset is None else row.updated_at + SLACK
    read = partial(api.content.list, row.project_id, since=since, limit=200)
    page = await collect(lambda cursor: read(cursor=cursor), most_pages=MOST_PAGES)
    made = {container.container_id: container for container in page.items}
    return [
        each
        for each in made.values()
        if each.created_at is None or (since <= each.created_at and (until is None or each.created_at <= until))
    ]


def _may_have_format(container: Container, row: Operation) -> bool:
    """Return whether a container can be of the format that was ordered; a word that is no format's excludes nothing."""
    made = (container.format or "").replace("-", "_")
    return made not in FORMATS or not row.price_keys or made in row.price_keys or "auto" in row.price_keys


async def _claims(api: LayersClient, row: Operation, others: Sequence[Operation]) -> tuple[set[str], bool]:
    """Return the keys of other orders' containers, and whether some of theirs are not named yet.

    A clone names one container until its job has ended, however many were ordered, and all of them carry the hook of
    their source.
    """
    claimed = container_keys(container_id for other in others for container_id in other.container_ids)
    unnamed = [other for other in others if len(other.container_ids) < other.variations and _may_be_made(other, row)]
    unclear = len(unnamed) > MOST_OBSERVED
    for other in unnamed[:MOST_OBSERVED]:
        seen = await _observed(api, other) if other.job_id else None
        claimed |= container_keys(seen.container_ids if seen else ())
        unclear = unclear or seen is None or len(seen.container_ids) < other.variations
    return claimed, unclear


def _may_be_made(other: Operation, row: Operation) -> bool:
    """Return whether containers of `other` may be among those with this order's hook, made since it was sent."""
    if other.updated_at < row.ordered_at - 2 * SLACK:
        return False
    hooks = [str(each.arguments["hook"]) for each in (other, row) if "hook" in each.arguments]
    return len(hooks) < 2 or same_text(*hooks)
