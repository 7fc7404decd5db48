"""How `layers-mcp orders` shows what it found: as lines for a person, or as JSON for a program."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layers_mcp.api.models import ScheduledPost
from layers_mcp.cli.console import Console, cut
from layers_mcp.operations.audit import Happening, OrderAudit
from layers_mcp.operations.kinds.generate import TITLE_MARK
from layers_mcp.text.labels import label
from layers_mcp.text.sanitize import clean
from layers_mcp.text.times import stamp

_SHORT_ID = 14
"""Characters of an id in the table; the command takes any beginning of an id."""

_OF_PUBLICATIONS = {"running": "accepted", "completed": "out"}
"""Words for the status of a publication, where an order's do not fit."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One order; of it alone, what happened and what Layers' ledger or schedule holds (None: not read)."""

    audit: OrderAudit
    happenings: Sequence[Happening] = ()
    booked: Sequence[int] | None = None
    posts: Sequence[ScheduledPost] | None = None


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What there is to show: orders, newest first. `whole`: each with what happened; `more`: there are older ones."""

    orders: Sequence[Shown] = ()
    whole: bool = False
    more: bool = False
    notes: Sequence[str] = ()


def as_text(found: Findings, *, all_tenants: bool = False) -> str:
    """Return the findings as lines for a person."""
    console = Console(stream := io.StringIO())
    if found.whole:
        for shown in found.orders:
            _detail(console, shown)
            console.line()
    elif found.orders:
        _table(console, [each.audit for each in found.orders], tenants=all_tenants)
        console.line()
        if found.more:
            console.line(f"The newest {len(found.orders)} are shown; --limit shows more.")
        console.line("Credits are the most that can have been charged; a status is the last one seen. What happened to")
        console.line("one of them: layers-mcp orders ORDER_ID")
    elif not found.notes:
        console.line("No orders.")
    console.lines(found.notes)
    return stream.getvalue().rstrip()


def as_json(found: Findings) -> str:
    """Return the same for a program, as one document."""
    orders = [_order(each, whole=found.whole) for each in found.orders]
    document = {"orders": orders, "more": found.more, "notes": list(found.notes)}
    return json.dumps(document, ensure_ascii=False, indent=2)


def what(audit: OrderAudit) -> str:
    """Return what was asked for, in a word or two."""
    row = audit.first
    if not audit.spends:
        name = "draft" if row.mode == "draft" else "schedule" if row.path.endswith("/schedule") else "publish"
        return f"{name} x{row.variations}" if row.variations > 1 else name
    count = audit.pieces if row.piece else row.variations
    return f"{label(row.mode)} x{count}" if count > 1 else label(row.mode)


_ASKED = frozenset(
    {
        *("source_platform_post_id", "hook", "format", "caption", "cta", "voice_over_script", "layer_id"),
        *("influencer_id", "social_account_id", "at", "first_comment"),
    }
)
"""Arguments that a person is shown."""


def status_of(audit: OrderAudit) -> str:
    """Return the status of an order when it was last read."""
    word = audit.status if audit.spends else _OF_PUBLICATIONS.get(audit.status, audit.status)
    if audit.first.piece and audit.placed < audit.pieces and audit.status not in ("refused", "not sent"):
        return f"{word} {audit.placed}/{audit.pieces}"
    return word


def credits_of(audit: OrderAudit) -> str:
    """Return the most that it can have been charged."""
    if not audit.spends:
        return "-"
    return "unknown" if audit.most_credits is None else f"{audit.most_credits:,}"


def _table(console: Console, found: Sequence[OrderAudit], *, tenants: bool) -> None:
    """Write a line an order; with `tenants`, whose it is."""
    rows = [
        [
            f"{each.first.ordered_at:%Y-%m-%d %H:%M}",
            each.order_id[:_SHORT_ID],
            what(each),
            status_of(each),
            credits_of(each),
            cut(label(each.first.organization), 20) if tenants else label(each.first.project_id),
        ]
        for each in found
    ]
    last = "tenant" if tenants else "project"
    console.table(rows, header=["ordered (UTC)", "order", "what", "status", "credits", last], right=[4])


def _detail(console: Console, shown: Shown) -> None:
    """Write everything that is known of one order."""
    audit = shown.audit
    row = audit.first
    console.line(f"{audit.order_id}  {what(audit)}")
    asked = {name: clean(text)[0] for name, text in row.arguments.items() if name in _ASKED and isinstance(text, str)}
    lines = {
        "ordered": f"{stamp(row.ordered_at)}" + (f", take {row.take}" if row.take > 1 else ""),
        "status": f"{status_of(audit)}, as of {stamp(max(each.updated_at for each in audit.rows))}",
        "project": label(row.project_id),
        "tenant": f"{label(row.organization)} at {label(row.base_url)}",
        **asked,
        "accounts": ", ".join(map(label, audit.social_account_ids)),
        "jobs": ", ".join(map(label, audit.job_ids)),
        "content": ", ".join(map(label, audit.container_ids)),
        "posts": ", ".join(map(label, audit.scheduled_post_ids)),
    }
    console.table([[name.replace("_", " "), text] for name, text in lines.items() if text])
    console.line()
    console.line(f"{'Were we charged?' if audit.spends else 'Was it posted?'} {verdict(shown)}")
    if shown.booked is not None:
        console.line(_ledger(shown.booked))
    for post in shown.posts or ():
        console.line(f"Layers' schedule: {_post(post)}.")
    console.line()
    console.line("What happened (UTC)")
    for each in shown.happenings:
        piece = f"piece {each.piece}: " if each.piece else ""
        console.line(f"  {each.at:%Y-%m-%d %H:%M:%S}  {piece}{sentence(each, spends=audit.spends)}")


