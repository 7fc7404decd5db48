"""Reads about the account and around the loop: credit events, ads, recommendations, accounts, default metrics."""

from typing import Any

import pytest

from layers_mcp.sandbox import Fault, Sandbox
from tests.integration.sandbox.conftest import Api, HandClock, open_api


async def events(api: Api, **query: Any) -> list[dict[str, Any]]:
    return (await api.json("GET", "/v1/credits/events", params=query))["items"]


# --- credits ---------------------------------------------------------------------------------------------------------


async def test_an_order_and_its_refund_are_whole_rows(api: Api, sandbox: Sandbox, clock: HandClock) -> None:
    sandbox.faults.append(Fault(endpoint="POST /v1/projects/:id/content", kind="job_failed"))
    made = (await api.generate(format="slideshow_remix", variantCount=2)).json()
    clock.move(seconds=20)
    refund, usage, grant = await events(api)
    assert usage | {"eventId": "", "createdAt": ""} == {
        "eventId": "",
        "projectId": sandbox.project_id("acme-todo"),
        "credits": -100,
        "eventType": "usage",
        "format": "slideshow_remix",
        "containerId": made["containerId"],
        "workflowId": made["jobId"].replace("job_", "wf_"),
        "balanceAfterPrepaid": 14_900,
        "usageAfterPeriod": 100,
        "createdAt": "",
    }
    assert (refund["credits"], refund["balanceAfterPrepaid"], refund["usageAfterPeriod"]) == (100, 15_000, 0)
    assert refund["containerId"] == usage["containerId"]
    assert (grant["projectId"], grant["format"], grant["workflowId"], grant["containerId"]) == (None,) * 4


async def test_credit_events_can_be_narrowed_and_paged(api: Api, sandbox: Sandbox, clock: HandClock) -> None:
    for project in ("acme-todo", "globex-fit"):
        await api.generate(project, format="video_remix")
        clock.move(hours=1)
    acme = sandbox.project_id("acme-todo")
    assert [row["projectId"] for row in await events(api, projectId=acme)] == [acme]
    assert [row["eventType"] for row in await events(api, eventType="grant")] == ["grant"]
    exact = {"since": "2026-04-17T09:10:00Z", "until": "2026-04-17T09:10:00Z"}
    assert [row["projectId"] for row in await events(api, **exact)] == [acme]
    whole = await events(api)
    first = await api.json("GET", "/v1/credits/events", params={"limit": 2})
    rest = await events(api, cursor=first["nextCursor"])
    assert first["items"] + rest == whole
    assert len(whole) == 3
    for query in ({"eventType": "theft"}, {"since": "2026-04-17"}, {"limit": 101}, {"cursor": "x"}):
        assert await api.error("GET", "/v1/credits/events", params=query) == (422, "VALIDATION")
    assert await api.error("GET", "/v1/credits/events", params={"projectId": "prj_x"}) == (404, "NOT_FOUND")


async def test_a_months_usage_begins_anew(api: Api, clock: HandClock) -> None:
    for _ in range(2):
        await api.generate(format="video_remix")
        clock.move(days=20)
    assert [row["usageAfterPeriod"] for row in await events(api, eventType="usage")] == [120, 120]


# --- accounts and metrics --------------------------------------------------------------------------------------------


async def test_an_account_has_a_bare_handle_and_an_avatar_and_may_be_leased(api: Api) -> None:
    rows = (await api.json("GET", api.path("social-accounts", "globex-fit")))["items"]
    assert {row["platform"]: row["handle"] for row in rows} == {"tiktok": "globexfit", "instagram": "globex.fit"}
    assert all(row["avatarUrl"].startswith("https://") for row in rows)
    for leased, platform in (("true", "instagram"), ("false", "tiktok")):
        query = {"leased": leased}
        found = (await api.json("GET", api.path("social-accounts", "globex-fit"), params=query))["items"]
        assert [row["platform"] for row in found] == [platform]


