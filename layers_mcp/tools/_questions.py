"""What a person is asked before orders, decisions and publications: our facts first, then untrusted text."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from layers_mcp.api.models import Container
from layers_mcp.context import ToolContext
from layers_mcp.deadlines import ORDER_ANSWER_SECONDS, ORDER_EXTRAS_SECONDS
from layers_mcp.operations import Publication
from layers_mcp.protocol.elicitation import LONGEST_QUESTION, Question
from layers_mcp.text.ids import id_key
from layers_mcp.text.sanitize import clean
from layers_mcp.tools._gather_settled import GatherSettled

LONGEST_QUOTE = 80
"""Characters of untrusted text in a question."""

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


def publication_question(publication: Publication, when: str, project: Callable[[], Awaitable[str]]) -> Question:
    """Ask for a publication: the accounts and the local time; then the texts that go out, project and hook.

    `project` reads the project's name, once the question is shown.
    """
    content = publication.content
    names = [f"{one.platform} {quote(one.handle or one.social_account_id)}" for one in publication.accounts]
    where = ", ".join(names or map(quote, publication.social_account_ids))
    held = " once it is approved" if content.approval_status == "pending" else ""
    verb = "Publish" if publication.mode == "publish" else "Send to the drafts:"
    asked = [f"{verb} {content.container_id} {when}{held}, on {where}?"]
    if publication.take > 1:
        asked.append(f"This is take {publication.take}: earlier ones stay.")
    texts = {"Caption": publication.caption or content.caption, "First comment": publication.first_comment}
    asked += [f"{name}: {quote(text)}." for name, text in texts.items() if text]
    hook = [f"Hook: {quote(content.hook)}."] if content.hook else []

    async def write() -> str:
        return one_line([*asked, f"Project: {quote(await project())}.", *hook])

    about = (publication.identity, *asked, content.hook, content.caption)
    return Question("publish", " ".join(each or "" for each in about), write)


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
