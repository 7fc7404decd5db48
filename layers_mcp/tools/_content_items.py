"""Content as `get_content` shows it: what a person needs to see before they decide."""

from __future__ import annotations

from collections.abc import Sequence

from layers_mcp.analytics.formatting import counted
from layers_mcp.api.errors import LayersError, NotFound
from layers_mcp.api.models import Asset as WireAsset
from layers_mcp.api.models import Container
from layers_mcp.protocol import Result
from layers_mcp.text.sanitize import clean
from layers_mcp.text.times import stamp
from layers_mcp.tools._publication_status import PublicationStatus

APPROVED_TEXT = 2200
"""Longest hook or caption shown, in characters: a person approves what they can read whole (Instagram's limit)."""

NOT_FOUND = "not_found"


class Asset(Result):
    asset_id: str | None = None
    kind: str | None = None
    url: str | None = None
    duration_ms: int | None = None


class Item(Result):
    container_id: str
    project_id: str | None = None
    status: str | None = None
    approval_status: str | None = None
    format: str | None = None
    hook: str | None = None
    hook_cut: bool | None = None
    caption: str | None = None
    caption_cut: bool | None = None
    cta: str | None = None
    assets: list[Asset] = []  # noqa: RUF012 - pydantic copies defaults
    created_at: str | None = None
    commission_id: str | None = None
    source_platform_post_id: str | None = None
    variation: str | None = None
    project_name: str | None = None
    publication: PublicationStatus | None = None
    error: str | None = None


def missing_item(container_id: str, error: LayersError) -> Item:
    if isinstance(error, NotFound):
        return Item(container_id=container_id, status=NOT_FOUND)
    return Item(container_id=container_id, error=str(error))


def item_of(container: Container) -> Item:
    hook, hook_cut = clean(container.hook or "", APPROVED_TEXT, lines=True)
    caption, caption_cut = clean(container.caption or "", APPROVED_TEXT, lines=True)
    return Item(
        container_id=container.container_id,
        project_id=container.project_id,
        status=container.status,
        approval_status=container.approval_status,
        format=container.format,
        hook=hook or None,
        hook_cut=hook_cut or None,
        caption=caption or None,
        caption_cut=caption_cut or None,
        cta=clean(container.cta or "")[0] or None,
        assets=[_asset(asset) for asset in container.assets],
        created_at=stamp(container.created_at) if container.created_at else None,
        error=clean(container.error.text)[0] if container.error else None,
    )


def _asset(asset: WireAsset) -> Asset:
    return Asset(asset_id=asset.asset_id, kind=asset.kind, url=asset.url, duration_ms=asset.duration_ms)


def missing_texts(items: Sequence[Item]) -> list[str]:
    """Return a note on finished content that lacks what a person approves by."""
    finished = [item for item in items if item.status == "completed"]
    lacking = [
        f"{name} of {counted(count, 'item')}"
        for name, count in (
            ("hook", sum(item.hook is None for item in finished)),
            ("caption", sum(item.caption is None for item in finished)),
        )
        if count
    ]
    return [f"Layers gave no {' and no '.join(lacking)}."] if lacking else []
