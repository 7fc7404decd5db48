"""publish_content: put finished content on accounts, now or at a time, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import anyio
from pydantic import Field

from layers_mcp.api.errors import TimedOut
from layers_mcp.api.models import Container, ScheduledPost, SocialAccount
from layers_mcp.context import ToolContext
from layers_mcp.deadlines import ORDER_ANSWER_SECONDS, PUBLISH_READS_SECONDS, SCHEDULE_SECONDS
from layers_mcp.operations import Placement, Publication
from layers_mcp.operations.identity import publication_id
from layers_mcp.operations.kinds.publish import scheduled_post_ids
from layers_mcp.operations.terms import Terms
from layers_mcp.protocol import DESTRUCTIVE, Result, ToolError, invalid_argument, tool
from layers_mcp.protocol.elicitation import Question
from layers_mcp.text.ids import id_key
from layers_mcp.text.times import local, stamp
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._publication_status import blocked_if_pending, publication_status
from layers_mcp.tools._questions import publication_question, read_publication_facts
from layers_mcp.tools._schedule import accounts_by_key, instant, is_past, refuse_past, zone_of


class ScheduledOn(Result):
    scheduled_post_id: str
    social_account_id: str | None = None
    platform: str | None = None
    handle: str | None = None
    status: str | None = None


class Published(Result):
    publication_id: str | None = None
    status: str
    scheduled_posts: list[ScheduledOn]
    at: str | None = None
    at_local: str | None = None
    replayed: bool
    notes: list[str]
    next_step: str


@tool(
    title="Publish or schedule content",
    kind=DESTRUCTIVE,
    scope="publish:write",
    effect="the content was published or scheduled",
    example={
        "container_id": "cnt_01HXE9M1N3B5V7C9X1Z3L5K7J9",
        "social_account_ids": ["sa_01HXE9M1N3B5V7C9X1Z3L5K7J9"],
        "at": "2026-11-28T09:00",
        "timezone": "America/New_York",
    },
)
async def publish_content(
    context: ToolContext,
    container_id: Annotated[str, Field(description="From get_content.")],
    social_account_ids: Annotated[
        tuple[str, ...], Field(description="From check_readiness.", min_length=1, max_length=10)
    ],
    at: Annotated[str, Field(description="ISO or local; empty = now.")] = "",
    timezone: Annotated[str, Field(description="Empty = project's.")] = "",
    mode: Annotated[Literal["publish", "draft"], Field(description="draft = app's drafts.")] = "publish",
    caption: Annotated[str, Field(description="Empty = its own.", max_length=4000)] = "",
    first_comment: Annotated[str, Field(description="New one.", max_length=4000)] = "",
    take: Annotated[int, Field(description="2 posts it again.", ge=1, le=99)] = 1,
    dry_run: Annotated[bool, Field(description="Check only.")] = False,
) -> Published:
    """Publish this finished content to our social accounts: post, put, share, upload or release the video or clip on
    Instagram or TikTok now, go live, or schedule it for tomorrow morning or Friday evening; or send it to the drafts.

    For a person's decision: no credits, but a live post is final. Same arguments, same publication; take=2 posts it
    again. To move it: change_schedule.
    """
    try:
        with anyio.fail_after(context.deadline.allow(PUBLISH_READS_SECONDS)):
            container, accounts, tz = await _read(context, container_id, timezone, at)
    except TimeoutError:
        raise TimedOut("Layers did not answer in time.", nothing_changed=True) from None
    moment = instant(at, tz) if at.strip() else None
    publication = Publication(
        project_id=container.project_id or "",
        content=container,
        social_account_ids=social_account_ids,
        at=moment,
        mode=mode,
        caption=caption,
        first_comment=first_comment,
        take=take,
        accounts=_wanted(accounts, social_account_ids),
    )
    orders = context.operations.orders
    notes = [_PENDING_NOTE] if _waits_for_approval_alone(container, moment, context.now()) else []
    check = partial(_check, context, publication, accounts, tz)
    confirm = partial(_confirm, context, publication, tz)
    if dry_run:
        placement = await orders.preview(publication, before_send=check)
    else:
        consent = confirm if context.asks else None
        placement = await orders.place(
            publication, before_send=check, consent=consent, deadline=context.deadline, keep=SCHEDULE_SECONDS
        )
    return await _published(context, placement, container, accounts, moment, tz, notes)


async def _read(
    context: ToolContext, container_id: str, timezone: str, at: str
) -> tuple[Container, list[SocialAccount], ZoneInfo]:
    """Return what is to be published, its project's accounts, and the zone of a local time.

    Raises `ToolError` as they do.
    """
    container = await context.api.content.get(container_id)
    if not container.project_id:
        raise invalid_argument("Layers does not say which project this content belongs to, so it cannot be published.")
    accounts = await context.api.projects.social_accounts(container.project_id)
    return container, accounts, await zone_of(context, container.project_id, timezone, at=at)


async def _confirm(context: ToolContext, publication: Publication, tz: ZoneInfo, _terms: Terms) -> None:
    """Have a person confirm what goes out, where and when, once more where the content changed meanwhile."""
    moment, container = publication.at, publication.content
    when = f"at {moment.astimezone(tz):%Y-%m-%d %H:%M} ({tz.key})" if moment is not None else "now"
    read = partial(read_publication_facts, context, publication, tz)
    agreed: Question | None = None
    while (question := publication_question(publication, when, read)) != agreed:
        await context.ask(question)
        agreed = question
        container = await context.api.content.get(container.container_id)
        refuse_past(moment, context.now(), tz)
        _check_content(container, moment)
        publication = replace(publication, content=container)


def _wanted(accounts: Sequence[SocialAccount], wanted: Sequence[str]) -> list[SocialAccount]:
    """Return the accounts that are wanted, each once; none where one of them is not there."""
    by_key, keys = accounts_by_key(accounts), sorted(set(map(id_key, wanted)))
    return [by_key[key] for key in keys] if by_key.keys() >= set(keys) else []


def _check(context: ToolContext, publication: Publication, accounts: Sequence[SocialAccount], tz: ZoneInfo) -> None:
    """Raise `ToolError` where it cannot go out at that time, or not this content, or not on one of its accounts.

    What is known already is answered, whatever has become of these.
    """
    refuse_past(publication.at, context.now(), tz)
    _check_content(publication.content, publication.at)
    _check_accounts(accounts, publication.social_account_ids)


def _check_accounts(accounts: Sequence[SocialAccount], wanted: Sequence[str]) -> None:
    """Raise `ToolError` where a wanted account cannot be published on, naming those that can."""
    by_id = accounts_by_key(accounts)
    usable = [f"{one.social_account_id} ({one.platform})" for one in accounts if one.status == "connected"]
    rest = f"These would do: {', '.join(usable)}." if usable else "No account of the project is connected."
    for social_account_id in wanted:
        account = by_id.get(id_key(social_account_id))
        if account is None:
            raise invalid_argument("One of `social_account_ids` is not an account of this content's project.", rest)
        if account.status == "reauth_required":
            raise invalid_argument("One of the accounts needs a new login before anything can go out on it.", rest)
        if account.status != "connected":
            raise invalid_argument("One of the accounts is not connected.", rest)


def _check_content(container: Container, moment: datetime | None) -> None:
    """Raise `ToolError` where this content cannot go out at `moment`, None for now."""
    if not container.is_finished:
        raise ToolError("CONFLICT", "The content is not finished.", next_step="get_content shows its status.")
    if container.approval_status == "rejected":
        raise ToolError("CONTENT_REJECTED", "The content was rejected, and that is final.", next_step="Order another.")
    if container.approval_status == "pending" and moment is None:
        raise ToolError(
            "APPROVAL_REQUIRED",
            "The content waits for a person's decision, so it cannot go out now.",
            next_step="decide_content records a person's approval; scheduled content goes out once it is approved.",
        )


def _waits_for_approval_alone(container: Container, moment: datetime | None, now: datetime) -> bool:
    """Return whether it goes out at `moment` once a person has approved the content."""
    pending = container.is_finished and container.approval_status == "pending"
    return pending and moment is not None and not is_past(moment, now)


_PENDING_NOTE = "The content waits for a person's decision: approving it starts this publication."


def _moved(posts: Sequence[ScheduledPost], moment: datetime) -> str:
    """Return a note where posts are due at another time than `moment`, which was asked for; an empty text where not."""
    due = {post.scheduled_for for post in posts if post.status != "canceled" and post.scheduled_for}
    if due <= {moment}:
        return ""
    [only, *others] = due
    if others:
        return "It was moved to another time since: list_schedule shows which."
    return f"It was moved since, to {stamp(only)}; `at` is what was asked for."


async def _published(
    context: ToolContext,
    placement: Placement,
    container: Container,
    accounts: Sequence[SocialAccount],
    moment: datetime | None,
    tz: ZoneInfo,
    notes: list[str],
) -> Published:
    posts = await _posts(context, [each for row in placement.rows for each in scheduled_post_ids(row)])
    status = _status(placement, posts, container)
    record, by_id = placement.record, accounts_by_key(accounts)
    if placement.replayed and not placement.recovered and record is not None and record.status != "unknown":
        notes = [f"This publication was sent at {stamp(record.ordered_at)}: nothing was published again.", *notes]
    if moment is not None and (moved := _moved(posts, moment)):
        notes.append(moved)
    if placement.similar:
        notes.append(
            "The same content was asked for, or is due, on one of these accounts within a day of this: list_schedule "
            "shows where."
        )
    shown: list[ScheduledOn] = []
    for post in posts:
        account = by_id.get(id_key(post.social_account_id or ""))
        shown.append(
            ScheduledOn(
                scheduled_post_id=post.scheduled_post_id,
                social_account_id=post.social_account_id,
                platform=post.platform or (account and account.platform),
                handle=account and account.handle,
                status=post.status,
            )
        )
    return Published(
        publication_id=publication_id(placement.rows[0].identity) if placement.rows else None,
        status=status,
        scheduled_posts=shown,
        at=stamp(moment) if moment else None,
        at_local=local(moment, tz) if moment else None,
        replayed=placement.replayed,
        notes=[*notes, *placement.notes],
        next_step=_next_step(status, placement, moment),
    )


async def _posts(context: ToolContext, ids: Sequence[str]) -> list[ScheduledPost]:
    """Return the scheduled posts as they are; of one that cannot be read, its id."""
    async with GatherSettled(context.deadline, seconds=SCHEDULE_SECONDS, keep=ORDER_ANSWER_SECONDS) as reads:
        started = {each: reads.start(context.api.publishing.get, each) for each in ids}
    return [read.or_else(ScheduledPost(scheduled_post_id=each)) for each, read in started.items()]


def _status(placement: Placement, posts: Sequence[ScheduledPost], container: Container) -> str:
    """Return the status of the publication: that of its posts that could be read; canceled if all of them are."""
    if placement.record is None:
        return "not_published"
    if placement.record.status == "unknown":
        return "unknown"
    if posts and all(post.status == "canceled" for post in posts):
        return "canceled"
    known = [post for post in posts if post.status not in (None, "canceled")]
    return blocked_if_pending(publication_status(known).status if known else "scheduled", container)


def _next_step(status: str, placement: Placement, moment: datetime | None) -> str:
    again = f" take={placement.next_take} publishes it again, if a person wants that." if placement.next_take else ""
    if status == "scheduled" and moment is None:
        drafts = any(row.mode == "draft" for row in placement.rows)
        what = "It reaches the app's drafts" if drafts else "It goes out"
        return f"{what} in about half a minute; until then change_schedule can cancel it."
    return _NEXT_STEPS.get(status, "list_schedule with the project_id shows its status.") + again


_NEXT_STEPS = {
    "not_published": "Call again without dry_run to publish it, once a person wants that.",
    "unknown": "Call again without dry_run to learn whether it was published: nothing is posted twice.",
    "scheduled": "list_schedule shows it; change_schedule moves or cancels it while it is queued.",
    "blocked_on_approval": "It waits for a person's decision on the content.",
    "failed": "list_schedule says why it failed and what to do.",
    "canceled": "It was canceled before it went out.",
}
