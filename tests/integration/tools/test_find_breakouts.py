"""The morning round: every project read once, winners first, and a reason for each that is quiet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from layers_mcp.api.errors import ForbiddenScope, NotConfigured, Unauthenticated
from layers_mcp.app import open_context
from layers_mcp.deadlines import CALL_SECONDS
from layers_mcp.lifecycle import Deadline
from layers_mcp.operations import CloneOrder
from layers_mcp.protocol import render
from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.vintages import Vintage
from layers_mcp.tools.find_breakouts import Breakouts, find_breakouts
from layers_mcp.tools.rank_top_performers import rank_top_performers
from tests.support import configured, open_tool_context
from tests.support.tool_harness import open_tool_harness
from tests.support.upstream import Reply, Upstream, pairs_of, refused


def row(rank: int, rate: float | None, views: int = 1000, **fields: Any) -> dict[str, Any]:
    organic = {"views": views, "engagementRate": rate, "platforms": ["tiktok"]}
    return {"rank": rank, "platformPostId": f"pp_{rank}", "title": f"Hook {rank}", "organic": organic, **fields}


FIELD = [row(rank, 0.02) for rank in range(2, 7)]


def agency(rankings: dict[str, list[dict[str, Any]] | Reply], *, more: bool = False) -> Upstream:
    """An organization whose projects have these rankings, or these replies instead."""
    upstream = Upstream()
    items = [{"id": project_id, "name": f"Name of {project_id}"} for project_id in rankings]
    upstream.replies["GET /v1/projects"] = {"items": items, "nextCursor": "c2" if more else None}
    for project_id, rows in rankings.items():
        reply: Reply = {"metric": "engagement_rate", "window": "30d", "items": rows} if isinstance(rows, list) else rows
        upstream.replies[f"GET /v1/projects/{project_id}/top-performers"] = reply
    return upstream


async def looked(upstream: Upstream, state_dir: Path, *project_ids: str, **arguments: Any) -> Breakouts:
    async with upstream.open_tool_context(state_dir) as context:
        return await find_breakouts(context, project_ids=project_ids, **arguments)


async def test_one_ranking_is_read_for_each_active_project(tmp_path: Path) -> None:
    upstream = agency({"prj_1": FIELD, "prj_2": FIELD})
    result = await looked(upstream, tmp_path, window="7d")
    assert pairs_of(upstream.requests[0]) == [("status", "active"), ("limit", "100")]
    assert sorted(request.url.path for request in upstream.requests[1:]) == [
        "/v1/projects/prj_1/top-performers",
        "/v1/projects/prj_2/top-performers",
    ]
    for request in upstream.requests[1:]:
        assert dict(pairs_of(request)) == {
            "metric": "engagement_rate",
            "window": "7d",
            "limit": "100",
            "includeIneligible": "true",
        }
    assert result.window == "7d"


async def test_named_projects_are_read_once_each_and_get_their_names(tmp_path: Path) -> None:
    upstream = agency({f"prj_{number}": FIELD for number in range(1, 8)})
    result = await looked(upstream, tmp_path, "prj_3", "prj_1", "prj_4", "prj_5", "prj_6", "prj_3")
    assert [(quiet.project_id, quiet.project_name) for quiet in result.quiet] == [
        (f"prj_{number}", f"Name of prj_{number}") for number in (3, 1, 4, 5, 6)
    ]
    assert len(upstream.asked("/v1/projects/prj_3/top-performers")) == 1
    assert not upstream.asked("/v1/projects/prj_2/top-performers")


async def test_a_longer_window_is_named_where_posts_are_too_few_in_this_one(tmp_path: Path) -> None:
    rankings: dict[str, list[dict[str, Any]] | Reply] = {"prj_1": FIELD, "prj_2": FIELD[:2]}
    told = (await looked(agency(rankings), tmp_path)).next_step
    assert "; a longer window may hold enough posts in 1 project;" in told
    assert "longer window" not in (await looked(agency(rankings), tmp_path, window="90d")).next_step


async def test_names_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    upstream = agency({"prj_1": [row(1, 0.082, 14820), *FIELD]})
    upstream.replies["GET /v1/projects"] = refused(403, "FORBIDDEN_SCOPE")
    result = await looked(upstream, tmp_path, "prj_1")
    assert (result.breakouts[0].project_id, result.breakouts[0].project_name) == ("prj_1", None)


async def test_the_likeliest_breakout_comes_first_and_not_the_highest_multiple(tmp_path: Path) -> None:
    rankings: dict[str, list[dict[str, Any]] | Reply] = {
        "thin": [row(1, 0.09, 55), *FIELD],
        "good": [row(1, 0.06, 20_000), *FIELD],
        "best": [row(1, 0.08, 20_000), *FIELD],
    }
    result = await looked(agency(rankings), tmp_path)
    assert [(found.project_id, found.engagement_times_median) for found in result.breakouts] == [
        ("best", 4.0),
        ("good", 3.0),
        ("thin", 4.5),
    ]
    assert result.quiet == []
    assert [found.chance_real for found in result.breakouts] == [0.98, 0.83, 0.27]
    assert result.next_step.startswith(
        "Breakout 1, not cloned yet, is 98 % likely a real breakout; expect about 7.8 % of a clone, not the 8.0 % seen."
    )


async def test_a_breakout_carries_what_a_clone_needs(tmp_path: Path) -> None:
    winner = row(1, 0.082, 14820, adsContentId="adc_1", title="Get\u200b things done.")
    content, _ = render(await looked(agency({"prj_1": [winner, *FIELD]}), tmp_path))
    assert content["breakouts"] == [
        {
            "project_id": "prj_1",
            "project_name": "Name of prj_1",
            "platform_post_id": "pp_1",
            "title": "Get things done.",
            "views": 14820,
            "engagement_rate": 0.082,
            "engagement_times_median": 4.1,
            "breakout_evidence": "solid",
            "chance_real": 0.98,
            "expected_rate": 0.07942,
            "platforms": ["tiktok"],
            "title_cut": True,
            "ads_content_id": "adc_1",
            "already_ordered": False,
        }
    ]


async def test_what_compares_platforms_is_told_where_a_project_has_several(tmp_path: Path) -> None:
    reel = {"views": 3000, "engagementRate": 0.01, "platforms": ["instagram"]}
    reels = [row(rank, 0.01, organic=reel) for rank in (7, 8)]
    result = await looked(agency({"prj_1": [row(1, 0.082, 14820), *FIELD, *reels]}), tmp_path)
    assert result.breakouts[0].expected_times_usual == pytest.approx(3.4, abs=0.3)


async def test_every_quiet_project_says_why_and_hides_no_other(tmp_path: Path) -> None:
    reel = {"views": 3000, "engagementRate": 0.039, "platforms": ["instagram"]}
    reels = [row(rank, 0.01, organic=reel | {"engagementRate": 0.01}) for rank in range(7, 12)]
    rankings: dict[str, list[dict[str, Any]] | Reply] = {
        "loud": [row(1, 0.082, 14820), *FIELD],
        "calm": [row(1, 0.03), *FIELD],
        "other platform": [row(1, 0.039, organic=reel), *FIELD, *FIELD, *reels],
        "one post": [row(1, 0.05)],
        "small": [row(1, 0.5, 10)],
        "rateless": [row(1, None)],
        "no share": [row(1, 3.2), *FIELD],
        "flat": [row(1, 0.0), row(2, 0.0), row(3, 0.0), row(4, 0.0), row(5, 0.4)],
        "gone": refused(404, "NOT_FOUND"),
    }
    result = await looked(agency(rankings), tmp_path)
    assert [found.project_id for found in result.breakouts] == ["loud"]
    assert {quiet.project_id: (quiet.reason, quiet.detail) for quiet in result.quiet} == {
        "calm": ("no_breakout", "The best is 1.50x the median of 6 posts."),
        "other platform": (
            "no_breakout",
            "The best is 1.95x the median of 16 posts. Likely real for its platform all the same: 1 post "
            "(rank_top_performers shows it).",
        ),
        "one post": ("too_few_posts", "1 ranked post with 50 views and a rate in 30d; 5 are needed to tell."),
        "small": ("too_few_posts", "0 ranked posts with 50 views and a rate in 30d; 5 are needed to tell."),
        "rateless": ("too_few_posts", "0 ranked posts with 50 views and a rate in 30d; 5 are needed to tell."),
        "no share": ("no_breakout", "The best is 1.00x the median of 5 posts."),
        "flat": ("no_breakout", "The median engagement rate is 0, so nothing can be compared with it."),
        "gone": (
            "unreadable",
            "Could not be read. NOT_FOUND (404): There is no project with this id, or it belongs to another "
            "organization.",
        ),
    }


LINKED = {"socialAccountId": "sa_1", "platform": "tiktok", "handle": "acme", "status": "connected"}


@pytest.mark.parametrize(
    ("accounts", "reason", "detail"),
    [
        ([], "not_connected", "Nothing is linked"),
        ([LINKED | {"status": "disconnected"}], "not_connected", "No linked account is connected"),
        ([LINKED | {"status": "reauth_required"}], "reauth_required", "Sign in again"),
        ([LINKED | {"connectedAt": "2026-04-17T13:50:00Z"}], "not_synced", "due by 14:20 UTC"),
        ([LINKED | {"connectedAt": "2026-04-01T00:00:00Z"}], "no_posts", "a longer window may hold older posts"),
        ([LINKED], "no_posts", "check_readiness says why"),
        (None, "unreadable", "the accounts could not be read. INTERNAL (500)"),
    ],
)
@pytest.mark.jumping
async def test_an_empty_ranking_costs_one_more_read_that_tells_why(
    tmp_path: Path, accounts: list[dict[str, Any]] | None, reason: str, detail: str
) -> None:
    upstream = agency({"prj_1": []})
    upstream.replies["GET /v1/projects/prj_1/social-accounts"] = (
        refused(500, "INTERNAL") if accounts is None else {"items": accounts}
    )
    (quiet,) = (await looked(upstream, tmp_path)).quiet
    assert quiet.reason == reason
    assert detail in quiet.detail
    (quiet,) = (await looked(upstream, tmp_path, window="90d")).quiet
    assert "longer window" not in quiet.detail


async def test_only_the_projects_own_rule_decides_as_in_the_ranking_tool(tmp_path: Path) -> None:
    upstream = agency({"prj_1": [row(1, 0.082, 14820), row(2, 0.9, 49), *FIELD[1:]]})
    async with upstream.open_tool_context(tmp_path) as context:
        ranking = await rank_top_performers(context, project_id="prj_1", metric="engagement_rate", limit=100)
        found = await find_breakouts(context)
    marked = [(item.platform_post_id, item.breakout_evidence) for item in ranking.items if item.breakout]
    assert (
        [(found.platform_post_id, found.breakout_evidence) for found in found.breakouts]
        == marked
        == [("pp_1", "solid")]
    )


async def test_thin_evidence_alone_advises_to_wait(tmp_path: Path) -> None:
    result = await looked(agency({"prj_1": [row(1, 0.09, 55), *FIELD]}), tmp_path)
    assert "thin evidence" in result.next_step
    assert "real with a chance of 27 %: more views tell quality from luck." in result.next_step
    assert "clone_post" not in result.next_step


async def test_a_round_without_breakouts_asks_for_nothing(tmp_path: Path) -> None:
    assert (await looked(agency({"prj_1": FIELD}), tmp_path)).next_step.startswith(
        "No breakout, so there is nothing to clone"
    )
    nobody = await looked(agency({}), tmp_path)
    assert (nobody.breakouts, nobody.quiet, nobody.notes) == ([], [], [])
    assert "list_projects" in nobody.next_step


async def test_a_read_only_server_names_no_tool_that_it_does_not_have(tmp_path: Path) -> None:
    async with agency({"prj_1": [row(1, 0.082, 14820), *FIELD]}).open_tool_context(tmp_path, read_only=True) as context:
        result = await find_breakouts(context)
    assert result.next_step.startswith("Breakout 1, not cloned yet, is 98 % likely")
    assert "clone_post" not in result.next_step
    assert "read-only" in result.next_step


async def test_projects_that_could_not_be_read_are_not_counted_as_quiet_ones_in_the_next_step(tmp_path: Path) -> None:
    upstream = agency({"prj_1": FIELD, "gone": refused(404, "NOT_FOUND")})
    assert "1 of 2 projects" in (await looked(upstream, tmp_path)).next_step
    nothing = await looked(upstream, tmp_path, "gone", "gone too")
    assert nothing.next_step.startswith("No project could be read")
    assert nothing.notes == []


def city(count: int) -> Upstream:
    """An agency of `count` active projects, newest first, in pages of at most 100."""
    upstream = agency({f"prj_{number}": FIELD for number in range(count)})

    def page(request: httpx2.Request) -> dict[str, Any]:
        query = dict(pairs_of(request))
        start, size = int(query.get("cursor", 0)), int(query["limit"])
        names = [{"id": f"prj_{number}", "name": f"P{number}"} for number in range(start, min(start + size, count))]
        return {"items": names, "nextCursor": str(start + size) if start + size < count else None}

    upstream.replies["GET /v1/projects"] = page
    return upstream


async def test_every_project_is_reached_a_hundred_a_call_and_told_how_many_are_left(tmp_path: Path) -> None:
    upstream = city(130)
    first = await looked(upstream, tmp_path)
    assert len(first.quiet) == 100
    assert first.next_cursor
    assert "Not looked at yet: 30 active projects; next_cursor goes on with them." in first.notes
    rest = await looked(upstream, tmp_path, cursor=first.next_cursor)
    assert [quiet.project_id for quiet in rest.quiet] == [f"prj_{number}" for number in range(100, 130)]
    assert rest.next_cursor is None
    assert not any("Not looked at" in note for note in rest.notes)


async def test_forty_projects_are_one_call(tmp_path: Path) -> None:
    result = await looked(city(40), tmp_path)
    assert (len(result.quiet), result.next_cursor) == (40, None)


async def test_a_cursor_that_leads_back_ends_the_round(tmp_path: Path) -> None:
    upstream = agency({"prj_1": FIELD}, more=True)
    assert (await looked(upstream, tmp_path)).next_cursor == "c2"
    assert (await looked(upstream, tmp_path, cursor="c2")).next_cursor is None


async def test_what_is_left_stays_uncounted_where_it_cannot_be_read(tmp_path: Path) -> None:
    upstream = city(130)
    pages = upstream.replies["GET /v1/projects"]
    assert callable(pages)
    upstream.replies["GET /v1/projects"] = [pages, refused(403, "FORBIDDEN_SCOPE")]
    result = await looked(upstream, tmp_path)
    assert "Not looked at yet: more active projects; next_cursor goes on with them." in result.notes


async def test_a_median_of_a_full_page_is_noted(tmp_path: Path) -> None:
    result = await looked(agency({"prj_1": [row(rank, 0.02) for rank in range(1, 101)]}), tmp_path)
    assert any("top 100 posts" in note for note in result.notes)


async def test_a_wrong_key_is_an_error_and_no_quiet_project(tmp_path: Path) -> None:
    upstream = agency({"prj_1": refused(401, "UNAUTHENTICATED")})
    with pytest.raises(Unauthenticated):
        await looked(upstream, tmp_path, "prj_1")


async def test_a_key_without_the_scope_is_an_error_and_not_a_quiet_project_each(tmp_path: Path) -> None:
    forbidden = refused(403, "FORBIDDEN_SCOPE")
    with pytest.raises(ForbiddenScope, match="lacks the scope metrics:read"):
        await looked(agency({"prj_1": forbidden, "prj_2": forbidden}), tmp_path)
    half = await looked(agency({"prj_1": forbidden, "prj_2": [row(1, 0.082), *FIELD]}), tmp_path / "half")
    assert [quiet.reason for quiet in half.quiet] == ["unreadable"]


async def test_a_cursor_beside_named_projects_is_noted(tmp_path: Path) -> None:
    result = await looked(agency({"prj_1": [row(1, 0.082), *FIELD]}), tmp_path, "prj_1", cursor="c2")
    assert "cursor applies to the active projects only." in result.notes


async def test_no_key_at_all_is_an_error(tmp_path: Path) -> None:
    transport = Upstream().transport
    for project_ids in ((), ("prj_1",)):
        async with open_context(**configured(state_dir=tmp_path), transport=transport) as context:
            with pytest.raises(NotConfigured):
                await find_breakouts(context, project_ids=project_ids)


@pytest.mark.jumping
@pytest.mark.parametrize("listing_seconds", [0, 9])
async def test_projects_that_never_answer_end_up_quiet_in_time_and_the_others_still_come(
    tmp_path: Path, listing_seconds: float
) -> None:
    slow = [f"slow_{number}" for number in range(9)]  # more than are read at once
    upstream = agency({"loud": [row(1, 0.082, 14820), *FIELD], **dict.fromkeys(slow, FIELD)})

    class Slow(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await anyio.sleep(3600 if "slow" in request.url.path else 0)
            await anyio.sleep(listing_seconds if request.url.path == "/v1/projects" else 0)
            return await upstream(request)

    settings = configured(api_key="lp_test_x", base_url="https://api.layers.test", state_dir=tmp_path)
    began = anyio.current_time()
    async with open_context(**settings, transport=Slow()) as context:
        result = await find_breakouts(replace(context, deadline=Deadline(CALL_SECONDS)))
        assert anyio.current_time() - began < CALL_SECONDS
    assert [found.project_id for found in result.breakouts] == ["loud"]
    assert [quiet.project_id for quiet in result.quiet] == slow
    assert {(quiet.reason, quiet.detail[:18]) for quiet in result.quiet} == {("unreadable", "Could not be read.")}


async def test_a_post_that_was_cloned_before_is_marked_and_no_longer_proposed(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        acme = sandbox.project_id("acme-todo")
        async with open_tool_context(sandbox, tmp_path) as context:
            before = await find_breakouts(context, project_ids=(acme,))
            winner = before.breakouts[0]
            assert not winner.already_ordered
            post = winner.platform_post_id
            assert post is not None
            await context.operations.orders.place(CloneOrder(project_id=acme, source_platform_post_id=post))
            after = await find_breakouts(context, project_ids=(acme,))
    assert {found.platform_post_id: found.already_ordered for found in after.breakouts}[post]
    assert not any(found.already_ordered for found in after.breakouts if found.platform_post_id != post)
    assert "review_commissions" in after.next_step


@pytest.mark.parametrize("vintage", ["preview", "current"])
@pytest.mark.jumping
async def test_a_post_whose_hook_was_ordered_is_not_proposed_again(tmp_path: Path, vintage: Vintage) -> None:
    async with open_tool_harness(tmp_path, speaks=vintage) as harness:
        scan = {"project_ids": [harness.project]}
        winner = (await harness.facts("find_breakouts", **scan))["breakouts"][0]["platform_post_id"]
        order = {"project_id": harness.project, "source_platform_post_id": winner}
        await harness.facts("generate_with_hook", **order)
        after = await harness.facts("find_breakouts", **scan)
    assert [row["platform_post_id"] for row in after["breakouts"] if row["already_ordered"]] == [winner]
    assert "review_commissions" in after["next_step"]


async def test_a_clone_order_that_failed_does_not_count_as_ordered(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        acme = sandbox.project_id("acme-todo")
        async with open_tool_context(sandbox, tmp_path) as context:
            post = (await find_breakouts(context, project_ids=(acme,))).breakouts[0].platform_post_id
            assert post is not None
            placed = await context.operations.orders.place(CloneOrder(project_id=acme, source_platform_post_id=post))
            assert placed.record is not None
            await context.api.jobs.cancel(placed.record.job_id)
            sandbox.advance(timedelta(minutes=1))
            await context.operations.history.record_job(await context.api.jobs.get(placed.record.job_id))
            after = await find_breakouts(context, project_ids=(acme,))
    assert not any(found.already_ordered for found in after.breakouts)


async def test_a_journal_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    (tmp_path / "orders.db").write_bytes(b"no database at all, whatever its name says" * 50)
    result = await looked(agency({"prj_1": [row(1, 0.082, 14820), *FIELD]}), tmp_path)
    assert result.breakouts[0].already_ordered is False
    assert result.notes[-1].startswith("already_ordered may miss orders:")
