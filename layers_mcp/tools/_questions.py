"""What a person is asked before orders, decisions and publications: our facts first, then untrusted text."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from layers_mcp.analytics.formatting import counted
from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import Container, Project, ScheduledPost, SocialAccount
from layers_mcp.context import ToolContext
from layers_mcp.deadlines import ORDER_ANSWER_SECONDS, ORDER_EXTRAS_SECONDS
from layers_mcp.operations import CloneOrder, HookOrder, Publication
from layers_mcp.operations.terms import Terms
from layers_mcp.protocol.elicitation import LONGEST_QUESTION, Question
from layers_mcp.text.ids import id_key
from layers_mcp.text.sanitize import clean
from layers_mcp.text.times import zone
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._publication_status import read_scheduled
from layers_mcp.tools._schedule import accounts_by_key, find_project

LONGEST_QUOTE = 80
"""Characters of untrusted text in a question."""

LONGEST_READ = 10_000
"""Characters of untrusted text that are looked at."""

MOST_POSTS = 2
"""Posts that a question names one by one."""

_SPECIAL = re.compile(r"[\"\[\]<>`]")
"""What could end a quotation, or be read as markup by the client that shows it."""


def quote(text: str) -> str:
    """Put untrusted text in double quotes: cleaned, on one line, at most 80 characters; then what was done to it.

    That a line break is a space there is not told.
    """
    text = text.strip()
    read = text[:LONGEST_READ]
    whole, _ = clean(_SPECIAL.sub("", read), LONGEST_READ)
    shown, _ = clean(whole, LONGEST_QUOTE)
    shortened = shown != whole or read != text
    cleaned = "".join(whole.split()) != "".join(read.split())
    done = ", ".join(word for word, applies in (("shortened", shortened), ("cleaned", cleaned)) if applies)
    return f'"{shown}{"…" if shortened else ""}"' + (f" ({done})" if done else "")


@dataclass(frozen=True)
class DecisionFacts:
    """What a question about a piece adds: its project's name, "2 of 2" where its order is known, what approving does.

    `scheduled` is a sentence, or "".
    """

    project: str
    variation: str = ""
    scheduled: str = ""


def decision_question(
    container: Container, decision: str, reason: str, read: Callable[[], Awaitable[DecisionFacts]]
) -> Question:
    """Ask for the decision on one piece: its id and the effect first, then hook, caption, reason and project.

    `read` returns the rest, once the question is shown.
    """
    if decision == "approve":
        effect = f"Approve {container.container_id}? It can go live from then on, and that is final."
    else:
        effect = f"Reject {container.container_id}? It will not be published, and that is final."
    texts = [
        f"{name}: {quote(text)}."
        for name, text in (("Hook", container.hook), ("Caption", container.caption), ("Note", reason))
        if text
    ]

    async def write() -> str:
        facts = await read()
        ours = [effect, facts.scheduled, f"It is variation {facts.variation}." if facts.variation else ""]
        return one_line([*filter(None, ours), *texts, f"Project: {quote(facts.project)}."])

    return Question(decision, one_line([effect, *texts]), write)


async def read_decision_facts(context: ToolContext, container: Container, decision: str) -> DecisionFacts:
    """Return what a question about a piece adds; of an approval, the scheduled posts that it sets going."""
    container_id, project_id = container.container_id, container.project_id or ""
    async with GatherSettled(context.deadline, seconds=ORDER_EXTRAS_SECONDS, keep=ORDER_ANSWER_SECONDS) as reads:
        listed = reads.start(find_project, context, project_id)
        orders = reads.start(context.operations.history.container_orders, [container_id])
        posts = reads.start(read_scheduled, context, container) if decision == "approve" else None
    project, known = listed.or_else(None), orders.or_else(None)
    order = known.value.get(container_id) if known else None
    return DecisionFacts(
        project=name_of(project, project_id),
        variation=order.variation if order else "",
        scheduled=_set_going(posts.outcome, project and project.timezone) if posts else "",
    )


def _set_going(posts: Sequence[ScheduledPost] | LayersError, timezone: str | None) -> str:
    """Return what an approval sets going of a container's posts; "" for nothing."""
    if isinstance(posts, LayersError):
        return "Whether posts of it are scheduled could not be read."
    queued = [post for post in reversed(posts) if post.status == "queued"]
    if not queued:
        return ""
    tz = _zone_or_utc(timezone)
    named = [
        f"{post.platform or 'an account'} {_minute(post.scheduled_for, tz) or 'soon'}" for post in queued[:MOST_POSTS]
    ]
    more = f" and {len(queued) - MOST_POSTS} more" if len(queued) > MOST_POSTS else ""
    return f"It sets {counted(len(queued), 'scheduled post')} going: {', '.join(named)}{more} ({tz.key})."


def _zone_or_utc(name: str | None) -> ZoneInfo:
    try:
        return zone(name or "UTC")
    except ValueError:
        return ZoneInfo("UTC")


