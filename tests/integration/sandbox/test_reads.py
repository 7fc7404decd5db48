"""Reads: strict parameters, exact windows, honest pages."""

from typing import Any

import pytest

from layers_mcp.sandbox import Sandbox
from tests.integration.sandbox.conftest import Api, HandClock

WEEK = {"since": "2026-04-10T00:00:00Z", "until": "2026-04-17T00:00:00Z"}


def project_query(api: Api, **query: Any) -> dict[str, Any]:
    return {"scope": "project", "id": api.sandbox.project_id("acme-todo"), "metrics": ["views"]} | query


async def test_metrics_answer_in_the_guides_shape(api: Api) -> None:
    metrics = ["views", "engagement_rate", "watch_time_ms"]
    query = project_query(api, metrics=metrics, granularity="day", **WEEK)
    reply = await api.json("GET", api.path("metrics"), params=query)
    assert reply["window"] == {**WEEK, "granularity": "day"}
    assert [row["bucket"] for row in reply["series"]] == [f"2026-04-{day}" for day in range(10, 17)]
    assert set(reply["series"][0]) == {"bucket", *metrics}
    assert reply["totals"]["post_count"] == 23


@pytest.mark.parametrize("granularity", ["hour", "day", "week"])
async def test_buckets_add_up_to_the_total_at_every_granularity(api: Api, granularity: str) -> None:
    names = ["views", "likes", "comments", "shares", "saves", "reach", "impressions", "watch_time_ms"]
    query = project_query(api, metrics=[*names, "follower_delta", "posts_published"], granularity=granularity, **WEEK)
    reply = await api.json("GET", api.path("metrics"), params=query)
    for name in [*names, "follower_delta", "posts_published"]:
        values = [row[name] for row in reply["series"]]
        assert sum(values) == reply["totals"][name]
        assert min(values) >= 0


async def test_an_hour_is_named_by_a_full_timestamp_and_a_week_by_its_monday(api: Api) -> None:
    hourly = await api.json("GET", api.path("metrics"), params=project_query(api, granularity="hour", **WEEK))
    weekly = await api.json("GET", api.path("metrics"), params=project_query(api, granularity="week", **WEEK))
    assert hourly["series"][0]["bucket"] == "2026-04-10T00:00:00Z"
    assert [row["bucket"] for row in weekly["series"]] == ["2026-04-06", "2026-04-13"]


async def test_no_bucket_lies_before_the_project_or_in_the_future(api: Api) -> None:
    created = (await api.json("GET", api.path("")[:-1]))["createdAt"][:10]
    query = project_query(api, since="2020-01-01T00:00:00Z", until="2030-01-01T00:00:00Z")
    series = (await api.json("GET", api.path("metrics"), params=query))["series"]
    assert (series[0]["bucket"], series[-1]["bucket"]) == (created, "2026-04-17")


async def test_hours_reach_back_ninety_days_at_most(api: Api, sandbox: Sandbox) -> None:
    query = project_query(api, granularity="hour", since="2025-01-01T00:00:00Z", until="2026-04-17T00:00:00Z")
    reply = await api.json("GET", api.path("metrics"), params=query)
    assert reply["window"]["since"] == "2026-01-17T00:00:00Z"


async def test_scopes_of_a_post_an_account_a_layer_and_the_organization_are_parts_of_one_whole(api: Api) -> None:
    accounts = (await api.json("GET", api.path("social-accounts")))["items"]
    posts = await api.ranking()

    async def views(scope: str, row_id: str, project: str = "acme-todo") -> int:
        query = {"scope": scope, "id": row_id, "metrics": "views"}
        return (await api.json("GET", api.path("metrics", project), params=query))["totals"]["views"]

    whole = await views("project", api.sandbox.project_id("acme-todo"))
    assert whole == sum([await views("social_account", account["socialAccountId"]) for account in accounts])
    assert whole == sum([await views("platform_post", row["platformPostId"]) for row in posts])
    globex = await views("project", api.sandbox.project_id("globex-fit"), "globex-fit")
    assert await views("organization", api.sandbox.agency) == whole + globex
    api.sandbox.add_content_layer("acme-todo", "lay_second")
    assert await views("project_layer", "lay_second") == whole


async def test_followers_are_those_of_the_accounts_behind_the_scope(api: Api, sandbox: Sandbox) -> None:
    async def followers(scope: str, row_id: str, project: str) -> int:
        query = {"scope": scope, "id": row_id, "metrics": "followers"}
        return (await api.json("GET", api.path("metrics", project), params=query))["totals"]["followers"]

    wholes: list[int] = []
    for project in ("acme-todo", "initech-notes"):
        accounts = (await api.json("GET", api.path("social-accounts", project)))["items"]
        parts = [await followers("social_account", account["socialAccountId"], project) for account in accounts]
        wholes.append(await followers("project", sandbox.project_id(project), project))
        assert min(parts) > 0
        assert sum(parts) == pytest.approx(wholes[-1], abs=len(parts))  # each rounds what its views brought
    assert await followers("organization", sandbox.agency, "acme-todo") > sum(wholes)


