"""Real titles in many scripts stay what they are, wherever a text goes: shown, ordered, kept, and told again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from layers_mcp.tools.find_breakouts import find_breakouts
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.get_content import get_content
from layers_mcp.tools.list_ads_content import list_ads_content
from layers_mcp.tools.rank_top_performers import rank_top_performers
from layers_mcp.tools.review_commissions import review_commissions
from tests.support.texts import ALL_TITLES, ATTACKS
from tests.support.upstream import Upstream, ok

PROJECT = "prj_1"
CONTENT = f"/v1/projects/{PROJECT}/content"


def organization(texts: list[str]) -> Upstream:
    """A project whose posts, creatives and containers carry these texts, and which takes orders."""
    upstream = Upstream()
    rows = [_row(rank, text) for rank, text in enumerate(texts, 1)]
    containers = [
        {
            "id": f"cnt_{number}",
            "projectId": PROJECT,
            "status": "completed",
            "hook": text,
            "caption": f"{text}\n\n{text}",
        }
        for number, text in enumerate(texts)
    ]

    def order(request: httpx2.Request) -> httpx2.Response:
        number = len(upstream.asked(CONTENT))
        return ok({"jobId": f"job_{number}", "status": "running", "containerId": f"cnt_new_{number}"}, 202)

    upstream.replies |= {
        "GET /v1/projects": {"items": [{"id": PROJECT, "name": "acme"}]},
        "GET /v1/credits": {"balance": 9_000, "estimatedCreditsPerFormat": {"auto": 120}},
        f"GET /v1/projects/{PROJECT}/top-performers": {"items": rows},
        f"GET /v1/projects/{PROJECT}/ads-content": {
            "items": [{"adsContentId": f"adc_{number}", "title": text} for number, text in enumerate(texts)]
        },
        f"GET {CONTENT}": {"items": containers},
        f"POST {CONTENT}": order,
    }
    return upstream


def _row(rank: int, title: str) -> dict[str, Any]:
    organic = {"views": 3_000, "engagementRate": 0.2 if rank < 25 else 0.02, "platforms": ["tiktok"]}
    return {"rank": rank, "platformPostId": f"pp_{rank}", "title": title, "metricValue": 0.02, "organic": organic}


async def test_every_title_is_shown_as_it_was_written(tmp_path: Path) -> None:
    async with organization(ALL_TITLES).open_tool_context(tmp_path) as context:
        ranking = await rank_top_performers(context, project_id=PROJECT, metric="engagement_rate", limit=100)
        creatives = await list_ads_content(context, project_id=PROJECT, limit=100)
        breakouts = await find_breakouts(context, project_ids=(PROJECT,))
        content = await get_content(context, project_id=PROJECT, limit=50)
    assert {(row.title, row.title_cut) for row in ranking.items} == {(title, None) for title in ALL_TITLES}
    assert {(row.title, row.title_cut) for row in creatives.items} == {(title, None) for title in ALL_TITLES}
    assert {row.title for row in breakouts.breakouts} <= set(ALL_TITLES)
    assert breakouts.breakouts
    shown = {(item.hook, item.hook_cut, item.caption, item.caption_cut) for item in content.items}
    assert shown == {(title, None, f"{title}\n\n{title}", None) for title in ALL_TITLES}


@pytest.mark.parametrize("titles", [ALL_TITLES[::9], pytest.param(ALL_TITLES, marks=pytest.mark.slow)])
async def test_every_title_is_ordered_kept_and_told_again_as_it_was_written(titles: list[str], tmp_path: Path) -> None:
    upstream = organization(titles)
    async with upstream.open_tool_context(tmp_path) as context:
        for title in titles:
            await generate_with_hook(context, project_id=PROJECT, hook=title)
            again = await generate_with_hook(context, project_id=PROJECT, hook=title)
            similar = await generate_with_hook(context, project_id=PROJECT, hook=title, cta="Now", dry_run=True)
            assert again.replayed
            assert [order.commission_id for order in similar.similar_orders] == [again.commission_id]
        review = await review_commissions(context, limit=100)
    sent = [json.loads(request.content)["brief"]["hook"] for request in upstream.asked(CONTENT) if request.content]
    assert sent == titles
    assert {row.hook for row in review.commissions} == set(titles)


@pytest.mark.parametrize("attack", sorted(ATTACKS.keys() - {"halves of pairs"}))  # a reader replaces them by a sign
async def test_an_attack_is_shown_without_what_it_hides_and_is_marked(tmp_path: Path, attack: str) -> None:
    text, shown = ATTACKS[attack]
    async with organization([text, *ALL_TITLES[:9]]).open_tool_context(tmp_path) as context:
        ranking = await rank_top_performers(context, project_id=PROJECT, metric="engagement_rate")
        content = await get_content(context, project_id=PROJECT)
    assert (ranking.items[0].title, ranking.items[0].title_cut) == (shown, True)
    assert content.items[0].hook_cut
