"""What a person is asked before money, decisions and publications: our facts first, then untrusted text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from layers_mcp.api.models import Container
from layers_mcp.protocol.elicitation import LONGEST_QUESTION, Question
from layers_mcp.text.sanitize import clean

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
    price = "for credits that cannot be told now" if estimate is None else f"for up to {estimate} credits"
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


def publication_question(container: Container, where: list[str], when: str) -> Question:
    """Ask for a publication: the accounts and the local time; then id, hook and caption."""
    held = " once it is approved" if container.approval_status == "pending" else ""
    facts = [f"Publish {container.container_id} {when}{held}, on {', '.join(where)}?"]
    facts += [
        f"{name}: {quote(text)}." for name, text in (("Hook", container.hook), ("Caption", container.caption)) if text
    ]
    return _question(facts, "publish")


def _question(facts: Sequence[str], verb: str) -> Question:
    """A question that is about all that it tells."""
    text = one_line(facts)

    async def write() -> str:
        return text

    return Question(verb, text, write)


def one_line(facts: Sequence[str]) -> str:
    """The text of a question, at most 600 characters; what comes last is left out first."""
    while len(" ".join(facts)) > LONGEST_QUESTION and len(facts) > 1:
        facts = facts[:-1]
    return " ".join(facts)[:LONGEST_QUESTION]
