"""Entries as an order book would write them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from layers_mcp.operations.entry import Entry, Tenant
from layers_mcp.operations.order import CloneOrder, HookOrder

MORNING = datetime(2026, 4, 17, 9, 0, tzinfo=UTC)
ACME = Tenant("https://api.layers.test", "org_acme")
GLOBEX = Tenant("https://api.layers.test", "org_globex")


def stand_in(fingerprint: str) -> Tenant:
    return Tenant(ACME.base_url, f"key:{fingerprint}")


def clone(
    post: str = "pp_1",
    *,
    tenant: Tenant = ACME,
    estimate: int | None = 120,
    now: datetime = MORNING,
    project: str = "prj_1",
    **arguments: Any,
) -> Entry:
    order = CloneOrder(project_id=project, source_platform_post_id=post, **arguments)
    return Entry.about_to_leave(order, tenant, key_fingerprint="aaaa", estimate=estimate, now=now)


def generate(
    hook: str = "Get things done.",
    *,
    tenant: Tenant = ACME,
    estimate: int | None = 120,
    now: datetime = MORNING,
    key: str = "aaaa",
    **arguments: Any,
) -> Entry:
    order = HookOrder(project_id="prj_1", hook=hook, **arguments)
    return Entry.about_to_leave(order, tenant, key_fingerprint=key, estimate=estimate, now=now)


def later(**spans: float) -> datetime:
    return MORNING + timedelta(**spans)
