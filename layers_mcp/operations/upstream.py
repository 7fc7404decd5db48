"""What an order asks of Layers: sending it, reading how it stands, and finding it where its answer was lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio

from layers_mcp.api.errors import LayersError, NotFound
from layers_mcp.api.models import Container, OrderReply
from layers_mcp.operations.entry import Entry
from layers_mcp.operations.identity import same_text
from layers_mcp.operations.states import ENDS
from layers_mcp.text.ids import container_key, container_keys

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient

LOOK_SECONDS = 5.0
FIND_SECONDS = 15.0
"""How long a call waits for these reads: what they add must leave it within its 45 seconds."""

MOST_PAGES = 5
MOST_LOOKS = 10

ANSWER_SECONDS = timedelta(minutes=1)
"""How long after an attempt left its containers may have come into being."""


@dataclass(frozen=True)
class Seen:
    """How an order stands upstream."""

    status: str
    container_ids: tuple[str, ...]


async def send(layers: LayersClient, entry: Entry) -> OrderReply:
    """Send the order: the same request at every attempt. Raises `LayersError`."""
    if entry.path_container_id:
        return await layers.content.clone_from_post(
            entry.path_container_id, entry.body, idempotency_key=entry.idempotency_key
        )
    return await layers.content.generate(entry.project_id, entry.body, idempotency_key=entry.idempotency_key)


async def look(layers: LayersClient, entry: Entry) -> Seen | None:
    """Read the order's job, or its containers where there is none; None where neither can be read."""
    with anyio.move_on_after(LOOK_SECONDS):
        try:
            if entry.job_id:
                job = await layers.jobs.get(entry.job_id)
                return Seen(job.status, job.container_ids)
        except NotFound:
            pass
        except LayersError:
            return None
        containers = await _containers(layers, entry.container_ids)
        if containers:
            return Seen(together(each.status for each in containers), ())
    return None


async def find(layers: LayersClient, entry: Entry, others: Sequence[Entry] | None) -> list[Container] | str:
    """The containers of a generate whose answer was lost, or why they cannot be told.

    They are those made since it was sent that carry its hook and belong to no other order, if they are exactly as many
    as were ordered. `others` are the project's other orders, None where the journal cannot be read.
    """
    if others is None:
        return "The order journal cannot be read, so what belongs to other orders cannot be told."
    with anyio.move_on_after(FIND_SECONDS):
        try:
            made = await _content_since(layers, entry)
            claimed, unclear = await _claims(layers, entry, others)
        except LayersError:
            return "The project's content could not be read just now."
        hook = str(entry.arguments["hook"])
        with_hook = [each for each in made if same_text(each.hook or "", hook)]
        mine = [each for each in with_hook if container_key(each.container_id) not in claimed]
        if unclear and mine:
            return "Another order of this project has containers that are not named yet, so whose is whose is unclear."
        if len(mine) == entry.variations:
            return mine
        return (
            f"The project's content since then holds {len(mine)} containers with its hook that belong to no other "
            f"order; {entry.variations} were ordered."
        )
    return "The project's content could not be read in time."


def together(statuses: Iterable[str | None]) -> str:
    """How an order stands whose containers stand so: ended when all have, completed when one is."""
    known = set(statuses)
    if not known.issubset(ENDS):
        return "running"
    return next(status for status in ENDS if status in known)


async def _containers(layers: LayersClient, container_ids: Iterable[str]) -> list[Container]:
    found: list[Container] = []

    async def read(container_id: str) -> None:
        try:
            found.append(await layers.content.get(container_id))
        except LayersError:
            missing.append(container_id)

    missing: list[str] = []
    async with anyio.create_task_group() as group:
        for container_id in container_ids:
            group.start_soon(read, container_id)
    return [] if missing else found


async def _content_since(layers: LayersClient, entry: Entry) -> list[Container]:
    since = entry.ordered_at.replace(microsecond=0)
    made: dict[str, Container] = {}
    cursor = ""
    for _ in range(MOST_PAGES):
        page = await layers.content.list(entry.project_id, since=since, limit=200, cursor=cursor)
        made |= {container.container_id: container for container in page.items}
        cursor = page.next_cursor or ""
        if not cursor:
            break
    return [each for each in made.values() if each.created_at is None or each.created_at >= since]


async def _claims(layers: LayersClient, entry: Entry, others: Sequence[Entry]) -> tuple[set[str], bool]:
    """The keys of other orders' containers, and whether some of theirs are not named yet.

    A clone names one container until its job has ended, however many were ordered, and all of them carry the hook of
    their source.
    """
    claimed = container_keys(container_id for other in others for container_id in other.container_ids)
    unnamed = [other for other in others if len(other.container_ids) < other.variations and _may_be_made(other, entry)]
    unclear = len(unnamed) > MOST_LOOKS
    for other in unnamed[:MOST_LOOKS]:
        seen = await look(layers, other) if other.job_id else None
        claimed |= container_keys(seen.container_ids if seen else ())
        unclear = unclear or seen is None or len(seen.container_ids) < other.variations
    return claimed, unclear


def _may_be_made(other: Entry, entry: Entry) -> bool:
    """Whether containers of `other` may be among those with this order's hook, made since it was sent."""
    if other.updated_at < entry.ordered_at - ANSWER_SECONDS:
        return False
    return bool(other.path_container_id) or same_text(str(other.arguments["hook"]), str(entry.arguments["hook"]))
