"""The morning round: every project read once, winners first, and a reason for each that is quiet."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from layers_mcp.api.errors import NotConfigured, Unauthenticated
from layers_mcp.app import open_context
from layers_mcp.operations import CloneOrder
from layers_mcp.protocol import render
from layers_mcp.sandbox import Sandbox
from layers_mcp.tools.find_breakouts import Breakouts, find_breakouts
from layers_mcp.tools.rank_top_performers import rank_top_performers
from tests.integration.tools.scripted import Reply, Upstream, pairs_of, refusal
from tests.support import configured, open_workspace


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
    async with upstream.workspace(state_dir) as ws:
        return await find_breakouts(ws, project_ids=project_ids, **arguments)


async def test_one_ranking_is_read_for_each_active_project(tmp_path: Path) -> None:
    upstream = agency({"prj_1": FIELD, "prj_2": FIELD})
    result = await looked(upstream, tmp_path, window="7d")
    assert pairs_of(upstream.requests[0]) == [("status", "active"), ("limit", "25")]
    assert sorted(request.url.path for request in upstream.requests[1:]) == [
        "/v1/projects/prj_1/top-performers",
        "/v1/projects/prj_2/top-performers",
    ]
    for request in upstream.requests[1:]:
        assert pairs_of(request) == [("metric", "engagement_rate"), ("window", "7d"), ("limit", "100")]
    assert result.window == "7d"


async def test_named_projects_are_read_once_each_and_get_their_names(tmp_path: Path) -> None:
    upstream = agency({f"prj_{number}": FIELD for number in range(1, 8)})
    result = await looked(upstream, tmp_path, "prj_3", "prj_1", "prj_4", "prj_5", "prj_6", "prj_3")
    assert [(quiet.project_id, quiet.project_name) for quiet in result.quiet] == [
        (f"prj_{number}", f"Name of prj_{number}") for number in (3, 1, 4, 5, 6)
    ]
    assert len(upstream.asked("/v1/projects/prj_3/top-performers")) == 1
    assert not upstream.asked("/v1/projects/prj_2/top-performers")


async def test_names_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    upstream = agency({"prj_1": [row(1, 0.082, 14820), *FIELD]})
    upstream.replies["GET /v1/projects"] = refusal(403, "FORBIDDEN_SCOPE")
    result = await looked(upstream, tmp_path, "prj_1")
    assert (result.breakouts[0].project_id, result.breakouts[0].project_name) == ("prj_1", None)


async def test_solid_breakouts_come_before_thin_ones_and_then_the_highest_multiple(tmp_path: Path) -> None:
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
    assert result.next_step.startswith("Breakout 1 of this list is solid")


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
            "engagement_rate_range": [pytest.approx(0.0777, abs=1e-4), pytest.approx(0.0865, abs=1e-4)],
            "engagement_times_median": 4.1,
            "breakout_evidence": "solid",
            "platforms": ["tiktok"],
            "ads_content_id": "adc_1",
            "already_ordered": False,
        }
    ]


async def test_every_quiet_project_says_why_and_hides_no_other(tmp_path: Path) -> None:
    rankings: dict[str, list[dict[str, Any]] | Reply] = {
        "loud": [row(1, 0.082, 14820), *FIELD],
        "calm": [row(1, 0.03), *FIELD],
        "empty": [],
        "small": [row(1, 0.5, 10)],
        "rateless": [row(1, None)],
        "flat": [row(1, 0.0), row(2, 0.0), row(3, 0.4)],
        "gone": refusal(404, "NOT_FOUND"),
    }
    result = await looked(agency(rankings), tmp_path)
    assert [found.project_id for found in result.breakouts] == ["loud"]
    reasons = {quiet.project_id: quiet.reason for quiet in result.quiet}
    assert reasons["calm"] == "No breakout: the best is 1.50x the median of 6 posts."
    assert (
        reasons["empty"] == "Nothing is ranked in 30d; check_readiness tells why; a longer window may hold older posts."
    )
    (empty, *_) = (await looked(agency({"empty": []}), tmp_path, window="90d")).quiet
    assert empty.reason == "Nothing is ranked in 90d; check_readiness tells why."
    assert reasons["small"] == reasons["rateless"] == "No ranked post has 50 views and a rate (ranked: 1)."
    assert "median engagement rate is 0" in reasons["flat"]
    assert reasons["gone"].startswith("Could not be read. NOT_FOUND (404)")


async def test_only_the_projects_own_rule_decides_as_in_the_ranking_tool(tmp_path: Path) -> None:
    upstream = agency({"prj_1": [row(1, 0.082, 14820), row(2, 0.9, 49), *FIELD[1:]]})
    async with upstream.workspace(tmp_path) as ws:
        ranking = await rank_top_performers(ws, project_id="prj_1", metric="engagement_rate", limit=100)
        found = await find_breakouts(ws)
    marked = [(item.platform_post_id, item.breakout_evidence) for item in ranking.items if item.breakout]
    assert (
        [(found.platform_post_id, found.breakout_evidence) for found in found.breakouts]
        == marked
        == [("pp_1", "solid")]
    )


async def test_thin_evidence_alone_advises_to_wait(tmp_path: Path) -> None:
    result = await looked(agency({"prj_1": [row(1, 0.09, 55), *FIELD]}), tmp_path)
    assert "thin evidence" in result.next_step
    assert "clone_post" not in result.next_step


async def test_a_round_without_breakouts_asks_for_nothing(tmp_path: Path) -> None:
    assert (await looked(agency({"prj_1": FIELD}), tmp_path)).next_step.startswith("No breakout, so nothing")
    nobody = await looked(agency({}), tmp_path)
    assert (nobody.breakouts, nobody.quiet, nobody.notes) == ([], [], [])
    assert "list_projects" in nobody.next_step


async def test_a_read_only_server_names_no_tool_that_it_does_not_have(tmp_path: Path) -> None:
    async with agency({"prj_1": [row(1, 0.082, 14820), *FIELD]}).workspace(tmp_path, read_only=True) as ws:
        result = await find_breakouts(ws)
    assert result.next_step.startswith("Breakout 1 of this list is solid")
    assert "clone_post" not in result.next_step
    assert "read-only" in result.next_step


async def test_projects_that_could_not_be_read_are_not_counted_as_quiet_ones_in_the_next_step(tmp_path: Path) -> None:
    upstream = agency({"prj_1": FIELD, "gone": refusal(404, "NOT_FOUND")})
    assert "1 of 2 projects" in (await looked(upstream, tmp_path)).next_step
    nothing = await looked(upstream, tmp_path, "gone", "gone too")
    assert nothing.next_step.startswith("No project could be read")
    assert nothing.notes == []


async def test_more_projects_than_one_round_holds_are_noted(tmp_path: Path) -> None:
    result = await looked(agency({"prj_1": FIELD}, more=True), tmp_path)
    assert any("newest 25 active projects" in note for note in result.notes)


async def test_a_median_of_a_full_page_is_noted(tmp_path: Path) -> None:
    result = await looked(agency({"prj_1": [row(rank, 0.02) for rank in range(1, 101)]}), tmp_path)
    assert any("top 100 posts" in note for note in result.notes)


async def test_a_wrong_key_is_an_error_and_no_quiet_project(tmp_path: Path) -> None:
    upstream = agency({"prj_1": refusal(401, "UNAUTHENTICATED")})
    with pytest.raises(Unauthenticated):
        await looked(upstream, tmp_path, "prj_1")


async def test_no_key_at_all_is_an_error(tmp_path: Path) -> None:
    transport = Upstream().transport
    for project_ids in ((), ("prj_1",)):
        async with open_context(**configured(state_dir=tmp_path), transport=transport) as ws:
            with pytest.raises(NotConfigured):
                await find_breakouts(ws, project_ids=project_ids)


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
    async with open_context(**settings, transport=Slow()) as ws:
        result = await find_breakouts(ws)
        assert anyio.current_time() - began < 43
    assert [found.project_id for found in result.breakouts] == ["loud"]
    assert [quiet.project_id for quiet in result.quiet] == slow
    assert {quiet.reason[:18] for quiet in result.quiet} == {"Could not be read."}


async def test_a_post_that_was_cloned_before_is_marked_and_no_longer_proposed(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        acme = sandbox.project_id("acme-todo")
        async with open_workspace(sandbox, tmp_path) as ws:
            before = await find_breakouts(ws, project_ids=(acme,))
            winner = before.breakouts[0]
            assert not winner.already_ordered
            post = winner.platform_post_id
            assert post is not None
            await ws.operations.place(CloneOrder(project_id=acme, source_platform_post_id=post))
            after = await find_breakouts(ws, project_ids=(acme,))
    assert {found.platform_post_id: found.already_ordered for found in after.breakouts}[post]
    assert not any(found.already_ordered for found in after.breakouts if found.platform_post_id != post)
    assert "review_commissions" in after.next_step


async def test_a_clone_order_that_failed_does_not_count_as_ordered(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        acme = sandbox.project_id("acme-todo")
        async with open_workspace(sandbox, tmp_path) as ws:
            post = (await find_breakouts(ws, project_ids=(acme,))).breakouts[0].platform_post_id
            assert post is not None
            placed = await ws.operations.place(CloneOrder(project_id=acme, source_platform_post_id=post))
            assert placed.record is not None
            await ws.api.jobs.cancel(placed.record.job_id)
            sandbox.advance(timedelta(minutes=1))
            await ws.operations.settle(await ws.api.jobs.get(placed.record.job_id))
            after = await find_breakouts(ws, project_ids=(acme,))
    assert not any(found.already_ordered for found in after.breakouts)


async def test_a_journal_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    (tmp_path / "orders.db").write_bytes(b"no database at all, whatever its name says" * 50)
    result = await looked(agency({"prj_1": [row(1, 0.082, 14820), *FIELD]}), tmp_path)
    assert result.breakouts[0].already_ordered is False
    assert result.notes[-1].startswith("already_ordered may miss orders:")
