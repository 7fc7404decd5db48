"""POST /publish and /schedule: finished content goes out to accounts, all targets or none."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.handlers.containers import find_container, is_video, status_of
from layers_mcp.sandbox.ids import to_internal
from layers_mcp.sandbox.responses import ApiError, Response, invalid_fields
from layers_mcp.sandbox.schemas import Body, Timestamp, iso
from layers_mcp.sandbox.simulation.publishing import queue

LEAD_SECONDS = 30.0
"""What is published now goes out this much later: the window in which it can be canceled. A schedule may lie this far
in the past."""


class TikTokPostSettings(Body):
    privacy_level: Literal["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"] | None = (
        None
    )
    disable_comment: bool | None = None
    disable_duet: bool | None = None
    disable_stitch: bool | None = None
    is_brand_organic: bool | None = None
    is_branded_content: bool | None = None


class TikTokMusic(Body):
    mode: Literal["none", "auto", "manual"]
    track_id: str | None = None


class Target(Body):
    """One account. `scheduled_post_id` is preview's: an id that the client minted."""

    social_account_id: str
    mode: str
    caption_override: str | None = Field(default=None, max_length=4_000)
    first_comment_override: str | None = Field(default=None, max_length=4_000)
    tiktok_post_settings: TikTokPostSettings | None = Field(default=None, alias="tiktokPostSettings")
    tiktok_music: TikTokMusic | None = Field(default=None, alias="tiktokMusic")
    share_reel_to_feed: bool | None = None
    scheduled_post_id: str | None = None


class PublishBody(Body):
    targets: list[Target] = Field(min_length=1, max_length=50)


class ScheduleBody(PublishBody):
    scheduled_for: Timestamp


def publish(ctx: RequestContext, body: PublishBody) -> Response:
    """POST /v1/content/:containerId/publish: out in half a minute; content that waits for a decision is refused."""
    container = _publishable(ctx)
    if container["approval_status"] == "pending":
        details = {"approvalStatus": "pending", "containerId": container["id"]}
        raise ApiError("APPROVAL_REQUIRED", "The content waits for approval.", details=details)
    posts = _schedule(ctx, container, body.targets, ctx.now + LEAD_SECONDS, blocked=False)
    return ctx.response(202, {"containerId": container["id"], "scheduledPostIds": posts})


def schedule(ctx: RequestContext, body: ScheduleBody) -> Response:
    """POST /v1/content/:containerId/schedule: out at a time; content that waits for a decision waits here too."""
    container = _publishable(ctx)
    check_future(ctx, body.scheduled_for)
    blocked = container["approval_status"] == "pending"
    posts = _schedule(ctx, container, body.targets, body.scheduled_for, blocked=blocked)
    answer: dict[str, object] = {
        "containerId": container["id"],
        "scheduledFor": iso(body.scheduled_for),
        "scheduledPosts": [
            {"scheduledPostId": post, "socialAccountId": to_internal("sa", target.social_account_id)}
            for post, target in zip(posts, body.targets, strict=True)
        ],
        "scheduledPostIds": posts,
    }
    if blocked:
        answer["gateStatus"] = "blocked_on_approval"
    return ctx.response(202, answer)


def check_future(ctx: RequestContext, moment: float) -> None:
    """Refuse a time that has passed."""
    if moment < ctx.now - LEAD_SECONDS:
        raise invalid_fields([("scheduledFor", "must be in the future")])


def _publishable(ctx: RequestContext) -> sqlite3.Row:
    container = find_container(ctx)
    if container["approval_status"] == "rejected":
        details = {"approvalStatus": "rejected", "containerId": container["id"]}
        raise ApiError("CONTENT_REJECTED", "The content was rejected.", details=details)
    status = status_of(container, ctx.now)
    if status != "completed":
        details = {"status": ctx.dialect.container_status(status), "containerId": container["id"]}
        raise ApiError("CONFLICT", "The content is not completed.", details=details)
    return container


def _schedule(
    ctx: RequestContext, container: sqlite3.Row, targets: Sequence[Target], moment: float, *, blocked: bool
) -> list[str]:
    """Check every target, then write a scheduled post for each: their ids, in the order of the targets."""
    accounts = {
        row["id"]: row for row in ctx.all("SELECT * FROM social_accounts WHERE project_id = ?", container["project_id"])
    }
    issues = [
        (f"targets.{place}.{field}", problem)
        for place, target in enumerate(targets)
        for field, problem in _problems(ctx, container, target, accounts)
    ]
    named = [to_internal("sa", target.social_account_id) for target in targets]
    issues += [
        (f"targets.{place}.socialAccountId", "may be named once")
        for place, account_id in enumerate(named)
        if account_id in named[:place]
    ]
    if issues:
        raise invalid_fields(issues)
    return [
        _write(ctx, container, target, accounts[account_id], moment, blocked=blocked)
        for target, account_id in zip(targets, named, strict=True)
    ]


def _problems(
    ctx: RequestContext, container: sqlite3.Row, target: Target, accounts: dict[str, sqlite3.Row]
) -> list[tuple[str, str]]:
    """Return what is wrong with a target: fields, and why."""
    account = accounts.get(to_internal("sa", target.social_account_id))
    if account is None:
        return [("socialAccountId", "is no account of this project")]
    problems: list[tuple[str, str]] = []
    if account["status"] != "connected":
        problems.append(("socialAccountId", f"is not connected ({account['status']})"))
    video, platform = is_video(container), account["platform"]
    modes = ctx.dialect.modes(platform, video=video)
    mode = modes.get(target.mode)
    if mode is None:
        problems.append(("mode", f"must be one of {', '.join(modes)} for this content on {platform}"))
    if target.scheduled_post_id is not None:
        if not ctx.dialect.reads_preview:
            problems.append(("scheduledPostId", "is not a known field"))
        elif not _is_uuid(target.scheduled_post_id):
            problems.append(("scheduledPostId", "must be a UUID minted by the client"))
    if target.share_reel_to_feed is not None and (platform != "instagram" or not video or mode != "publish"):
        problems.append(("shareReelToFeed", "is for a video that is published on Instagram"))
    if target.tiktok_music is not None and mode == "draft":
        problems.append(("tiktokMusic", "cannot be set on a draft"))
    return problems


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _write(
    ctx: RequestContext, container: sqlite3.Row, target: Target, account: sqlite3.Row, moment: float, *, blocked: bool
) -> str:
    """Return one scheduled post; an id that its client minted always means the same post."""
    minted = target.scheduled_post_id and target.scheduled_post_id.lower()
    if minted:
        known = ctx.one(
            "SELECT sp.* FROM scheduled_posts sp JOIN projects p ON p.id = sp.project_id"
            " WHERE p.organization_id = ? AND sp.minted_id = ?",
            ctx.principal.organization_id,
            minted,
        )
        if known is not None:
            if (known["container_id"], known["social_account_id"]) != (container["id"], account["id"]):
                raise ApiError("CONFLICT", "scheduledPostId: this id was used with another request.")
            return known["id"]
    return queue(
        ctx.db,
        ctx.seed,
        container,
        account,
        mode=ctx.dialect.modes(account["platform"], video=is_video(container))[target.mode],
        moment=moment,
        now=ctx.now,
        blocked=blocked,
        minted_id=minted,
        caption=target.caption_override,
        first_comment=target.first_comment_override,
        login_expires=ctx.login_expires(account),
    )