@pytest.mark.parametrize("scope", ["project", "social_account", "platform_post"])
async def test_without_metrics_the_scopes_own_bundle_is_answered(api: Api, sandbox: Sandbox, scope: str) -> None:
    account = (await api.json("GET", api.path("social-accounts")))["items"][0]["socialAccountId"]
    row_id = {
        "project": sandbox.project_id("acme-todo"),
        "social_account": account,
        "platform_post": (await api.best())["platformPostId"],
    }[scope]
    answer = await api.json("GET", api.path("metrics"), params={"scope": scope, "id": row_id})
    assert {"views", "engagement_rate", "post_count"} <= set(answer["totals"])
    assert ("followers" in answer["totals"]) is (scope != "platform_post")
    assert set(answer["series"][0]) - {"bucket"} == set(answer["totals"]) - {"post_count"}


async def test_without_metrics_ads_answer_their_bundle(api: Api, sandbox: Sandbox) -> None:
    query = {"scope": "project", "id": sandbox.project_id("globex-fit")}
    totals = (await api.json("GET", api.path("ads-metrics", "globex-fit"), params=query))["totals"]
    assert {"spend", "conversions", "cpa", "roas"} <= set(totals)


async def test_a_project_tells_what_is_known_of_its_app(api: Api, sandbox: Sandbox) -> None:
    for name, told in (("acme-todo", True), ("hooli-new", False)):
        row = await api.json("GET", f"/v1/projects/{sandbox.project_id(name)}")
        assert (row["brandContext"]["appDescription"] is not None) is told
        assert {"timezone", "primaryLanguage", "ownerEmail", "organizationId", "brand"} <= set(row)


async def test_ads_content_says_eligibility_beside_eligible(api: Api) -> None:
    items = (await api.json("GET", api.path("ads-content")))["items"]
    assert {(item["eligible"], item["eligibility"]) for item in items} == {(True, "eligible"), (False, "ineligible")}


# --- ads -------------------------------------------------------------------------------------------------------------


async def test_ads_name_the_creative_and_the_ids_that_metrics_take(api: Api, clock: HandClock) -> None:
    ads = (await api.json("GET", api.path("ads/ads", "globex-fit")))["items"]
    creatives = (await api.json("GET", api.path("ads-content", "globex-fit")))["items"]
    running = {ad["adId"]: item["adsContentId"] for item in creatives for ad in item["activePromotions"]}
    assert {ad["adId"]: ad["adsContentId"] for ad in ads if ad["status"] == "active"} == running
    [campaign] = (await api.json("GET", api.path("ads/campaigns", "globex-fit")))["items"]
    [account] = (await api.json("GET", api.path("ads/ad-accounts", "globex-fit")))["items"]
    assert {ad["campaignId"] for ad in ads} == {campaign["campaignId"]}
    assert {ad["adAccountId"] for ad in ads} == {campaign["adAccountId"]} == {account["adAccountId"]}
    assert campaign["dailyBudget"] == pytest.approx(sum(ad["dailyBudget"] for ad in ads), abs=0.1)
    for scope, row_id in (("campaign", campaign["campaignId"]), ("ad_account", account["adAccountId"])):
        await api.json("GET", api.path("ads-metrics", "globex-fit"), params={"scope": scope, "id": row_id})
    clock.move(days=200)
    later = (await api.json("GET", api.path("ads/campaigns", "globex-fit")))["items"]
    assert [row["status"] for row in later] == ["completed"]


async def test_a_project_without_ads_has_none(api: Api) -> None:
    for path in ("ads/campaigns", "ads/ads", "ads/ad-accounts"):
        assert (await api.json("GET", api.path(path)))["items"] == []


