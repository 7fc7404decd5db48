"""Ads: what paid promotion brought, and the scoring pool from which it picks creatives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from layers_mcp.api.decoding import members
from layers_mcp.api.models import AdsContent, Metrics, Page
from layers_mcp.api.request import Request, path, query
from layers_mcp.api.resources._base import Resource, require_same_id
from layers_mcp.api.resources.metrics import read_series


class AdsResource(Resource):
    """`/v1/projects/:id/ads-metrics` and `/v1/projects/:id/ads-content`."""

    async def metrics(
        self,
        project_id: str,
        *,
        scope: str,
        id: str,  # noqa: A002 - the parameter's name upstream
        metrics: Sequence[str],
        platforms: Sequence[str] = (),
        since: datetime,
        until: datetime,
        granularity: str,
    ) -> Metrics:
        """Return paid metrics over time (publish-to-learn, the weekly cadence); money in the unit of upstream."""
        params = query(
            scope=scope,
            id=id,
            metrics=metrics,
            platforms=platforms,
            since=since,
            until=until,
            granularity=granularity,
        )
        return await read_series(self._client, path("projects", project_id, "ads-metrics"), params)

    async def content(
        self,
        project_id: str,
        *,
        scoring_pool: Sequence[str] = (),
        min_score: float | None = None,
        override: str = "",
        eligible: bool | None = None,
        limit: int = 50,
        cursor: str = "",
    ) -> Page[AdsContent]:
        """Return the scoring pool, best score first; `limit` 1 to 200. A bad cursor silently gives the first page."""
        request = Request(
            method="GET",
            path=path("projects", project_id, "ads-content"),
            params=query(
                scoringPool=scoring_pool,
                minScore=min_score,
                override=override,
                eligible=eligible,
                limit=limit,
                cursor=cursor,
            ),
            scope="metrics:read",
            subject="project",
        )
        return await self._client.get_page(AdsContent, request)

    async def set_override(
        self,
        project_id: str,
        ads_content_id: str,
        *,
        override: Literal["include", "exclude"] | None,
        note: str = "",
    ) -> AdsContent:
        """Force a creative into or out of the scoring pool; None clears it (publish-to-learn, step 4)."""
        request = Request(
            method="PATCH",
            path=path("projects", project_id, "ads-content", ads_content_id),
            body={"override": override, **({"note": note} if note else {})},
            bucket="write-light",
            scope="ads:write",
            subject="project or creative",
        )
        row = await self._client.submit(AdsContent, request, lambda row: {"override": override, **members(row)})
        require_same_id(ads_content_id, row.ads_content_id, read=False)
        return row
