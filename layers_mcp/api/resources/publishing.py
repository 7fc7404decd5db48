"""Publishing: content on social accounts, now or at a time, and the schedule in which it waits until then.

Nothing goes live by itself in any vintage.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from layers_mcp.api.dialects import adapters
from layers_mcp.api.errors import ValidationFailed
from layers_mcp.api.models import Container, Page, PublishReply, ScheduledPost, SocialAccount
from layers_mcp.api.plans import WriteRequest
from layers_mcp.api.request import Request, path, query
from layers_mcp.api.resources._base import Resource, require_same_id
from layers_mcp.deadlines import PUBLISH_REQUEST_SECONDS
from layers_mcp.text.times import stamp


class PublishingResource(Resource):
    """`/v1/content/:id/publish`, `/v1/content/:id/schedule` and `/v1/scheduled-posts`."""

    async def plan(
        self,
        project_id: str,
        container: Container,
        accounts: Sequence[SocialAccount],
        *,
        mode: Literal["publish", "draft"] = "publish",
        caption: str = "",
        first_comment: str = "",
        scheduled_for: datetime | None = None,
    ) -> WriteRequest:
        """Return the request that puts content on accounts, at `scheduled_for` (UTC) or about 30 seconds from now.

        Empty texts leave the content's own.
        """
        dialect = await self._client.vintages.dialect(project_id)
        targets: list[dict[str, str]] = []
        for account in accounts:
            target = {
                "socialAccountId": account.social_account_id,
                "mode": dialect.publish_mode(mode, account.platform or "", video=container.is_video),
                "captionOverride": caption,
                "firstCommentOverride": first_comment,
            }
            targets.append({name: value for name, value in target.items() if value})
        if scheduled_for is None:
            return WriteRequest(path=path("content", container.container_id, "publish"), body={"targets": targets})
        body: dict[str, Any] = {"scheduledFor": stamp(scheduled_for), "targets": targets}
        return WriteRequest(path=path("content", container.container_id, "schedule"), body=body)

    async def send(self, request: WriteRequest, *, idempotency_key: str) -> PublishReply:
        """Send a publication, or send it again: all of its targets are taken, or none.

        Raises ApprovalRequired while the content waits for a person, ContentRejected where one turned it down.
        """
        sent = Request(
            method="POST",
            path=request.path,
            body=request.body,
            bucket="write-light",
            scope="publish:write",
            subject="container",
            idempotency_key=idempotency_key,
            seconds=PUBLISH_REQUEST_SECONDS,
        )
        return await self._client.submit(PublishReply, sent, adapters.publication)

    async def list(
        self,
        project_id: str,
        *,
        status: Sequence[str] = (),
        social_account_id: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 50,
        cursor: str = "",
    ) -> Page[ScheduledPost]:
        """Return a project's scheduled posts, latest `scheduled_for` first; `limit` 1 to 100, `until` inclusive.

        A `status` that is refused is asked for once more where the API speaks another vintage now.
        """
        vintages = self._client.vintages

        async def read() -> Page[ScheduledPost]:
            dialect = await vintages.dialect(project_id)
            request = Request(
                method="GET",
                path=path("projects", project_id, "scheduled-posts"),
                params=query(
                    status=[dialect.post_status(each) for each in status],
                    socialAccountId=social_account_id,
                    since=since,
                    until=until,
                    limit=limit,
                    cursor=cursor,
                ),
                scope="publish:read",
                subject="project",
            )
            return await self._client.get_page(ScheduledPost, request, adapters.scheduled_post)

        try:
            return await read()
        except ValidationFailed:
            if not (status and await vintages.changed(project_id)):
                raise
        return await read()

    async def get(self, scheduled_post_id: str) -> ScheduledPost:
        """Return a scheduled post as it is now."""
        request = Request(
            method="GET",
            path=path("scheduled-posts", scheduled_post_id),
            scope="publish:read",
            subject="scheduled post",
        )
        post = await self._client.fetch(ScheduledPost, request, adapters.scheduled_post)
        require_same_id(scheduled_post_id, post.scheduled_post_id, read=True)
        return post

    async def reschedule(self, scheduled_post_id: str, *, scheduled_for: datetime) -> ScheduledPost:
        """Move a queued post to another time (UTC). Raises Conflict where it is queued no longer."""
        where = path("scheduled-posts", scheduled_post_id, "reschedule")
        return await self._change(scheduled_post_id, "POST", where, {"scheduledFor": stamp(scheduled_for)})

    async def cancel(self, scheduled_post_id: str, *, reason: str = "") -> ScheduledPost:
        """Take a queued post out of the schedule. Raises Conflict where the platform has it, or it ended before."""
        where = path("scheduled-posts", scheduled_post_id)
        return await self._change(scheduled_post_id, "DELETE", where, {"reason": reason} if reason else None)

    async def _change(
        self, scheduled_post_id: str, method: Literal["POST", "DELETE"], where: str, body: dict[str, Any] | None
    ) -> ScheduledPost:
        request = Request(
            method=method,
            path=where,
            body=body,
            bucket="write-light",
            scope="publish:write",
            subject="scheduled post",
        )
        post = await self._client.submit(ScheduledPost, request, adapters.scheduled_post)
        require_same_id(scheduled_post_id, post.scheduled_post_id, read=False)
        return post
