"""What a person is asked before orders, decisions and publications: our facts first, then untrusted text."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from zoneinfo import ZoneInfo

from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import Container, ScheduledPost, SocialAccount
from layers_mcp.context import ToolContext
from layers_mcp.deadlines import ORDER_ANSWER_SECONDS, ORDER_EXTRAS_SECONDS
from layers_mcp.operations import Publication
from layers_mcp.protocol.elicitation import LONGEST_QUESTION, Question
from layers_mcp.text.ids import id_key
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._publication_status import read_scheduled
from layers_mcp.tools._schedule import accounts_by_key

LONGEST_QUOTE = 80
"""Characters of untrusted text in a question."""

MOST_POSTS = 2
"""Posts that a question names one by one."""

_SPECIAL = re.compile(r"[\"\[\]<>`]")
"""What could end a quotation, or be read as markup by the client that shows it."""


def quote(text: str) -> str:
    """Put untrusted text in double quotes: cleaned, on one line, at most 80 characters."""
    cleaned, cut = clean(_SPECIAL.sub("", text), LONGEST_QUOTE)
    return f'"{cleaned}…"' if cut else f'"{cleaned}"'


def decision_question(container: Container, decision: str, reason: str) -> Question:
    """Ask for the decision on one piece: its id and the effect first, then hook, caption and reason."""
    if decision == "approve":
        facts = [f"Approve {container.container_id}? It can go live from then on, and that is final."]
    else:
        facts = [f"Reject {container.container_id}? It will not be published, and that is final."]
    for name, text in (("Hook", container.hook), ("Caption", container.caption), ("Note", reason)):
        if text:
            facts.append(f"{name}: {quote(text)}.")
    return _question(facts, decision)


def order_text(
    *,
    pieces: int,
    mode: str,
    estimate: int | None,
    held: bool | None,
    balance: int | None,
    project: str,
    source: str,
) -> str:
    """Ask for a new order: how many, mode, price, balance, whether it waits for approval; then project and source."""
    price = "for an unknown number of credits" if estimate is None else f"for up to {estimate} credits"
    available = "" if balance is None else f" ({balance} available)"
    hold = {True: "waits for approval", False: "goes live without approval", None: "may go live without approval"}[held]
    made = f"{pieces} piece" if pieces == 1 else f"{pieces} pieces"
    return one_line(
        [
            f"Order {made} ({mode}) {price}{available}? What is made {hold}.",
            f"Project: {quote(project)}.",
            f"Source: {quote(source)}.",
        ]
    )


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
        named = reads.start(read_project_name, context, publication.project_id)
        posts = reads.start(read_scheduled, context, publication.content)
    project = named.or_else(publication.project_id)
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
    moment = post.published_at or post.scheduled_for
    when = f" {moment.astimezone(tz):%Y-%m-%d %H:%M}" if moment else ""
    return f"{_POSTED.get(post.status or '', post.status or 'scheduled')}{when}"


_POSTED = {"queued": "due", "published": "live since", "draft": "in the drafts since", "publishing": "going out"}


def _account_name(account: SocialAccount) -> str:
    return f"{account.platform} {quote(account.handle or account.social_account_id)}"


async def read_project_name(context: ToolContext, project_id: str) -> str:
    """Return the project's name, or its id where the name cannot be read soon."""
    async with GatherSettled(context.deadline, seconds=ORDER_EXTRAS_SECONDS, keep=ORDER_ANSWER_SECONDS) as reads:
        read = reads.start(context.api.projects.list, limit=200)
    listed = read.or_else(None)
    projects = listed.items if listed else ()
    return next((one.name for one in projects if id_key(one.id) == id_key(project_id)), "") or project_id


def _question(facts: Sequence[str], verb: str) -> Question:
    """Return a question that is about all that it tells."""
    text = one_line(facts)

    async def write() -> str:
        return text

    return Question(verb, text, write)


def one_line(facts: Sequence[str]) -> str:
    """Return the text of a question, at most 600 characters; what comes last is left out first."""
    while len(" ".join(facts)) > LONGEST_QUESTION and len(facts) > 1:
        facts = facts[:-1]
    return " ".join(facts)[:LONGEST_QUESTION]
