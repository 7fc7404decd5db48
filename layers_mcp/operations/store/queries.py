"""Which rows of the journal are meant: the conditions that its queries are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from layers_mcp.operations.models import STAND_IN, Tenant
from layers_mcp.operations.state_machine import LONGEST_CALL, SLACK
from layers_mcp.operations.store.rows import json_text, moment_text
from layers_mcp.operations.store.schema import orders
from layers_mcp.text.ids import container_endings, container_key

NEWEST_FIRST = (orders.c.ordered_at.desc(), orders.c.entry, orders.c.piece)

SENT = orders.c.status.not_in(("reserved", "refused"))
"""Rows that left, and were not refused."""


def of_tenant(tenant: Tenant) -> ColumnElement[bool]:
    """Return the tenant's rows; while its key stands in for it, those that this key wrote, filed under any tenant."""
    there = orders.c.base_url == tenant.base_url
    if tenant.confirmed:
        return and_(there, orders.c.organization == tenant.organization)
    own = or_(
        orders.c.organization == tenant.organization,
        orders.c.key_fingerprint == tenant.key_fingerprint,
    )
    return and_(there, own)


def may_be_of(tenant: Tenant) -> ColumnElement[bool]:
    """Return the tenant's rows, and those of keys whose organization is not known; all of them while its own is not."""
    there = orders.c.base_url == tenant.base_url
    if not tenant.confirmed:
        return there
    unknown = orders.c.organization.startswith(STAND_IN, autoescape=True)
    return and_(there, or_(orders.c.organization == tenant.organization, unknown))


def of_order(tenant: Tenant, identity: str) -> Select[Any]:
    """Return the rows of one order, by piece."""
    return select(orders).where(of_tenant(tenant), orders.c.identity == identity).order_by(orders.c.piece)


def goes_by(name: str) -> ColumnElement[bool]:
    """Return what this name means: an order or publication by the beginning of its id, a job, or a container."""
    kind, _, rest = name.partition("_")
    if kind in ("com", "pub"):
        return orders.c.identity.startswith(rest.lower(), autoescape=True)
    return or_(orders.c.job_id == name, may_have_made(container_key(name)))


def may_have_made(key: str) -> ColumnElement[bool]:
    """Return the rows that may have made the container of this key."""
    endings = [json_text(ending)[1:] for ending in container_endings(key)]
    return or_(*(orders.c.container_ids.contains(ending, autoescape=True) for ending in endings))


def held(now: datetime) -> ColumnElement[bool]:
    """Return reservations that may still be sent."""
    earliest = moment_text(now - LONGEST_CALL - SLACK)
    return and_(orders.c.status == "reserved", orders.c.updated_at >= earliest)


def lock_name(tenant: Tenant) -> str:
    """Return what is locked while a tenant's orders are reserved."""
    return f"{tenant.base_url} {tenant.organization}"


def order_lock_name(tenant: Tenant, identity: str) -> str:
    """Return what is locked while one order is reserved: two keys that stand in may be of one organization."""
    return f"{tenant.base_url} {identity}"