def verdict(shown: Shown) -> str:
    """Return the answer to an operator's question, in a sentence or two."""
    audit = shown.audit
    once = f"once, for up to {audit.most_credits:,} credits" if audit.most_credits else "once, at an unknown price"
    code = f" ({label(audit.code)})" if audit.code else ""
    out = sum(post.status == "published" for post in shown.posts or ())
    match audit.status:
        case "reserved":
            return "No: it is in the journal, and nothing was sent yet."
        case "not sent":
            return "No: it is in the journal and was never sent."
        case "refused":
            return f"No: it certainly had no effect{code}."
        case "unanswered":
            return (
                f"Unknown: it was sent and no answer is known{code}. The same call again settles it, and nothing "
                f"happens twice."
            )
        case "failed" | "canceled" if audit.spends:
            return f"Yes, {once}; it {_ENDED[audit.status]}, and what is given back is in Layers' ledger."
        case "failed" | "canceled":
            return f"No: Layers took it on, and it {_ENDED[audit.status]}."
        case _ if audit.spends and audit.placed < audit.pieces:
            return f"Yes, for {audit.placed} of {audit.pieces} pieces so far; the same call again orders the rest."
        case _ if audit.spends:
            return f"Yes, {once}: Layers took it on."
        case "completed":
            return "Yes, once."
        case _ if out:
            return "Yes, once." if out == len(shown.posts or ()) else f"Yes, once: {out} of its posts went out."
        case _ if shown.posts:
            return "No post of it is out: Layers took this publication on, once."
        case _:
            return "Layers took this publication on, once; when it was last read it had not gone out."


_ENDED = {"failed": "failed", "canceled": "was canceled"}


def sentence(each: Happening, *, spends: bool) -> str:
    """Return one thing that happened, in plain words."""
    code = f" ({label(each.code)})" if each.code else ""
    ids = f" with {', '.join(map(label, each.ids))}" if each.ids else ""
    price = f", up to {each.credits:,} credits" if each.credits else ""
    match each.step:
        case "reserved":
            return f"reserved: in the journal{price + ' held' if price else ''}; nothing was sent yet"
        case "sent":
            return f"sent: attempt {each.attempt} left{price}"
        case "unanswered":
            return f"no answer{code}: whether attempt {each.attempt} took effect was not known"
        case "rejected":
            return f"refused{code}: attempt {each.attempt or 1} certainly had no effect"
        case "withdrawn":
            return "withdrawn: it was not sent after all"
        case "answered":
            job = f" as {label(each.job_id)}" if each.job_id else ids if not spends else ""
            waits = "; it waits for a person's approval" if each.blocked else ""
            return f"answered: Layers took it on{job}{waits}"
        case "found":
            return f"found at Layers though the answer was lost: adopted{ids}"
        case "seen":
            return f"seen: {label(each.status)}"
        case "clock went back":
            return "the clock went back: it is not sent again, since its age is not known"


def _ledger(booked: Sequence[int]) -> str:
    """Return what Layers' own ledger says of the order's content."""
    charged = -sum(each for each in booked if each < 0)
    back = sum(each for each in booked if each > 0)
    if not booked:
        return "Layers' ledger names none of its content."
    refunded = f", {back:,} given back: {charged - back:,} in all" if back else ""
    return f"Layers' ledger: {charged:,} credits charged{refunded}."


def _post(post: ScheduledPost) -> str:
    """Return the status of one scheduled post."""
    moment = post.published_at or post.scheduled_for
    where = f" on {post.platform}" if post.platform else ""
    return f"{label(post.scheduled_post_id)} is {post.status or 'there'}{where}{f', {stamp(moment)}' if moment else ''}"


def _order(shown: Shown, *, whole: bool) -> dict[str, Any]:
    """Return one order as JSON; with `whole`, with what was asked for and what happened."""
    audit = shown.audit
    row = audit.first
    document: dict[str, Any] = {
        "order_id": audit.order_id,
        "tool": row.tool,
        "mode": row.mode,
        "project_id": label(row.project_id),
        "organization": label(row.organization),
        "base_url": label(row.base_url),
        "ordered_at": stamp(row.ordered_at),
        "updated_at": stamp(max(each.updated_at for each in audit.rows)),
        "status": audit.status.replace(" ", "_"),
        "take": row.take,
        "pieces": audit.pieces if row.piece else row.variations,
        "estimated_credits": audit.most_credits if audit.spends else 0,
        "job_ids": list(map(label, audit.job_ids)),
        "container_ids": list(map(label, audit.container_ids)),
        "scheduled_post_ids": list(map(label, audit.scheduled_post_ids)),
    }
    if not whole:
        return document
    document["arguments"] = {
        name: clean(value)[0] if isinstance(value, str) else value
        for name, value in row.arguments.items()
        if name != TITLE_MARK
    }
    document["verdict"] = verdict(shown)
    if shown.posts is not None:
        document["scheduled_posts"] = [
            {"scheduled_post_id": label(post.scheduled_post_id), "status": post.status} for post in shown.posts
        ]
    if shown.booked is not None:
        document["charged_credits"] = -sum(shown.booked) if shown.booked else None
    document["events"] = [
        {
            "at": stamp(each.at),
            "event": each.step.replace(" ", "_"),
            "piece": each.piece,
            "text": sentence(each, spends=audit.spends),
        }
        for each in shown.happenings
    ]
    return document