@pytest.mark.parametrize(
    ("scope", "row_id"),
    [
        ("platform_post", "pp_unknown"),
        ("social_account", "sa_unknown"),
        ("project_layer", "lay_unknown"),
        ("organization", "org_unknown"),
        ("project", "prj_unknown"),
    ],
)
async def test_an_unknown_scoped_id_is_not_found(api: Api, scope: str, row_id: str) -> None:
    query = {"scope": scope, "id": row_id, "metrics": "views"}
    assert await api.error("GET", api.path("metrics"), params=query) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "change",
    [
        {"since": "2026-04-10"},
        {"since": "2026-04-10T00:00:00+02:00"},
        {"since": "2026-13-10T00:00:00Z"},
        {"since": "2026-04-17T00:00:00Z", "until": "2026-04-10T00:00:00Z"},
        {"since": "2026-04-10T00:00:00Z", "until": "2026-04-10T00:00:00Z"},
        {"metrics": ["views", "conversions"]},
        {"metrics": "spend"},
        {"metrics": "views,likes"},
        {"metrics[]": "views"},
        {"scope": "galaxy"},
        {"granularity": "minute"},
        {"granularity": ["day", "week"]},
        {"surprise": "1"},
    ],
)
async def test_metrics_refuse_what_the_contract_does_not_know(api: Api, change: dict[str, Any]) -> None:
    reply = await api.client.get(api.path("metrics"), params=project_query(api, **change))
    error = reply.json()["error"]
    assert (reply.status_code, error["code"]) == (422, "VALIDATION")
    assert error["details"]["issues"]


async def test_a_missing_parameter_is_named(api: Api) -> None:
    reply = await api.client.get(api.path("top-performers"))
    assert reply.json()["error"]["details"]["missingFields"] == ["metric"]


async def test_rankings_sort_by_their_metric_and_mirror_its_value(api: Api) -> None:
    for metric, key in (("views", "views"), ("engagement_rate", "engagementRate"), ("watch_time_ms", "watchTimeMs")):
        rows = await api.ranking(metric=metric)
        values = [row["metricValue"] for row in rows]
        assert values == sorted(values, reverse=True)
        assert [row["rank"] for row in rows] == list(range(1, 24))
        assert values == [row["organic"][key] for row in rows]
    paid = await api.ranking("globex-fit", metric="conversions")
    assert [row["metricValue"] for row in paid] == [row["paid"]["conversions"] for row in paid]


async def test_a_ranking_can_be_narrowed_by_source_platform_window_and_limit(api: Api) -> None:
    made = await api.ranking(sourceType="content_container")
    assert made
    assert all(row["sourceId"].startswith("cnt_") for row in made)
    assert all(row["sourceId"] is None for row in await api.ranking(sourceType="platform_post"))
    tiktok = await api.ranking(platform="tiktok")
    assert {row["organic"]["platforms"][0] for row in tiktok} == {"tiktok"}
    assert len(await api.ranking(window="7d")) == 4
    assert len(await api.ranking(limit=3)) == 3
    assert len(await api.ranking(includeIneligible="true")) == 23


async def test_a_platform_filter_leaves_rows_that_are_only_paid(api: Api) -> None:
    rows = await api.ranking("globex-fit", metric="roas", platform="instagram")
    assert {tuple(row["organic"]["platforms"]) if row["organic"] else () for row in rows} == {("instagram",), ()}


async def test_paid_metrics_add_up_and_name_ratios_of_nothing_null(api: Api, sandbox: Sandbox) -> None:
    globex = sandbox.project_id("globex-fit")
    names = ["spend", "impressions", "clicks", "conversions", "cpa", "cpc", "cpm", "ctr", "roas", "reach", "frequency"]
    query = {"scope": "project", "id": globex, "metrics": names, "since": "2026-03-25T00:00:00Z"}
    reply = await api.json("GET", api.path("ads-metrics", "globex-fit"), params=query)
    totals = reply["totals"]
    assert sum(row["conversions"] for row in reply["series"]) == pytest.approx(totals["conversions"], abs=3)
    assert sum(row["spend"] for row in reply["series"]) == pytest.approx(totals["spend"], abs=0.5)
    assert totals["cpa"] == pytest.approx(totals["spend"] / totals["conversions"], abs=0.01)
    assert reply["series"][0]["roas"] is None


