"""What both commissioning tools share: placing the order, and reporting its status."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from layers_mcp.analytics.metrics import FULL_RANKING
from layers_mcp.api.errors import LayersError
from layers_mcp.api.models import ReviewPolicy
from layers_mcp.context import ToolContext
from layers_mcp.deadlines import ORDER_ANSWER_SECONDS, ORDER_EXTRAS_SECONDS, POLICY_AGE_SECONDS
from layers_mcp.operations import CloneOrder, HookOrder, Limits, Placement, SimilarOrder
from layers_mcp.operations.terms import HELD_IN_PART, Terms
from layers_mcp.protocol import Result, invalid_argument
from layers_mcp.protocol.elicitation import Question
from layers_mcp.text.times import stamp
from layers_mcp.tools._gather_settled import GatherSettled
from layers_mcp.tools._questions import name_of, order_text
from layers_mcp.tools._schedule import find_project

T = TypeVar("T", CloneOrder, HookOrder)


class Similar(Result):
    commission_id: str
    ordered_at: str
    status: str
    differs_in: list[str]


class Commission(Result):
    commission_id: str | None = None
    status: str
    job_id: str | None = None
    job_ids: list[str] | None = None
    container_ids: list[str]
    kind: str | None = None
    replayed: bool
    ordered_at: str | None = None
    take: int
    next_take: int | None = None
    similar_orders: list[Similar]
    held_for_approval: bool | None = None
    variations: int
    estimated_credits: int | None = None
    credits_available: int | None = None
    credits_ordered_today: int | None = None
    notes: list[str]
    next_step: str


def checked_order(make: Callable[[], T]) -> T:
    """Return the order that `make` builds. Raises `ToolError` where a text of it cannot be ordered."""
    try:
        order = make()
    except ValueError:
        raise invalid_argument("A text argument is not valid Unicode.", "Leave out broken characters.") from None
    by_hook = isinstance(order, HookOrder) and not order.hook_is_title
    for name in ("project_id", "hook" if by_hook else "source_platform_post_id"):
        if getattr(order, name) == "":
            raise invalid_argument(f"`{name}` must not be blank.")
    return order


async def commission(
    context: ToolContext,
    order: CloneOrder | HookOrder,
    *,
    max_credits: int,
    require_approval: bool,
    dry_run: bool,
) -> Commission:
    """Place the order, or preview it. Raises `OperationError` where it is refused, and as the client does."""
    limits = Limits(max_credits=max_credits, require_approval=require_approval)
    orders = context.operations.orders
    if dry_run:
        placement = await orders.preview(order, limits)
    else:
        consent = _Consent(context, order) if context.asks else None
        placement = await orders.place(
            order, limits, consent=consent, deadline=context.deadline, keep=ORDER_ANSWER_SECONDS
        )
    async with GatherSettled(context.deadline, seconds=ORDER_EXTRAS_SECONDS, keep=ORDER_ANSWER_SECONDS) as reads:
        policy = reads.start(context.api.projects.review_policy, order.project_id, seconds=POLICY_AGE_SECONDS)
        credit = None if placement.balance is not None else reads.start(context.api.credits.get)
    funds = credit.or_else(None) if credit else None
    balance = funds.spendable if funds else placement.balance
    return _commission(order, placement, policy.outcome, balance)


class _Consent:
    """Has a person confirm a new order at its terms. Names for what its ids stand for are read once it is asked."""

    def __init__(self, context: ToolContext, order: CloneOrder | HookOrder) -> None:
        self._context = context
        self._order = order
        self._names: tuple[str, str] | None = None

    async def __call__(self, terms: Terms) -> None:
        about = f"{self._order.identity} {terms.estimated_credits} {terms.held}"
        await self._context.ask(Question("order", about, partial(self._write, terms)))

    async def _write(self, terms: Terms) -> str:
        self._names = self._names or await self._read_names()
        project, source = self._names
        similar = await self._context.operations.orders.similar(self._order)
        return order_text(self._order, terms, project=project, source=source, similar=len(similar))

    async def _read_names(self) -> tuple[str, str]:
        """Return project and source by name, each by its id where that cannot be read."""
        order, api = self._order, self._context.api
        rank = partial(
            api.metrics.top_performers,
            order.project_id,
            metric="views",
            window="90d",
            limit=FULL_RANKING,
            include_ineligible=True,
        )
        deadline = self._context.deadline
        async with GatherSettled(deadline, seconds=ORDER_EXTRAS_SECONDS, keep=ORDER_ANSWER_SECONDS) as reads:
            listed = reads.start(find_project, self._context, order.project_id)
            ranked = reads.start(rank) if isinstance(order, CloneOrder) else None
        project = name_of(listed.or_else(None), order.project_id)
        if isinstance(order, HookOrder):
            return project, order.hook
        ranking = ranked.or_else(None) if ranked else None
        posts = ranking.items if ranking else ()
        post = order.source_platform_post_id
        return project, next((row.title for row in posts if row.platform_post_id == post), "") or post


def _commission(
    order: CloneOrder | HookOrder,
    placement: Placement,
    policy: ReviewPolicy | LayersError,
    balance: int | None,
) -> Commission:
    record = placement.record
    held, held_note = _held(policy)
    notes = [*_replay_notes(placement), *placement.notes, *_unnamed_notes(placement)]
    if held_note and held_note not in notes:
        notes.append(held_note)
    if balance is None:
        notes.append("The credit balance could not be read just now.")
    if placement.similar:
        notes.append("Orders of the last hour from the same source are in similar_orders; each is charged by itself.")
    return Commission(
        commission_id=record and record.commission_id,
        status=record.status if record else "not_ordered",
        job_id=(record and record.job_id) or None,
        job_ids=list(record.job_ids) if record and len(record.job_ids) > 1 else None,
        container_ids=list(record.container_ids) if record else [],
        kind=(record and record.kind) or None,
        replayed=placement.replayed,
        ordered_at=stamp(record.ordered_at) if record else None,
        take=order.take,
        next_take=placement.next_take,
        similar_orders=[_similar(each) for each in placement.similar],
        held_for_approval=held,
        variations=order.variations,
        estimated_credits=placement.estimated_credits,
        credits_available=balance,
        credits_ordered_today=placement.credits_ordered_today,
        notes=notes,
        next_step=_next_step(order, placement),
    )


def _held(policy: ReviewPolicy | LayersError) -> tuple[bool | None, str]:
    """Return whether finished content waits for a person; None, and why, where that is not known."""
    if isinstance(policy, LayersError):
        return None, "The project's review policy could not be read: finished content may go live without a review."
    held = policy.holds_everything
    if held is None:
        return None, HELD_IN_PART
    return held, ""


def _replay_notes(placement: Placement) -> list[str]:
    record = placement.record
    if record is None or not placement.replayed or placement.recovered:
        return []
    when = stamp(record.ordered_at)
    if record.status == "unknown":
        return [f"This order was sent at {when} and never answered: whether it was placed is not known."]
    return [f"This order was placed at {when}: nothing was ordered or charged again."]


def _unnamed_notes(placement: Placement) -> list[str]:
    """Return what becomes of containers that are not named yet; an order placed in part has a note of its own."""
    record = placement.record
    if record is None or record.status not in ("running", "completed"):
        return []
    named, wanted = len(record.container_ids), record.variations
    placed = sum(row.variations for row in placement.rows if row.status not in ("reserved", "unknown", "refused"))
    if named >= wanted or placed < wanted:
        return []
    if record.status == "running":
        return [f"Containers named so far: {named} of {wanted}; the rest follow when the job ends."]
    return [f"Its job named {named} of {wanted} containers: get_content with the project_id shows what was made."]


def _next_step(order: CloneOrder | HookOrder, placement: Placement) -> str:
    record = placement.record
    if record is None:
        return placement.next_step or "Call again without dry_run to order it."
    if record.status == "unknown":
        return "Call again without dry_run to learn whether it was placed: it is not charged twice."
    if record.status == "running" and record.job_id:
        what = "these job_ids" if len(record.job_ids) > 1 else "this job_id"
        return f"Wait for the content with wait_job and {what}."
    if record.status in ("running", "completed") and record.container_ids:
        return "Look at the content with get_content and these container_ids."
    if record.status in ("running", "completed"):
        return "Look at the project's newest content with get_content and its project_id."
    if placement.next_take is None:
        return "Change the order: every take of this one is used."
    return f"Order it again with take={placement.next_take} if it is still wanted."


def _similar(order: SimilarOrder) -> Similar:
    record = order.record
    return Similar(
        commission_id=record.commission_id,
        ordered_at=stamp(record.ordered_at),
        status=record.status,
        differs_in=list(order.differs_in),
    )
