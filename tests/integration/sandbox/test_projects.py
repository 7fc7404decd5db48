"""The four projects show the four states that a client must be able to tell apart."""

import math
import sqlite3
import statistics
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.simulation.seed_data import EXCLUDED, GUIDE_HOOK, MANUAL_AD, PINNED
from layers_mcp.sandbox.vintages import VINTAGES, Vintage
from tests.integration.sandbox.conftest import Api, HandClock, open_api

READS = (
    *("top-performers?metric=views", "ads-content", "content", "content/hooks", "scheduled-posts", "influencers"),
    *("ads/ads", "recommendations", "social-accounts"),
)


def wilson_low(rate: float, views: int) -> float:
    z = 1.959964
    middle = rate + z * z / (2 * views)
    spread = z * math.sqrt(rate * (1 - rate) / views + z * z / (4 * views * views))
    return (middle - spread) / (1 + z * z / views)


def breakouts(rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], float]:
    seen = [row for row in rows if row["organic"]["views"] >= 50]
    median = statistics.median(row["organic"]["engagementRate"] for row in seen)
    return [row for row in seen if row["organic"]["engagementRate"] > 2 * median], median


@pytest.mark.parametrize("seed", [7, 1, 2, 3, 11, 2026])
@pytest.mark.parametrize("start", [datetime(2026, 4, 17, 9, 10, tzinfo=UTC), datetime(2026, 2, 28, 23, 59, tzinfo=UTC)])
async def test_acme_has_two_breakouts_one_of_them_solid_whatever_the_seed(seed: int, start: datetime) -> None:
    with Sandbox(clock=HandClock(start), seed=seed) as sandbox:
        async with open_api(sandbox) as api:
            rows = await api.ranking()
            found, median = breakouts(rows)
            solid = [
                row
                for row in found
                if wilson_low(row["organic"]["engagementRate"], row["organic"]["views"]) > 2 * median
            ]
            assert len(rows) == 23
            assert len(found) == 2
            assert [row["title"] for row in solid] == [GUIDE_HOOK]
            assert found[0] == solid[0]


async def test_acme_has_small_samples_and_one_of_them_looks_best_of_all(api: Api) -> None:
    rows = await api.ranking()
    small = [row for row in rows if row["organic"]["views"] < 50]
    assert len(small) == 4
    assert rows[0] in small


async def test_acme_has_no_paid_results_and_only_its_best_post_is_promoted(api: Api) -> None:
    for metric in ("views", "engagement_rate", "watch_time_ms"):
        rows = await api.ranking(metric=metric)
        assert {row["paid"] for row in rows} == {None}
        assert [row["title"] for row in rows if row["adsContentId"]] == [GUIDE_HOOK]
    assert await api.ranking(metric="conversions") == []
    assert await api.ranking(metric="roas") == []


async def test_acme_is_the_guides_project_with_23_posts_of_the_month_live(api: Api, sandbox: Sandbox) -> None:
    assert sandbox.project_id("acme-todo") == "prj_01HX9Y7K8M2P4RSTUV56789AB"
    best = (await api.best())["organic"]
    assert best["engagementRate"] == pytest.approx(0.082, abs=0.002)
    assert best["views"] == pytest.approx(14_820, abs=20)
    assert best["platforms"] == ["tiktok"]
    query = {"scope": "project", "id": sandbox.project_id("acme-todo"), "metrics": ["views", "posts_published"]}
    totals = (await api.json("GET", api.path("metrics"), params=query))["totals"]
    assert totals["post_count"] == totals["posts_published"] == 23


async def test_every_creative_of_acme_is_scored(api: Api) -> None:
    items = (await api.json("GET", api.path("ads-content")))["items"]
    assert len(items) == 23
    assert all(item["organicScore"] is not None for item in items)
    assert sum(bool(item["activePromotions"]) for item in items) == 1


async def test_globex_has_paid_results_a_pinned_and_an_excluded_creative(api: Api) -> None:
    rows = await api.ranking("globex-fit", metric="roas")
    assert len(rows) >= 5
    assert all(row["paid"]["spend"] > 0 and row["adsContentId"] for row in rows)
    assert min(row["metricValue"] for row in rows) < 1 < max(row["metricValue"] for row in rows)
    assert next(row for row in rows if row["title"] == MANUAL_AD)["organic"] is None
    for override, title in (("include", PINNED), ("exclude", EXCLUDED)):
        page = await api.json("GET", api.path("ads-content", "globex-fit"), params={"override": override})
        assert [item["title"] for item in page["items"]] == [title]
        assert page["items"][0]["eligible"] is (override == "include")