async def test_money_is_in_cents_in_current_and_in_the_major_unit_in_preview(api: Api, clock: HandClock) -> None:
    budgets = [ad["dailyBudget"] for ad in (await api.json("GET", api.path("ads/ads", "globex-fit")))["items"]]
    with Sandbox(clock=clock, vintage="current") as sandbox:
        async with open_api(sandbox) as other:
            cents = [
                ad["dailyBudget"] for ad in (await other.json("GET", other.path("ads/ads", "globex-fit")))["items"]
            ]
    assert all(isinstance(one, int) for one in cents)
    assert cents == [pytest.approx(100 * one, abs=1) for one in budgets]


# --- recommendations -------------------------------------------------------------------------------------------------


async def recommended(api: Api, project: str = "globex-fit", **query: Any) -> list[dict[str, Any]]:
    return (await api.json("GET", api.path("recommendations", project), params=query))["items"]


async def test_recommendations_carry_a_reason_and_something_to_do(api: Api, clock: HandClock) -> None:
    clock.move(days=100)
    rows = await recommended(api)
    assert {row["kind"] for row in rows} == {"value_propositions", "refresh_fatigued"}
    confidence = [row["confidence"] for row in rows]
    assert confidence == sorted(confidence, reverse=True)
    for row in rows:
        assert row["rationale"]
        assert row["suggestedAction"]["endpoint"].startswith("/v1/projects/")
    assert {row["kind"] for row in await recommended(api, kind="refresh_fatigued")} == {"refresh_fatigued"}
    assert all(row["confidence"] >= 0.74 for row in await recommended(api, minConfidence=0.74))
    newest = [row["createdAt"] for row in await recommended(api, sort="created_desc")]
    assert newest == sorted(newest, reverse=True)
    assert await recommended(api, "hooli-new") == []


async def test_a_fatigued_creatives_suggestion_can_be_followed_to_the_letter(api: Api, clock: HandClock) -> None:
    clock.move(days=100)
    action = (await recommended(api, kind="refresh_fatigued"))[0]["suggestedAction"]
    answer = await api.json(action["method"], action["endpoint"], json=action["body"])
    assert answer["override"] == "exclude"


async def test_what_became_of_a_recommendation_is_kept(api: Api, clock: HandClock) -> None:
    [row] = await recommended(api, "acme-todo", kind="value_propositions")
    path = api.path(f"recommendations/{row['recommendationId']}")
    for status in ("dismissed", "dismissed", "open", "acted_on"):
        changed = await api.json("PATCH", path, json={"status": status, "note": "done"})
        assert (changed["status"], changed["note"], changed["updatedAt"]) == (status, "done", "2026-04-17T09:10:00Z")
    assert await recommended(api, "acme-todo", status="open", kind="value_propositions") == []
    assert [one["recommendationId"] for one in await recommended(api, "acme-todo", status="acted_on")] == [
        row["recommendationId"]
    ]
    assert await api.error("PATCH", path, json={"status": "ignored"}) == (422, "VALIDATION")
    unknown = api.path("recommendations/rec_unknown")
    assert await api.error("PATCH", unknown, json={"status": "open"}) == (404, "NOT_FOUND")


# --- faults that stand for what nobody knows -------------------------------------------------------------------------


async def test_a_parameter_can_be_refused_where_it_is_sent(api: Api, sandbox: Sandbox) -> None:
    path = "GET /v1/projects/:id/top-performers"
    sandbox.faults.append(Fault(endpoint=path, kind="status", status=422, parameter="includeIneligible"))
    query = {"metric": "views", "includeIneligible": "true"}
    assert await api.error("GET", api.path("top-performers"), params=query) == (422, "VALIDATION")
    assert await api.ranking()


async def test_a_status_can_carry_a_code_of_its_own(api: Api, sandbox: Sandbox) -> None:
    fault = Fault(endpoint="POST /v1/content/:id/schedule", kind="status", status=403, code="APPROVAL_REQUIRED")
    sandbox.faults.append(fault)
    assert await api.error("POST", "/v1/content/cnt_1/schedule", json={}) == (403, "APPROVAL_REQUIRED")
