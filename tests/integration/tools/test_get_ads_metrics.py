"""Paid results over time: the request, the shape, and what money means."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from layers_mcp.protocol import ToolError
from layers_mcp.protocol.arguments import validate
from layers_mcp.protocol.schema import describe
from layers_mcp.tools.get_ads_metrics import MONEY_NOTE, get_ads_metrics
from tests.support.tool_harness import open_tool_harness, text_of
from tests.support.upstream import Upstream, pairs_of

PROJECT = "prj_01HX9Y7K8M2P4RSTUV56789AB"
ADS = f"GET /v1/projects/{PROJECT}/ads-metrics"
NOW = datetime(2026, 4, 17, 9, 30, tzinfo=UTC)


def answer() -> Upstream:
    window = {"since": "2026-04-10T00:00:00Z", "until": "2026-04-17T00:00:00Z", "granularity": "day"}
    series = [{"bucket": "2026-04-16", "spend": 12.5, "conversions": 3, "cpa": 4.17, "roas": 2.1}]
    totals = {"spend": 12.5, "conversions": 3, "cpa": 4.17, "roas": 2.1}
    upstream = Upstream()
    upstream.replies[ADS] = {"scope": "project", "id": PROJECT, "window": window, "series": series, "totals": totals}
    return upstream


async def test_the_defaults_ask_for_a_week_of_what_the_project_earned(tmp_path: Path) -> None:
    upstream = answer()
    async with upstream.open_tool_context(tmp_path, now=NOW) as context:
        result = await get_ads_metrics(context, project_id=PROJECT)
    assert [pairs_of(request) for request in upstream.requests] == [
        [
            ("scope", "project"),
            ("id", PROJECT),
            ("metrics", "spend"),
            ("metrics", "conversions"),
            ("metrics", "cpa"),
            ("metrics", "roas"),
            ("since", "2026-04-10T09:30:00Z"),
            ("until", "2026-04-17T09:30:00Z"),
            ("granularity", "day"),
        ]
    ]
    assert result.series == [{"bucket": "2026-04-16", "spend": 12.5, "conversions": 3, "cpa": 4.17, "roas": 2.1}]
    assert result.totals == {"spend": 12.5, "conversions": 3, "cpa": 4.17, "roas": 2.1}
    assert result.as_of == "2026-04-17T09:30:00Z"
    assert result.notes == [MONEY_NOTE]


async def test_no_data_is_explained_by_paid_results_not_by_the_sync_of_posts(tmp_path: Path) -> None:
    upstream = Upstream()
    upstream.replies[ADS] = {"series": [], "totals": {}}
    async with upstream.open_tool_context(tmp_path, now=NOW) as context:
        result = await get_ads_metrics(context, project_id=PROJECT)
    assert result.notes == [
        "No data in this window. check_readiness says whether this project has paid results.",
        MONEY_NOTE,
    ]


async def test_a_campaign_and_platforms_are_sent_as_they_were_named(tmp_path: Path) -> None:
    upstream = answer()
    async with upstream.open_tool_context(tmp_path, now=NOW) as context:
        await get_ads_metrics(
            context,
            project_id=PROJECT,
            scope="campaign",
            id="cmp_1",
            metrics=("ctr",),
            platforms=("meta_ads", "apple_ads", "meta_ads"),
            granularity="week",
        )
    query = pairs_of(upstream.requests[0])
    assert [pair for pair in query if pair[0] in ("scope", "id", "metrics", "platforms", "granularity")] == [
        ("scope", "campaign"),
        ("id", "cmp_1"),
        ("metrics", "ctr"),
        ("platforms", "meta_ads"),
        ("platforms", "apple_ads"),
        ("granularity", "week"),
    ]


async def test_a_reversed_window_or_a_scope_without_its_id_is_refused_before_any_request(tmp_path: Path) -> None:
    upstream = answer()
    async with upstream.open_tool_context(tmp_path, now=NOW) as context:
        with pytest.raises(ToolError, match="before `until`"):
            await get_ads_metrics(context, project_id=PROJECT, since="1d", until="2d")
        with pytest.raises(ToolError, match="`id` is needed"):
            await get_ads_metrics(context, project_id=PROJECT, scope="ad")
    assert upstream.requests == []


def test_an_organic_metric_is_refused_and_the_refusal_points_to_the_organic_tool() -> None:
    with pytest.raises(ToolError) as refusal:
        validate(describe(get_ads_metrics)["inputSchema"], {"project_id": PROJECT, "metrics": "engagement_rate"})
    assert "get_metrics" in str(refusal.value)


@pytest.mark.jumping
async def test_an_api_that_lost_paid_series_while_the_server_runs_says_what_tells_them(tmp_path: Path) -> None:
    async with open_tool_harness(tmp_path) as harness:
        await harness.ordered()  # the vintage is known by then
        assert (await harness.facts("get_ads_metrics", project_id=harness.project))["totals"] is not None
        harness.sandbox.speak("current")
        text = text_of(await harness.call("get_ads_metrics", {"project_id": harness.project}))
    assert text.startswith("NOT_SUPPORTED: This API has no paid metrics over time")
    assert "rank_top_performers" in text
