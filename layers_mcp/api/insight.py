"""Endpoints about a customer: who they are, what was published, and how it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

import anyio

from layers_mcp.api import dialects
from layers_mcp.api.caller import Caller
from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import (
    AdsContent,
    Credits,
    Metrics,
    Page,
    Project,
    Ranking,
    ReviewPolicy,
    SocialAccount,
    Whoami,
)
from layers_mcp.api.request import Call, path, query
from layers_mcp.api.retry import CALL_SECONDS

_MOST_PAGES = 20
"""Pages followed where an endpoint's whole list is wanted; a list that long is a cursor gone round in circles."""


def _policy_call(project_id: str, endpoint: str) -> Call:
    return Call(method="GET", path=path("projects", project_id, endpoint), scope="content:read", subject="project")


class Insight(Caller):
    """The reads of the loop, and the override of the scoring pool."""

    async def whoami(self) -> Whoami:
        """The key's organization and scopes."""
        return self.read(Whoami, await self.get(Call(method="GET", path=path("whoami"))))

    async def projects(
        self, *, search: str = "", status: Literal["active", "archived", ""] = "", limit: int = 25, cursor: str = ""
    ) -> Page[Project]:
        """Projects, newest first; `limit` 1 to 200."""
        call = Call(
            method="GET",
            path=path("projects"),
            params=query(search=search, status=status, limit=limit, cursor=cursor),
            scope="projects:read",
        )
        return self.read(Page[Project], await self.get(call))

    async def credits(self) -> Credits:
        """The organization's credits and what one piece of each format may cost at most."""
        return self.read(Credits, await self.get(Call(method="GET", path=path("credits"))))

    async def social_accounts(self, project_id: str) -> list[SocialAccount]:
        """Every account linked to a project."""
        accounts: list[SocialAccount] = []
        cursor = ""
        seen: set[str] = set()
        deadline = anyio.current_time() + CALL_SECONDS
        for _ in range(_MOST_PAGES):
            call = Call(
                method="GET",
                path=path("projects", project_id, "social-accounts"),
                params=query(limit=200, cursor=cursor),
                scope="social:read",
                subject="project",
            )
            page = self.read(Page[SocialAccount], await self.get(call, deadline=deadline))
            accounts += page.items
            cursor = page.next_cursor or ""
            if not cursor or cursor in seen:
                break
            seen.add(cursor)
        return accounts

    async def review_policy(self, project_id: str) -> ReviewPolicy:
        """Whether finished content waits for a person, asked of the later endpoint, then of the earlier one."""
        deadline = anyio.current_time() + CALL_SECONDS
        try:
            answer = await self.get(_policy_call(project_id, "content-review-policy"), deadline=deadline)
        except LayersError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            answer = None
        if answer is None:
            answer = await self.get(_policy_call(project_id, "approval-policy"), deadline=deadline)
        return self.read(ReviewPolicy, answer, dialects.policy)

    # What was published, and how it does

    async def metrics(
        self,
        project_id: str,
        *,
        scope: str,
        id: str,  # noqa: A002 - the parameter's name upstream
        metrics: Sequence[str],
        since: datetime,
        until: datetime,
        granularity: str,
    ) -> Metrics:
        """Organic metrics over time; `until` is exclusive (publish-to-learn, step 1)."""
        params = query(scope=scope, id=id, metrics=metrics, since=since, until=until, granularity=granularity)
        return await self._series(project_id, "metrics", params)

    async def ads_metrics(
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
        """Paid metrics over time; money in the unit in which upstream keeps it."""
        params = query(
            scope=scope,
            id=id,
            metrics=metrics,
            platforms=platforms,
            since=since,
            until=until,
            granularity=granularity,
        )
        return await self._series(project_id, "ads-metrics", params)

    async def _series(self, project_id: str, endpoint: str, params: tuple[tuple[str, str], ...]) -> Metrics:
        call = Call(
            method="GET",
            path=path("projects", project_id, endpoint),
            params=params,
            scope="metrics:read",
            subject="project or entity",
        )
        asked = dict(params)

        def complete(data: Any) -> Any:
            if not isinstance(data, Mapping):
                return data
            answered = dialects.members(data)
            window = {name: asked[name] for name in ("since", "until", "granularity")}
            window |= {name: value for name, value in dialects.members(answered.get("window")).items() if value}
            return {"scope": asked["scope"], "id": asked["id"], **answered, "window": window}

        return self.read(Metrics, await self.get(call), complete)

    async def top_performers(
        self,
        project_id: str,
        *,
        metric: str,
        window: str,
        source_types: Sequence[str] = (),
        platforms: Sequence[str] = (),
        limit: int = 100,
        include_ineligible: bool = False,
    ) -> Ranking:
        """A ranking, best first; `limit` 1 to 100 (publish-to-learn, step 2)."""
        call = Call(
            method="GET",
            path=path("projects", project_id, "top-performers"),
            params=query(
                metric=metric,
                window=window,
                sourceType=source_types,
                platform=platforms,
                limit=limit,
                includeIneligible=include_ineligible or None,
            ),
            scope="metrics:read",
            subject="project",
        )
        return self.read(Ranking, await self.get(call))

    async def ads_content(
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
        """The scoring pool, best score first; `limit` 1 to 200. A bad cursor silently gives the first page."""
        call = Call(
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
        return self.read(Page[AdsContent], await self.get(call))

    async def set_override(
        self,
        project_id: str,
        ads_content_id: str,
        *,
        override: Literal["include", "exclude"] | None,
        note: str = "",
    ) -> AdsContent:
        """Force a creative into or out of the scoring pool; None clears it (publish-to-learn, step 4)."""
        call = Call(
            method="PATCH",
            path=path("projects", project_id, "ads-content", ads_content_id),
            body={"override": override, **({"note": note} if note else {})},
            bucket="write-light",
            scope="ads:write",
            subject="project or creative",
        )
        return self.read(
            AdsContent, await self.write(call), lambda row: {"override": override, **dialects.members(row)}
        )