async def test_paid_metrics_can_be_scoped_to_an_ad_and_narrowed_by_platform(api: Api, sandbox: Sandbox) -> None:
    globex = sandbox.project_id("globex-fit")
    items = (await api.json("GET", api.path("ads-content", "globex-fit")))["items"]
    ads = [ad for item in items for ad in item["activePromotions"]]

    async def spend(scope: str, row_id: str, **more: str) -> float:
        query = {"scope": scope, "id": row_id, "metrics": "spend", **more}
        return (await api.json("GET", api.path("ads-metrics", "globex-fit"), params=query))["totals"]["spend"]

    whole = await spend("project", globex)
    assert sum([await spend("ad", ad["adId"]) for ad in ads]) == pytest.approx(whole, abs=0.1)
    assert await spend("ad_account", ads[0]["adAccountId"]) == whole
    parts = [await spend("project", globex, platforms=platform) for platform in ("meta_ads", "tiktok_ads")]
    assert sum(parts) == pytest.approx(whole, abs=0.02)
    assert min(parts) > 0
    acme = sandbox.project_id("acme-todo")
    for scope, row_id in (("ad", "ad_unknown"), ("ad", globex), ("ad_account", globex), ("project", acme)):
        wrong = {"scope": scope, "id": row_id, "metrics": "spend"}
        assert await api.error("GET", api.path("ads-metrics", "globex-fit"), params=wrong) == (404, "NOT_FOUND")


async def test_ads_content_can_be_filtered_and_sorted(api: Api) -> None:
    path = api.path("ads-content")
    pools = {
        item["scoringPool"]
        for item in (await api.json("GET", path, params={"scoringPool": ["generated", "manual"]}))["items"]
    }
    assert pools == {"generated"}
    eligible = (await api.json("GET", path, params={"eligible": "true"}))["items"]
    assert all(item["organicScore"] >= 4 for item in eligible)
    strong = (await api.json("GET", path, params={"minScore": "5.5"}))["items"]
    assert 0 < len(strong) < len(eligible)
    rising = [item["organicScore"] for item in (await api.json("GET", path, params={"sort": "score_asc"}))["items"]]
    assert rising == sorted(rising)
    # Scored in one run, so that their ids decide.
    latest = (await api.json("GET", path, params={"sort": "scored_at_desc"}))["items"]
    assert [item["adsContentId"] for item in latest] == sorted(item["adsContentId"] for item in latest)


async def pages(api: Api, path: str, limit: int, key: str) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = await api.json("GET", path, params=query)
        assert len(page["items"]) <= limit
        found += [item[key] for item in page["items"]]
        cursor = page["nextCursor"]
        if cursor is None:
            return found


async def test_pages_hold_every_row_once(api: Api) -> None:
    for path, key in (
        ("/v1/projects", "id"),
        (api.path("ads-content"), "adsContentId"),
        (api.path("content"), "id"),
        (api.path("social-accounts"), "socialAccountId"),
    ):
        small = await pages(api, path, 3, key)
        assert small == await pages(api, path, 200, key)
        assert len(small) == len(set(small)) >= 2


async def test_a_bad_cursor_is_refused_but_ads_content_begins_again(api: Api) -> None:
    for cursor in ("nonsense", "bm9uc2Vuc2U=", "ÿ"):
        query = {"cursor": cursor}
        assert await api.error("GET", "/v1/projects", params=query) == (422, "VALIDATION")
        assert await api.json("GET", api.path("ads-content"), params=query) == await api.json(
            "GET", api.path("ads-content")
        )


async def test_projects_can_be_searched_and_read_one_by_one(api: Api, sandbox: Sandbox) -> None:
    names = [item["name"] for item in (await api.json("GET", "/v1/projects"))["items"]]
    assert names == ["hooli-new", "initech-notes", "acme-todo", "globex-fit"]
    found = (await api.json("GET", "/v1/projects", params={"search": "ACME"}))["items"]
    assert [item["id"] for item in found] == [sandbox.project_id("acme-todo")]
    assert (await api.json("GET", "/v1/projects", params={"status": "archived"}))["items"] == []
    one = await api.json("GET", f"/v1/projects/{found[0]['id']}")
    assert one["organizationId"] == sandbox.agency


async def test_social_accounts_can_be_narrowed_by_platform_and_status(api: Api, sandbox: Sandbox) -> None:
    sandbox.set_account_status("acme-todo", "tiktok", "reauth_required")

    async def platforms(**query: str) -> list[str]:
        items = (await api.json("GET", api.path("social-accounts"), params=query))["items"]
        return [item["platform"] for item in items]

    assert await platforms(platform="instagram") == ["instagram"]
    assert await platforms(status="reauth_required") == ["tiktok"]
    assert await platforms(platform="youtube") == []


async def test_credits_name_what_a_format_costs(api: Api, clock: HandClock) -> None:
    reply = await api.json("GET", "/v1/credits")
    assert reply["estimatedCreditsPerFormat"] == {
        "video_remix": 120,
        "slideshow_remix": 50,
        "ugc_remix": 120,
        "auto": 120,
    }
    assert reply["balance"] == reply["available"] == 20_000
    assert (await api.json("GET", "/v1/whoami"))["creditBalance"] == 20_000
    clock.move(days=250)
    assert (await api.json("GET", "/v1/credits"))["currentPeriod"]["end"] == "2027-01-01T00:00:00Z"
