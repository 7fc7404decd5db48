"""The credits that a tenant has ordered in one UTC day, and the limit that they keep within."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from layers_mcp.operations.limits import daily_limit_refusal
from layers_mcp.operations.models import Operation, Tenant
from layers_mcp.operations.store.base import DayLimit
from layers_mcp.operations.store.queries import SENT, held, of_tenant
from layers_mcp.operations.store.rows import moment_text
from layers_mcp.operations.store.schema import orders


def credits_of_day(connection: Connection, tenant: Tenant, now: datetime, without: Iterable[str] = ()) -> int:
    """Return the credits ordered in the UTC day of `now`, but for the entries `without`; what was refused is free."""
    midnight = moment_text(now.replace(hour=0, minute=0, second=0, microsecond=0))
    counted = or_(SENT & (orders.c.sent_at >= midnight), held(now))
    wanted = and_(of_tenant(tenant), counted, orders.c.entry.not_in(list(without)))
    total = select(func.coalesce(func.sum(orders.c.estimated_credits), 0)).where(wanted)
    return int(connection.execute(total).scalar_one())


def check_daily_limit(
    connection: Connection, tenant: Tenant, rows: Sequence[Operation], limit: DayLimit, now: datetime
) -> None:
    """Raise `DailyLimitError` unless the day has room for `rows`."""
    estimates = [row.estimated_credits for row in rows]
    estimated = None if None in estimates else sum(filter(None, estimates))
    ordered = credits_of_day(connection, tenant, now, without=[row.entry for row in rows])
    if refusal := daily_limit_refusal(estimated, ordered, limit.credits):
        raise refusal