async def test_globex_has_breakouts_too(api: Api) -> None:
    found, _ = breakouts(await api.ranking("globex-fit"))
    assert len(found) == 2


async def test_initech_was_linked_seven_minutes_ago_however_late_it_is(api: Api, clock: HandClock) -> None:
    for _ in range(2):
        accounts = (await api.json("GET", api.path("social-accounts", "initech-notes")))["items"]
        assert [account["status"] for account in accounts] == ["connected", "connected"]
        linked = datetime.fromisoformat(accounts[0]["connectedAt"])
        assert clock.time - linked == timedelta(minutes=7)
        assert await api.ranking("initech-notes") == []
        clock.move(days=3)


async def test_hooli_has_nothing_linked_and_nothing_scored(api: Api) -> None:
    assert (await api.json("GET", api.path("social-accounts", "hooli-new")))["items"] == []
    assert (await api.json("GET", api.path("ads-content", "hooli-new")))["items"] == []


async def test_only_acme_holds_finished_content_for_a_person(api: Api, sandbox: Sandbox) -> None:
    held = {
        name: (await api.json("GET", api.path("approval-policy", name)))["requiresApproval"]
        for name in sandbox.projects
    }
    assert held == {"acme-todo": True, "globex-fit": False, "initech-notes": False, "hooli-new": False}


def test_the_guides_two_queries_run_as_written(tmp_path: Path) -> None:
    with Sandbox(path=tmp_path / "world.db") as sandbox, closing(sqlite3.connect(tmp_path / "world.db")) as db:
        sandbox.advance(timedelta(0))  # brings the first scoring run about
        acme = (sandbox.project_id("acme-todo"),)
        posts = db.execute(
            "SELECT pp.id, pp.external_id, pp.platform, pp.published_at FROM platform_posts pp"
            " INNER JOIN social_accounts sa ON pp.social_account_id = sa.id"
            " WHERE sa.project_id = ? ORDER BY pp.published_at DESC LIMIT 5",
            acme,
        ).fetchall()
        scored = db.execute(
            "SELECT ac.id, ac.source_type, ac.organic_score, ac.scored_at FROM ads_content ac"
            " INNER JOIN project_ads_content pac ON pac.ads_content_id = ac.id"
            " WHERE pac.project_id = ? ORDER BY ac.organic_score DESC NULLS LAST LIMIT 5",
            acme,
        ).fetchall()
    assert len(posts) == 5
    assert len({row[0] for row in posts}) == 5
    assert [row[2] for row in scored] == sorted((row[2] for row in scored), reverse=True)
    assert len(scored) == 5


@pytest.mark.parametrize("vintage", VINTAGES)
async def test_the_same_seed_clock_and_calls_give_the_same_answers(vintage: Vintage) -> None:
    answers: list[list[tuple[bytes, list[tuple[str, str]]]]] = []
    for _ in range(2):
        clock, seen = HandClock(), list[tuple[bytes, list[tuple[str, str]]]]()
        with Sandbox(clock=clock, vintage=vintage) as sandbox:
            async with open_api(sandbox) as api:
                post = "content" if vintage == "preview" else "content/slideshow-builder"
                body = {"brief": {"hook": "One"}} if vintage == "preview" else {"hook": "One"}
                for method, path, sent in (
                    ("POST", post, body),
                    *(("GET", path, None) for path in READS if vintage != "preview" or path != "content/hooks"),
                ):
                    reply = await api.client.request(method, api.path(path, "globex-fit"), json=sent)
                    seen.append((reply.content, sorted(reply.headers.items())))
                    clock.move(seconds=20)
                    sandbox.publish_finished("globex-fit")
        answers.append(seen)
    assert answers[0] == answers[1]


async def test_another_seed_is_another_world(api: Api) -> None:
    with Sandbox(clock=HandClock(), seed=8) as twin:
        async with open_api(twin) as other:
            assert await api.ranking() != await other.ranking()
