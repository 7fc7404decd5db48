"""A publication: finished content on accounts, now or at a time. Publishing twice is as bad as charging twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

import anyio

from layers_mcp.analytics.status import status_of_all
from layers_mcp.api.errors import LayersError
from layers_mcp.api.plans import OrderPlan, OrderRequest, WriteRequest
from layers_mcp.deadlines import OBSERVE_SECONDS, RECONCILE_SECONDS
from layers_mcp.operations.identity import Canonical, canonical_text, identity
from layers_mcp.operations.models import NotFoundUpstream, Operation, PublishMode, ToolName
from layers_mcp.operations.state_machine import SLACK, Accepted, Observed
from layers_mcp.text.ids import id_key
from layers_mcp.text.times import stamp

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient
    from layers_mcp.api.models import Container, ScheduledPost, SocialAccount


GOES_OUT_WITHIN = timedelta(minutes=2)
"""How long after "now" upstream dates a post at most: the window to stop it is about half a minute."""

_ENDS = {"published": "completed", "draft": "completed", "failed": "failed", "canceled": "canceled"}


@dataclass(frozen=True, kw_only=True)
class Publication:
    """What is to be published: the same content, accounts, instant, mode, texts and take are the same publication.

    `at` is None for now. `content` and `accounts` are what is sent, as they were read; the identity is by their ids.
    """

    tool: ClassVar[ToolName] = "publish_content"
    noun: ClassVar[str] = "publication"
    project_id: str
    content: Container
    social_account_ids: tuple[str, ...]
    at: datetime | None = None
    mode: PublishMode = "publish"
    caption: str = ""
    first_comment: str = ""
    take: int = 1
    accounts: Sequence[SocialAccount] = ()

    @property
    def order_mode(self) -> PublishMode:
        """publish or draft."""
        return self.mode

    @property
    def arguments(self) -> dict[str, Canonical]:
        """What makes it this publication, in canonical form: however ids and instant are spelled."""
        return {
            "container_id": canonical_text(self.content.container_id).removeprefix("cnt_"),
            "social_account_ids": sorted({canonical_text(each) for each in self.social_account_ids}),
            "at": stamp(self.at) if self.at else "",
            "mode": self.mode,
            "caption": canonical_text(self.caption),
            "first_comment": canonical_text(self.first_comment),
        }

    @property
    def identity(self) -> str:
        """SHA-256 (hex) over tool, arguments and take: equal for equal publications."""
        return self.identity_of_take(self.take)

    def identity_of_take(self, take: int) -> str:
        """Return the identity of the same publication in another take: by its ids in what their spellings share."""
        container, accounts = id_key(self.content.container_id), sorted(self._account_keys)
        return identity(self.tool, {**self.arguments, "container_id": container, "social_account_ids": accounts}, take)

    @property
    def _account_keys(self) -> set[str]:
        return set(map(id_key, self.social_account_ids))

    @property
    def variations(self) -> int:
        """How many posts come of it: one an account."""
        return len(self._account_keys)

    @property
    def container_ids(self) -> tuple[str, ...]:
        """What is published."""
        return (self.content.container_id,)

    async def plan(self, api: LayersClient, container_id: str, variations: int) -> OrderPlan:
        """Return one request: it takes every account, or none."""
        request = await api.publishing.plan(
            self.project_id,
            self.content,
            self.accounts,
            mode=self.mode,
            caption=self.caption,
            first_comment=self.first_comment,
            scheduled_for=self.at,
        )
        return OrderPlan(requests=(OrderRequest(path=request.path, body=request.body, pieces=variations),))


class PublishKind:
    """Publications by their rows."""

    spends = False

    async def send(self, api: LayersClient, row: Operation) -> Accepted:
        """Send it. Raises `LayersError`."""
        request = WriteRequest(path=row.path, body=row.body)
        reply = await api.publishing.send(request, idempotency_key=row.idempotency_key)
        return Accepted(answer={"scheduled_post_ids": list(reply.scheduled_post_ids), "gate_status": reply.gate_status})

    async def observe(self, api: LayersClient, row: Operation) -> Observed | None:
        """Read its scheduled posts; None where one of them cannot be read."""
        with anyio.move_on_after(OBSERVE_SECONDS):
            try:
                posts = [await api.publishing.get(each) for each in scheduled_post_ids(row)]
            except LayersError:
                return None
            return Observed(status=_status(posts))
        return None

    async def reconcile(
        self, api: LayersClient, row: Operation, others: Sequence[Operation]
    ) -> Accepted | NotFoundUpstream:
        """Find it in the project's schedule, by content, accounts and time."""
        since, until = _window(row)
        claimed = {id_key(each) for other in others for each in scheduled_post_ids(other)}
        accounts = set(map(id_key, row.arguments["social_account_ids"]))
        found: dict[str, ScheduledPost] = {}
        with anyio.move_on_after(RECONCILE_SECONDS):
            cursor = ""
            try:
                for _ in range(5):
                    page = await api.publishing.list(row.project_id, since=since, until=until, limit=100, cursor=cursor)
                    for post in page.items:
                        same = id_key(post.container_id or "") == id_key(row.arguments["container_id"])
                        account = id_key(post.social_account_id or "")
                        if same and account in accounts and id_key(post.scheduled_post_id) not in claimed:
                            found.setdefault(account, post)
                    cursor = page.next_cursor or ""
                    if not cursor:
                        break
            except LayersError:
                return NotFoundUpstream("The project's schedule could not be read just now.")
            if found and any(_may_have_made(other, row) for other in others):
                return NotFoundUpstream(
                    "Another publication of this content was never answered either, so whose is whose is unclear."
                )
            if found.keys() == accounts:
                ids = [found[account].scheduled_post_id for account in sorted(accounts)]
                return Accepted(status=_status(list(found.values())), answer={"scheduled_post_ids": ids})
            return NotFoundUpstream(f"The project's schedule holds it for {len(found)} of {len(accounts)} accounts.")
        return NotFoundUpstream("The project's schedule could not be read in time.")


def scheduled_post_ids(row: Operation) -> tuple[str, ...]:
    """Return the scheduled posts of an accepted publication, one an account."""
    ids = row.answer.get("scheduled_post_ids")
    return tuple(map(str, cast("list[object]", ids))) if isinstance(ids, list) else ()


def _window(row: Operation) -> tuple[datetime, datetime]:
    """Return when upstream dates its posts."""
    if at := row.arguments["at"]:
        moment = datetime.fromisoformat(str(at))
        return moment, moment
    return row.ordered_at - SLACK, row.updated_at + SLACK + GOES_OUT_WITHIN


def _may_have_made(other: Operation, row: Operation) -> bool:
    """Return whether an unanswered publication may have made what looks like that of `row`."""
    one, two = other.arguments, row.arguments
    (since, until), (earliest, latest) = _window(other), _window(row)
    return other.status == "unknown" and same_posts(one, two) and since <= latest and earliest <= until


def same_posts(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether the arguments of two publications put the same content on one of the same accounts."""
    ours, theirs = (set(map(id_key, each["social_account_ids"])) for each in (one, other))
    return id_key(one["container_id"]) == id_key(other["container_id"]) and not ours.isdisjoint(theirs)


def _status(posts: Sequence[ScheduledPost]) -> str:
    return status_of_all(_ENDS.get(post.status or "") for post in posts)