def _minute(moment: datetime | None, tz: ZoneInfo) -> str:
    """Return local time to the minute; "" where it is not known."""
    return f"{moment.astimezone(tz):%Y-%m-%d %H:%M}" if moment else ""


def order_text(order: CloneOrder | HookOrder, terms: Terms, *, project: str, source: str, similar: int) -> str:
    """Ask for a new order: how many, mode, price, balance, whether it waits for approval; then take and repeats, then
    project and source.

    `similar` is how many orders of the last hour come from the same source.
    """
    estimate, balance = terms.estimated_credits, terms.balance
    price = "for an unknown number of credits" if estimate is None else f"for up to {estimate:,} credits"
    available = "" if balance is None else f" ({balance:,} available)"
    facts = [
        f"Order {counted(order.variations, 'piece')} ({order.order_mode}) {price}{available}? "
        f"What is made {_HOLD[terms.held]}."
    ]
    if order.take > 1:
        facts.append(f"This is take {order.take}, charged by itself.")
    if similar:
        facts.append(f"Ordered from the same source in the last hour: {similar}.")
    facts += [
        f"Project: {quote(project)}.",
        f"{'Hook' if isinstance(order, HookOrder) else 'Source'}: {quote(source)}.",
    ]
    return one_line(facts)


_HOLD = {
    True: "waits for approval",
    False: "needs no approval before it is published",
    None: "may need no approval before it is published",
}


def publication_question(
    publication: Publication, when: str, read: Callable[[], Awaitable[tuple[str, str]]]
) -> Question:
    """Ask for a publication: the accounts and the local time; then the texts that go out, project and hook.

    `read` returns the project's name, and what of the same content is on these accounts already (or ""), once the
    question is shown.
    """
    content = publication.content
    names = [_account_name(one) for one in publication.accounts]
    where = ", ".join(names or map(quote, publication.social_account_ids))
    held = " once it is approved" if content.approval_status == "pending" else ""
    verb = "Publish" if publication.mode == "publish" else "Send to the drafts:"
    asked = [f"{verb} {content.container_id} {when}{held}, on {where}?"]
    if publication.take > 1:
        asked.append(f"This is take {publication.take}: earlier ones stay.")
    texts = {"Caption": publication.caption or content.caption, "First comment": publication.first_comment}
    outgoing = [f"{name}: {quote(text)}." for name, text in texts.items() if text]
    hook = [f"Hook: {quote(content.hook)}."] if content.hook else []

    async def write() -> str:
        project, already = await read()
        repeated = [already] if already else []
        return one_line([*asked, *repeated, *outgoing, f"Project: {quote(project)}.", *hook])

    about = (publication.identity, *asked, *outgoing, content.hook, content.caption)
    return Question("publish", " ".join(each or "" for each in about), write)


async def read_publication_facts(context: ToolContext, publication: Publication, tz: ZoneInfo) -> tuple[str, str]:
    """Return the project's name, and what of the same content is on the same accounts by the schedule (or "")."""
    async with GatherSettled(context.deadline, seconds=ORDER_EXTRAS_SECONDS, keep=ORDER_ANSWER_SECONDS) as reads:
        listed = reads.start(find_project, context, publication.project_id)
        posts = reads.start(read_scheduled, context, publication.content)
    project = name_of(listed.or_else(None), publication.project_id)
    if isinstance(posts.outcome, LayersError):
        return project, "Whether the same content is on these accounts already could not be read."
    return project, _already_there(posts.outcome, publication.accounts, tz)


def _already_there(posts: Sequence[ScheduledPost], accounts: Sequence[SocialAccount], tz: ZoneInfo) -> str:
    """Return what of `posts`, the latest first, is on one of `accounts`; "" for nothing."""
    by_key = accounts_by_key(accounts)
    there = [post for post in posts if id_key(post.social_account_id or "") in by_key]
    if not there:
        return ""
    shown = "; ".join(
        f"{_account_name(by_key[id_key(post.social_account_id or '')])} {_since_when(post, tz)}"
        for post in there[:MOST_POSTS]
    )
    more = f" and {len(there) - MOST_POSTS} more" if len(there) > MOST_POSTS else ""
    return f"The same content is there already: {shown}{more} ({tz.key})."


def _since_when(post: ScheduledPost, tz: ZoneInfo) -> str:
    when = _minute(post.published_at or post.scheduled_for, tz)
    return f"{_POSTED.get(post.status or '', post.status or 'scheduled')} {when}".rstrip()


_POSTED = {"queued": "due", "published": "live since", "draft": "in the drafts since", "publishing": "going out"}


def _account_name(account: SocialAccount) -> str:
    return f"{account.platform} {quote(account.handle or account.social_account_id)}"


def name_of(project: Project | None, project_id: str) -> str:
    """Return the project's name, or its id where that could not be read."""
    return (project and project.name) or project_id


def one_line(facts: Sequence[str]) -> str:
    """Return the text of a question, at most 600 characters; what comes last is left out first."""
    while len(" ".join(facts)) > LONGEST_QUESTION and len(facts) > 1:
        facts = facts[:-1]
    return " ".join(facts)[:LONGEST_QUESTION]
