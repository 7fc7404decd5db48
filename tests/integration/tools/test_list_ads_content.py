"""The scoring pool page by page, without going round in circles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers_mcp.api.errors import ValidationFailed
from layers_mcp.protocol import render
from layers_mcp.tools.list_ads_content import STARTED_AGAIN, AdsContentPage, list_ads_content
from tests.support.upstream import Reply, Upstream, pairs_of, refused

POOL = "GET /v1/projects/prj_1/ads-content"


def creative(number: int, **fields: Any) -> dict[str, Any]:
    return {"adsContentId": f"adc_{number}", "title": f"Hook {number}", "organicScore": 7.0, "override": None, **fields}


def pool(reply: Reply) -> Upstream:
    upstream = Upstream()
    upstream.replies[POOL] = reply
    return upstream


def paged(rows: list[dict[str, Any]]) -> Upstream:
    """As upstream pages: the cursor is an offset, and one it does not know gives the first page, silently."""

    def answer(request: httpx2.Request) -> dict[str, Any]:
        cursor, limit = request.url.params.get("cursor", ""), int(request.url.params["limit"])
        start = int(cursor) if cursor.isdigit() and int(cursor) < len(rows) else 0
        following = start + limit
        return {"items": rows[start:following], "nextCursor": str(following) if following < len(rows) else None}

    return pool(answer)


async def page(upstream: Upstream, state_dir: Path, **arguments: Any) -> AdsContentPage:
    async with upstream.open_tool_context(state_dir) as context:
        return await list_ads_content(context, project_id="prj_1", **arguments)


async def test_the_defaults_filter_nothing(tmp_path: Path) -> None:
    upstream = pool({"items": []})
    await page(upstream, tmp_path)
    assert [pairs_of(request) for request in upstream.requests] == [[("limit", "25")]]


async def test_every_filter_is_sent_as_upstream_names_it(tmp_path: Path) -> None:
    upstream = pool({"items": []})
    await page(
        upstream,
        tmp_path,
        scoring_pool=("ugc", "generated", "ugc"),
        min_score=4.5,
        override="none",
        eligible_only=True,
        limit=200,
    )
    assert sorted(pairs_of(upstream.requests[0])) == [
        ("eligible", "true"),
        ("limit", "200"),
        ("minScore", "4.5"),
        ("override", "none"),
        ("scoringPool", "generated"),
        ("scoringPool", "ugc"),
    ]


async def test_rows_come_in_the_contracts_fields_and_overrides_are_counted(tmp_path: Path) -> None:
    rows = [
        creative(
            1,
            scoringPool="generated",
            eligible=True,
            override="include",
            activePromotions=[{"id": "x"}, {"id": "y"}],
            sourceType="content_container",
            sourceId="cnt_1",
        ),
        creative(2, override="exclude", eligible=False, title="x" * 301),
        creative(3, override="exclude"),
        creative(4),
    ]
    content, _ = render(await page(pool({"items": rows, "nextCursor": "c2"}), tmp_path))
    assert content["items"][0] == {
        "ads_content_id": "adc_1",
        "title": "Hook 1",
        "organic_score": 7.0,
        "scoring_pool": "generated",
        "eligible": True,
        "override": "include",
        "active_promotions": 2,
        "source_type": "content_container",
        "source_id": "cnt_1",
    }
    assert content["items"][1]["title_cut"] is True
    assert content["items"][3]["override"] == "none"
    assert content["overrides"] == {"include": 1, "exclude": 2}
    assert content["next_cursor"] == "c2"
    assert content["notes"] == []


@settings(max_examples=15)
@given(st.integers(0, 40), st.integers(1, 15))
async def test_following_the_cursor_shows_every_row_once_and_ends(tmp_path: Path, count: int, limit: int) -> None:
    upstream = paged([creative(number) for number in range(count)])
    seen: list[str] = []
    cursor = ""
    for _ in range(count + 2):
        result = await page(upstream, tmp_path, limit=limit, cursor=cursor)
        seen += [row.ads_content_id for row in result.items]
        assert STARTED_AGAIN not in result.notes
        cursor = result.next_cursor or ""
        if not cursor:
            break
    assert not cursor
    assert seen == [f"adc_{number}" for number in range(count)]


@pytest.mark.parametrize("limit", [1, 3, 50])
async def test_a_cursor_that_upstream_does_not_know_ends_the_list_instead_of_starting_again(
    tmp_path: Path, limit: int
) -> None:
    upstream = paged([creative(number) for number in range(10)])
    result = await page(upstream, tmp_path, limit=limit, cursor="expired")
    assert (result.items, result.next_cursor, result.notes) == ([], None, [STARTED_AGAIN])


async def test_the_guard_looks_at_the_first_page_under_the_same_filters(tmp_path: Path) -> None:
    upstream = paged([creative(number) for number in range(10)])
    await page(upstream, tmp_path, limit=3, cursor="3", eligible_only=True)
    assert sorted(sorted(pairs_of(request)) for request in upstream.requests) == [
        [("cursor", "3"), ("eligible", "true"), ("limit", "3")],
        [("eligible", "true"), ("limit", "1")],
    ]


async def test_a_guard_that_cannot_look_does_not_hide_the_page(tmp_path: Path) -> None:
    def answer(request: httpx2.Request) -> dict[str, Any] | httpx2.Response:
        return {"items": [creative(9)]} if "cursor" in request.url.params else refused(422, "VALIDATION")

    result = await page(pool(answer), tmp_path, cursor="c2")
    assert [row.ads_content_id for row in result.items] == ["adc_9"]


async def test_a_page_that_names_itself_as_the_next_ends_the_list(tmp_path: Path) -> None:
    def answer(request: httpx2.Request) -> dict[str, Any]:
        later = "cursor" in request.url.params
        return {"items": [creative(9 if later else 1)], "nextCursor": "c2"}

    result = await page(pool(answer), tmp_path, cursor="c2")
    assert result.next_cursor is None
    assert "leads back" in result.notes[0]


@pytest.mark.parametrize(("override", "sent"), [("any", []), ("include", ["include"]), ("none", ["none"])])
async def test_any_override_is_no_filter(tmp_path: Path, override: Any, sent: list[str]) -> None:
    upstream = pool({"items": []})
    await page(upstream, tmp_path, override=override)
    assert [value for name, value in pairs_of(upstream.requests[0]) if name == "override"] == sent


async def test_an_empty_pool_says_where_to_look_and_an_empty_later_page_does_not(tmp_path: Path) -> None:
    assert "check_readiness" in (await page(pool({"items": []}), tmp_path)).notes[0]
    narrowed = (await page(pool({"items": []}), tmp_path, override="exclude")).notes
    assert narrowed == [
        "No creative matches; without scoring_pool, min_score, override and eligible_only all are listed."
    ]
    assert (await page(pool({"items": []}), tmp_path, cursor="c9")).notes == []


async def test_rows_not_scored_yet_are_counted_in_a_note(tmp_path: Path) -> None:
    result = await page(pool({"items": [creative(1), creative(2, organicScore=None)]}), tmp_path)
    assert result.notes == ["Not scored yet: 1 of these rows; scoring runs every 6 hours."]


async def test_a_failed_page_is_an_error_of_the_api(tmp_path: Path) -> None:
    with pytest.raises(ValidationFailed):
        await page(pool(refused(422, "VALIDATION")), tmp_path, cursor="c2")


async def test_two_hundred_rows_of_the_longest_titles_are_cut_to_fit_and_offer_no_cursor_past_the_cut(
    tmp_path: Path,
) -> None:
    rows = [creative(number, title="x" * 400) for number in range(200)]
    content, text = render(await page(pool({"items": rows, "nextCursor": "c2"}), tmp_path, limit=200))
    assert len(text) < 50_000
    assert "next_cursor" not in content
    assert "lower limit" in content["notes"][-1]
