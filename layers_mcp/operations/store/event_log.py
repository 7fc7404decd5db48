"""What happened to each operation, to answer later whether something was charged."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from layers_mcp.operations.models import Operation
from layers_mcp.operations.state_machine import Event, Renewed, Reserved
from layers_mcp.operations.store.base import JournalEvent
from layers_mcp.operations.store.rows import json_text, moment_text, read_json
from layers_mcp.operations.store.schema import order_events


def write_event(connection: Connection, row: Operation, event: Event, now: datetime) -> None:
    """Write down what happened to a row, but for a beat of its lease."""
    if isinstance(event, Renewed):
        return
    if isinstance(event, Reserved):
        detail: dict[str, Any] = {"lease": row.lease, "estimated_credits": row.estimated_credits}
    else:
        detail = asdict(event)
    number = select(func.coalesce(func.max(order_events.c.number), 0)).where(order_events.c.entry == row.entry)
    connection.execute(
        insert(order_events).values(
            entry=row.entry,
            number=connection.execute(number).scalar_one() + 1,
            at=moment_text(now),
            event=type(event).__name__,
            detail=json_text({**detail, "status": row.status}),
        )
    )


def read_events(connection: Connection, row: Operation) -> list[JournalEvent]:
    """Return what happened to a row, oldest first."""
    wanted = select(order_events).where(order_events.c.entry == row.entry).order_by(order_events.c.number)
    return [
        JournalEvent(datetime.fromisoformat(each["at"]), each["event"], read_json(each["detail"]))
        for each in connection.execute(wanted).mappings()
    ]
