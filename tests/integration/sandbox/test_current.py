"""The current vintage: its paths, bodies, ids and words, on the world that preview shows too."""

import re
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from layers_mcp.sandbox import Fault, Sandbox, WorldParameters
from layers_mcp.sandbox.simulation.seed_data import GUIDE_HOOK
from tests.integration.sandbox.conftest import Api, HandClock, charges, open_api

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture
def sandbox(clock: HandClock) -> Iterator[Sandbox]:
    with Sandbox(clock=clock, vintage="current") as sandbox:
        yield sandbox


@pytest.fixture
async def both(clock: HandClock) -> AsyncIterator[Api]:
    with Sandbox(clock=clock, vintage="both") as sandbox:
        async with open_api(sandbox) as api:
            yield api


async def influencer(api: Api, name: str, project: str = "acme-todo") -> str:
    items = (await api.json("GET", api.path("influencers", project)))["items"]
    return next(item["influencerId"] for item in items if item["name"] == name)


async def account(api: Api, platform: str, project: str = "acme-todo") -> str:
    query = {"platform": platform}
    return (await api.json("GET", api.path("social-accounts", project), params=query))["items"][0]["socialAccountId"]


async def order(api: Api, path: str, project: str = "acme-todo", **body: Any) -> dict[str, Any]:
    return await api.json("POST", api.path(f"content/{path}", project), json=body)


async def refusal(api: Api, path: str, project: str = "acme-todo", **body: Any) -> tuple[int, dict[str, Any]]:
    reply = await api.client.post(api.path(f"content/{path}", project), json=body)
    return reply.status_code, reply.json()["error"]


async def tiktok(api: Api, kind: str) -> str:
    query = {"kind": kind, "limit": 1}
    return (await api.json("GET", api.path("content/source-recommendations"), params=query))["items"][0]["tiktokId"]


def ids(value: Any) -> Iterator[str]:
    """Every id in an answer."""
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str) and (name == "id" or name.endswith("Id")):
                yield item
            yield from ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from ids(item)


# --- ids -------------------------------------------------------------------------------------------------------------


async def test_ids_are_a_prefix_and_a_uuid_and_that_of_a_creative_is_bare(api: Api, clock: HandClock) -> None:
    made = await order(api, "slideshow-builder", hook="Hello")
    clock.move(seconds=20)
    for path in (
        "/v1/projects",
        api.path("content"),
        api.path("influencers"),
        api.path("social-accounts"),
        api.path("scheduled-posts"),
        api.path("recommendations"),
        "/v1/credits/events",
        f"/v1/content/{made['containerIds'][0]}",
    ):
        found = [one for one in ids(await api.json("GET", path)) if one.startswith(("prj", "cnt", "inf", "sa", "sp"))]
        assert found
        assert all(re.fullmatch(rf"[a-z]+_{UUID}", one) for one in found), found
    creatives = (await api.json("GET", api.path("ads-content")))["items"]
    assert all(re.fullmatch(UUID, item["adsContentId"]) for item in creatives)


async def test_a_bare_uuid_is_taken_for_the_id_that_it_is(api: Api, clock: HandClock) -> None:
    project = api.sandbox.project_id("acme-todo")
    made = (await order(api, "slideshow-builder", hook="Hello"))["containerIds"][0]
    speaker = await influencer(api, "Maya")
    for path in (f"/v1/projects/{project}", f"/v1/content/{made}", f"/v1/influencers/{speaker}"):
        whole = await api.json("GET", path)
        kind, _, bare = path.rpartition("/")
        assert await api.json("GET", f"{kind}/{bare.partition('_')[2]}") == whole
        assert await api.json("GET", f"{kind}/{bare.partition('_')[2].upper()}") == whole
        assert await api.error("GET", f"{kind}/{uuid.uuid4()}") == (404, "NOT_FOUND")
    query = {"scope": "project", "id": project.partition("_")[2], "metrics": "views"}
    answer = await api.json("GET", api.path("metrics"), params=query)
    assert answer["id"] == project
    query = {"scope": "social_account", "id": (await account(api, "tiktok")).partition("_")[2], "metrics": "views"}
    assert (await api.json("GET", api.path("metrics"), params=query))["totals"]["views"] > 0


async def test_what_an_id_meant_in_preview_it_means_here_in_another_form(clock: HandClock, api: Api) -> None:
    with Sandbox(clock=HandClock(clock.time)) as preview:
        async with open_api(preview) as other:
            best = await other.best()
            assert (await api.json("GET", f"/v1/projects/{preview.project_id('acme-todo')}"))["name"] == "acme-todo"
            rows = (await api.json("GET", api.path("ads-content")))["items"]
            same = next(row for row in rows if row["title"] == best["title"])
            assert same["adsContentId"] != best["adsContentId"]
            path = api.path(f"ads-content/{best['adsContentId']}")
            assert (await api.json("PATCH", path, json={"override": None}))["adsContentId"] == same["adsContentId"]


# --- orders ----------------------------------------------------------------------------------------------------------


async def test_a_slideshow_needs_a_hook_and_nobody_to_speak(api: Api, sandbox: Sandbox, clock: HandClock) -> None:
    made = await order(api, "slideshow-builder", hook="Plan less")
    assert list(made) == ["jobId", "kind", "status", "containerIds", "locationUrl", "startedAt"]
    assert len(made["containerIds"]) == 1
    assert charges(sandbox) == [-50]
    clock.move(seconds=4)
    running = await api.json("GET", f"/v1/content/{made['containerIds'][0]}")
    assert (running["status"], running["preview"], running["approvalStatus"]) == ("processing", None, "pending")
    clock.move(seconds=16)
    done = await api.json("GET", f"/v1/content/{made['containerIds'][0]}")
    assert (done["format"], done["hook"], done["creativeType"]) == ("slideshow-builder", "Plan less", "generated")
    assert done["preview"]["kind"] == "slideshow"
    assert done["preview"]["videoUrl"] is None
    assert "brief" not in done
    job = await api.json("GET", made["locationUrl"])
    assert job["result"]["containerIds"] == made["containerIds"]


async def test_a_ugc_remix_is_spoken_by_an_influencer_or_the_one_wired_to_an_account(
    api: Api, sandbox: Sandbox
) -> None:
    maya = await influencer(api, "Maya")
    for body in ({"influencerId": maya}, {"socialAccountId": await account(api, "tiktok"), "hook": "Look"}):
        made = await order(api, "ugc-remix", **body)
        row = await api.json("GET", f"/v1/content/{made['containerIds'][0]}")
        assert (row["influencerId"], row["hook"]) == (maya, body.get("hook"))
        assert row["mediaId"].startswith("med_")
    assert charges(sandbox) == [-120, -120]


async def test_a_video_remix_takes_a_tiktok_and_no_hook(api: Api, sandbox: Sandbox) -> None:
    maya, source = await influencer(api, "Maya"), await tiktok(api, "video")
    made = await order(api, "video-remix", tiktokVideoId=source, influencerId=maya)
    row = await api.json("GET", f"/v1/content/{made['containerIds'][0]}")
    assert (row["sourceTiktokId"], row["hook"], row["format"]) == (source, None, "video-remix")
    status, error = await refusal(api, "video-remix", tiktokVideoId=source, influencerId=maya, hook="x")
    assert (status, error["details"]["issues"][0]["path"]) == (422, "hook")
    assert charges(sandbox) == [-120]


async def test_a_slideshow_remix_is_of_a_slideshow(api: Api, sandbox: Sandbox) -> None:
    maya = await influencer(api, "Maya")
    status, error = await refusal(api, "slideshow-remix", tiktokVideoId=await tiktok(api, "video"), influencerId=maya)
    assert (status, error["code"], error["details"]["code"]) == (422, "NOT_A_SLIDESHOW", "NOT_A_SLIDESHOW")
    await order(api, "slideshow-remix", tiktokVideoId=await tiktok(api, "slideshow"), influencerId=maya)
    assert charges(sandbox) == [-50]


async def test_a_remix_of_an_own_post_inherits_its_worth(clock: HandClock) -> None:
    with Sandbox(clock=clock, vintage="current", world=WorldParameters(reimagine_spread=0.0)) as sandbox:
        async with open_api(sandbox) as api:
            best = next(row for row in await api.ranking(includeIneligible="true") if row["title"] == GUIDE_HOOK)
            own = sandbox._select(  # pyright: ignore[reportPrivateUsage]
                "SELECT external_id FROM platform_posts WHERE id = ?", best["platformPostId"]
            )[0][0]
            made = await order(api, "video-remix", tiktokVideoId=own, influencerId=await influencer(api, "Maya"))
            clock.move(seconds=20)
            await api.json("POST", f"/v1/content/{made['containerIds'][0]}/approve")
            sandbox.publish_finished("acme-todo")
            clock.move(minutes=1)
            truth = sandbox.truth("acme-todo")[-1]
    assert truth.engagement_rate == pytest.approx(0.082)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("slideshow-builder", {}, "hook"),
        ("slideshow-builder", {"hook": ""}, "hook"),
        ("slideshow-builder", {"hook": "x" * 2_001}, "hook"),
        ("slideshow-builder", {"hook": "x", "variantCount": 2}, "variantCount"),
        ("slideshow-builder", {"hook": "x", "influencerId": "inf_unknown"}, "influencerId"),
        ("ugc-remix", {}, "influencerId"),
        ("ugc-remix", {"influencerId": "{Theo}"}, "influencerId"),
        ("ugc-remix", {"socialAccountId": "{instagram}"}, "socialAccountId"),
        ("ugc-remix", {"socialAccountId": "sa_unknown"}, "socialAccountId"),
        ("ugc-remix", {"influencerId": "{Maya}", "mediaId": "med_unknown"}, "mediaId"),
        ("ugc-remix", {"influencerId": "{Maya}", "cta": "Go"}, "cta"),
        ("video-remix", {"influencerId": "{Maya}"}, "tiktokVideoId"),
        ("video-remix", {"influencerId": "{Maya}", "tiktokVideoId": "pp_1"}, "tiktokVideoId"),
        ("video-remix", {"tiktokVideoId": "7123456789"}, "influencerId"),
    ],
)
async def test_an_orders_body_is_strict_and_its_refusal_names_the_field(
    api: Api, sandbox: Sandbox, path: str, body: dict[str, Any], field: str
) -> None:
    known = {f"{{{name}}}": await influencer(api, name) for name in ("Maya", "Theo")}
    known["{instagram}"] = await account(api, "instagram")
    status, error = await refusal(api, path, **{name: known.get(value, value) for name, value in body.items()})
    assert (status, error["code"]) == (422, "VALIDATION")
    assert error["details"]["issues"][0]["path"] == field
    assert field in error["message"]
    assert charges(sandbox) == []


async def test_what_the_project_lacks_is_named(api: Api, sandbox: Sandbox) -> None:
    status, error = await refusal(api, "slideshow-builder", "hooli-new", hook="x")
    assert (status, error["code"], error["details"]["missingFields"]) == (422, "VALIDATION", ["appDescription"])
    refused = await api.client.get(api.path("content/hooks", "hooli-new"))
    assert refused.json()["error"]["details"]["missingFields"] == ["appName", "appDescription"]
    sam = await influencer(api, "Sam", "initech-notes")
    status, error = await refusal(api, "ugc-remix", "initech-notes", influencerId=sam)
    assert (status, error["code"], error["details"]["code"]) == (422, "VALIDATION", "MISSING_APP_DEMO")
    assert charges(sandbox) == []
    sandbox.describe_app("initech-notes", name="Initech", description="Notes.", demo=True)
    await order(api, "ugc-remix", "initech-notes", influencerId=sam)
    sandbox.describe_app("acme-todo", name="Acme")
    assert (await refusal(api, "slideshow-builder", hook="x"))[0] == 422
    sandbox.set_influencer_status("acme-todo", "Theo", "ready")
    assert [one["status"] for one in (await api.json("GET", api.path("influencers")))["items"]] == ["ready", "ready"]


async def test_the_key_is_the_only_protection_and_a_failed_job_is_refunded(
    api: Api, sandbox: Sandbox, clock: HandClock
) -> None:
    path, body = api.path("content/slideshow-builder"), {"hook": "Hello"}
    sandbox.faults.append(Fault(endpoint="POST /v1/projects/:id/content/slideshow-builder", kind="job_failed"))
    first, again = [(await api.client.post(path, json=body, headers={"Idempotency-Key": "k"})) for _ in range(2)]
    assert first.content == again.content
    await api.json("POST", path, json=body)
    assert charges(sandbox) == [-50, -50]
    clock.move(seconds=20)
    assert (await api.json("GET", api.path("content"), params={"status": "failed"}))["items"][0]["failedAt"]
    assert charges(sandbox) == [-50, -50, 50, 50]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/content/8a4e0d5c-0000-4000-8000-000000000000/clone-from-post"),
        ("POST", "{project}/content"),
        ("GET", "{project}/approval-policy"),
        ("PATCH", "{project}/approval-policy"),
        ("GET", "{project}/ads-metrics"),
    ],
)
async def test_previews_own_endpoints_are_gone(api: Api, method: str, path: str) -> None:
    reply = await api.client.request(method, path.format(project=api.path("")[:-1]), json={})
    assert (reply.status_code, reply.json()["error"]["message"]) == (404, "Endpoint not found.")


async def test_currents_own_endpoints_are_not_in_preview(clock: HandClock) -> None:
    with Sandbox(clock=clock) as preview:
        async with open_api(preview) as api:
            for path in ("content-review-policy", "content/hooks", "content/source-recommendations"):
                assert await api.error("GET", api.path(path)) == (404, "NOT_FOUND")
            for path in ("slideshow-builder", "ugc-remix", "video-remix", "slideshow-remix"):
                assert await api.error("POST", api.path(f"content/{path}"), json={}) == (404, "NOT_FOUND")


# --- what can be made ------------------------------------------------------------------------------------------------


async def test_influencers_are_listed_newest_first_and_can_be_narrowed(api: Api) -> None:
    items = (await api.json("GET", api.path("influencers", "globex-fit")))["items"]
    assert [(item["name"], item["status"]) for item in items] == [
        ("Lena", "failed"),
        ("Kofi", "ready"),
        ("Ana", "ready"),
    ]
    assert [item["imageUrl"] is None for item in items] == [True, False, False]
    ready = await api.json("GET", api.path("influencers"), params={"status": "training"})
    assert [item["name"] for item in ready["items"]] == ["Theo"]
    assert (await api.json("GET", api.path("influencers", "hooli-new")))["items"] == []
    assert await api.error("GET", api.path("influencers"), params={"limit": 101}) == (422, "VALIDATION")


async def test_hooks_are_twenty_free_and_new_each_time(api: Api, sandbox: Sandbox) -> None:
    one, two = [(await api.json("GET", api.path("content/hooks")))["hooks"] for _ in range(2)]
    assert len(set(one)) == len(set(two)) == 20
    assert one != two
    assert any("\\n" in hook for hook in one)
    assert not any("\n" in hook for hook in one)
    assert charges(sandbox) == []


async def test_sources_are_pages_of_videos_and_slideshows(api: Api) -> None:
    path = api.path("content/source-recommendations")
    first = await api.json("GET", path)
    second = await api.json("GET", path, params={"cursor": first["nextCursor"]})
    assert len(first["items"]) == len(second["items"]) == 20
    assert {item["kind"] for item in first["items"]} == {"video", "slideshow"}
    assert set(first["items"][0]["stats"]) == {"views", "likes"}
    slides = await api.json("GET", path, params={"kind": "slideshow", "limit": 50})
    assert {item["kind"] for item in slides["items"]} == {"slideshow"}
    found = await api.json("GET", path, params={"keyword": "desk"})
    assert found["items"] != first["items"]
    for query in ({"keyword": ""}, {"keyword": "x" * 201}, {"limit": 51}, {"kind": "poem"}, {"cursor": "x"}):
        assert await api.error("GET", path, params=query) == (422, "VALIDATION")


# --- reads -----------------------------------------------------------------------------------------------------------


async def test_a_ranking_leaves_ineligible_creatives_out_unless_asked(api: Api) -> None:
    eligible = {
        item["adsContentId"]: item["eligibility"]
        for item in (await api.json("GET", api.path("ads-content", "globex-fit"), params={"limit": 200}))["items"]
    }
    shown = [row["adsContentId"] for row in await api.ranking("globex-fit")]
    every = [row["adsContentId"] for row in await api.ranking("globex-fit", includeIneligible="true")]
    assert len(every) == 23 > len(shown)
    assert shown == [one for one in every if eligible[one] == "eligible"]
    assert set(eligible.values()) == {"eligible", "ineligible"}
    excluded = (await api.json("GET", api.path("ads-content", "globex-fit"), params={"override": "exclude"}))["items"]
    assert excluded[0]["adsContentId"] not in shown


async def test_ads_content_says_eligibility_alone_and_takes_back_what_it_gave(api: Api) -> None:
    item = (await api.json("GET", api.path("ads-content")))["items"][0]
    assert "eligible" not in item
    path = api.path(f"ads-content/{item['adsContentId']}")
    changed = await api.json("PATCH", path, json={"override": "exclude"})
    assert (changed["adsContentId"], changed["eligibility"]) == (item["adsContentId"], "ineligible")


async def test_content_is_listed_in_currents_words(api: Api, clock: HandClock) -> None:
    made = (await order(api, "slideshow-builder", hook="Hello"))["containerIds"][0]
    clock.move(seconds=4)

    async def listed(**query: Any) -> list[dict[str, Any]]:
        return (await api.json("GET", api.path("content"), params=query))["items"]

    assert [row["id"] for row in await listed(status="processing")] == [made]
    assert [row["id"] for row in await listed(format="slideshow-builder")] == [made]
    assert (await listed())[0]["primaryAsset"] is None
    clock.move(seconds=20)
    assert (await listed())[0]["primaryAsset"]["kind"] == "image"
    assert {row["format"] for row in await listed()} == {"slideshow-builder", "video-remix"}
    assert await listed(creativeType="uploaded") == []
    assert [row["id"] for row in await listed(since="2026-04-17T09:10:00Z", until="2026-04-17T09:10:00Z")] == [made]
    assert {row["approvalStatus"] for row in await listed()} == {"pending", "approved"}
    for query in ({"status": "generating"}, {"format": "video_remix"}, {"creativeType": "found"}):
        assert await api.error("GET", api.path("content"), params=query) == (422, "VALIDATION")


async def test_an_asset_can_be_read_by_its_id(api: Api, clock: HandClock) -> None:
    made = (await order(api, "slideshow-builder", hook="Hello"))["containerIds"][0]
    clock.move(seconds=20)
    asset = (await api.json("GET", f"/v1/content/{made}"))["assets"][1]
    path = f"/v1/content/{made}/assets/{asset['assetId']}"
    assert await api.json("GET", path) == {"containerId": made, **asset}
    assert await api.error("GET", f"/v1/content/{made}/assets/ast_unknown") == (404, "NOT_FOUND")


async def test_progress_is_told_in_currents_words(api: Api, clock: HandClock) -> None:
    made = (await order(api, "slideshow-builder", hook="Hello"))["containerIds"][0]
    clock.move(seconds=4)
    assert (await api.json("GET", f"/v1/content/{made}/progress"))["status"] == "processing"


async def test_the_review_policy_is_read_and_set_at_its_address(api: Api, clock: HandClock) -> None:
    path = api.path("content-review-policy")
    project = api.sandbox.project_id("acme-todo")
    assert await api.json("GET", path) == {"projectId": project, "policy": "review_all", "pendingCount": 0}
    await order(api, "slideshow-builder", hook="Hello")
    clock.move(seconds=20)
    assert (await api.json("GET", path))["pendingCount"] == 1
    changed = await api.json("PATCH", path, json={"policy": "review_first_n", "firstN": 3})
    assert changed == {
        "projectId": project,
        "policy": "review_first_n",
        "firstN": 3,
        "pendingCount": 1,
        "updatedAt": "2026-04-17T09:10:20Z",
    }
    for body in (
        {"policy": "review_first_n"},
        {"policy": "review_all", "firstN": 3},
        {"policy": "review_first_n", "firstN": 51},
        {"policy": "never"},
        {},
    ):
        assert await api.error("PATCH", path, json=body) == (422, "VALIDATION")
    assert (await api.json("PATCH", path, json={"policy": "auto_approve"}))["policy"] == "auto_approve"
    free = (await order(api, "slideshow-builder", hook="Free"))["containerIds"][0]
    assert (await api.json("GET", f"/v1/content/{free}"))["approvalStatus"] == "not_required"


async def test_previews_policy_is_set_in_its_own_words(clock: HandClock) -> None:
    with Sandbox(clock=clock) as preview:
        async with open_api(preview) as api:
            path = api.path("approval-policy")
            changed = await api.json("PATCH", path, json={"requiresApproval": False})
            assert (changed["requiresApproval"], changed["firstNPostsBlocked"]) == (False, 0)
            changed = await api.json("PATCH", path, json={"firstNPostsBlocked": 2})
            assert (changed["requiresApproval"], changed["firstNPostsBlocked"]) == (False, 2)
            assert (await api.json("PATCH", path, json={"requiresApproval": True}))["requiresApproval"] is True
            assert await api.error("PATCH", path, json={"policy": "review_all"}) == (422, "VALIDATION")


async def test_an_organization_is_the_same_one_in_every_vintage(api: Api, both: Api) -> None:
    named = [(await one.json("GET", "/v1/whoami"))["organizationId"] for one in (api, both)]
    assert named[0] == named[1]


async def test_whoami_names_the_parent_and_may_show_no_scopes(sandbox: Sandbox, api: Api) -> None:
    me = await api.json("GET", "/v1/whoami")
    assert (me["parentOrganizationId"], "killSwitch" in me) == (None, False)
    async with open_api(sandbox, sandbox.issue_key(["*"]), **{"X-Layers-Organization": sandbox.subsidiary}) as child:
        row = await child.json("GET", "/v1/whoami")
    assert (row["parentOrganizationId"], row["scopes"]) == (me["organizationId"], [])


async def test_credits_name_currents_formats(api: Api) -> None:
    assert (await api.json("GET", "/v1/credits"))["estimatedCreditsPerFormat"] == {
        "slideshow_builder": 50,
        "ugc_remix": 120,
        "video_remix": 120,
        "slideshow_remix": 50,
    }


async def test_publishing_uses_currents_modes_and_states(api: Api, clock: HandClock) -> None:
    made = (await order(api, "slideshow-builder", hook="Hello"))["containerIds"][0]
    clock.move(seconds=20)
    await api.json("POST", f"/v1/content/{made}/approve")
    tiktok_account, instagram = await account(api, "tiktok"), await account(api, "instagram")
    path = f"/v1/content/{made}/publish"
    for target in (
        {"socialAccountId": instagram, "mode": "feed"},
        {"socialAccountId": instagram, "mode": "publish", "scheduledPostId": str(uuid.uuid4())},
    ):
        assert await api.error("POST", path, json={"targets": [target]}) == (422, "VALIDATION")
    body = {
        "targets": [
            {"socialAccountId": instagram.partition("_")[2], "mode": "publish"},
            {"socialAccountId": tiktok_account, "mode": "draft"},
        ]
    }
    posts = (await api.json("POST", path, json=body))["scheduledPostIds"]
    clock.move(minutes=1)
    rows = [await api.json("GET", f"/v1/scheduled-posts/{post}") for post in posts]
    assert [(row["mode"], row["status"]) for row in rows] == [("publish", "published"), ("draft", "draft")]
    assert rows[0]["socialAccountId"] == instagram
    bare = posts[0].partition("_")[2]
    assert await api.json("GET", f"/v1/scheduled-posts/{bare}") == rows[0]
    listed = await api.json("GET", api.path("scheduled-posts"), params={"status": "draft"})
    assert [row["id"] for row in listed["items"]] == [posts[1]]
    assert await api.error("GET", api.path("scheduled-posts"), params={"status": "draft_in_inbox"}) == (
        422,
        "VALIDATION",
    )


# --- both ------------------------------------------------------------------------------------------------------------


async def test_both_answers_to_either_and_each_sees_what_the_other_ordered(both: Api, clock: HandClock) -> None:
    early = (await both.generate(format="video_remix", brief={"hook": "One"})).json()["containerId"]
    late = (await order(both, "slideshow-builder", hook="Two"))["containerIds"][0]
    clock.move(seconds=20)
    rows = {row["id"]: row for row in (await both.json("GET", both.path("content")))["items"]}
    assert (rows[early]["hook"], rows[early]["brief"]["hook"]) == ("One", "One")
    assert (rows[late]["hook"], rows[late]["brief"]) == ("Two", {"hook": "Two"})
    assert early.startswith("cnt_01")
    for path in ("content-review-policy", "approval-policy", "content/hooks"):
        await both.json("GET", both.path(path))
    for query in ({"status": ["generating", "processing"]}, {"format": ["video_remix", "slideshow-builder"]}):
        await both.json("GET", both.path("content"), params=query)
    assert (await both.json("GET", both.path("content"), params={"format": "slideshow-builder"}))["items"] == [
        rows[late]
    ]
    assert set((await both.json("GET", "/v1/credits"))["estimatedCreditsPerFormat"]) == {
        *("video_remix", "slideshow_remix", "ugc_remix", "auto", "slideshow_builder")
    }
    me = await both.json("GET", "/v1/whoami")
    assert {"parentOrganizationId", "killSwitch"} <= set(me)


async def test_both_ranks_everything_unless_told_not_to(both: Api) -> None:
    assert len(await both.ranking()) == len(await both.ranking(includeIneligible="true")) == 23
    assert len(await both.ranking(includeIneligible="false")) < 23


async def test_both_takes_either_vintages_modes(both: Api, clock: HandClock) -> None:
    made = (await both.generate("globex-fit", format="video_remix")).json()["containerId"]
    clock.move(seconds=20)
    for mode in ("direct_publish", "publish", "managed", "draft", "draft_to_device"):
        target = {"socialAccountId": await account(both, "tiktok", "globex-fit"), "mode": mode}
        await both.json("POST", f"/v1/content/{made}/publish", json={"targets": [target]})
    clock.move(minutes=1)
    items = (await both.json("GET", both.path("scheduled-posts", "globex-fit"), params={"limit": 5}))["items"]
    assert sorted((item["mode"], item["status"]) for item in items) == [
        ("direct_publish", "published"),
        ("direct_publish", "published"),
        ("draft_to_device", "draft_in_inbox"),
        ("draft_to_device", "draft_in_inbox"),
        ("managed", "published"),
    ]


@pytest.mark.parametrize("mode", ["direct_publish", "publish"])
async def test_an_id_of_one_vintage_is_known_in_the_other(clock: HandClock, tmp_path: Any, mode: str) -> None:
    path = tmp_path / "world.db"
    with Sandbox(path=path, clock=clock) as early, Sandbox(path=path, clock=clock, vintage="current") as late:
        async with open_api(early) as preview, open_api(late) as current:
            made = (await preview.generate(format="video_remix", brief={"hook": "One"})).json()
            clock.move(seconds=20)
            row = await current.json("GET", f"/v1/content/{made['containerId']}")
            assert (row["hook"], row["format"]) == ("One", "video-remix")
            assert (await current.json("GET", f"/v1/jobs/{made['jobId']}"))["containerId"] == row["id"]
            assert (await preview.json("GET", f"/v1/content/{row['id']}"))["id"] == made["containerId"]
            await preview.json("POST", f"/v1/content/{row['id']}/approve")
            api = preview if mode == "direct_publish" else current
            body = {"targets": [{"socialAccountId": await account(api, "tiktok"), "mode": mode}]}
            await api.json("POST", f"/v1/content/{row['id']}/publish", json=body)
            for one in (preview, current):
                queued = await one.json("GET", one.path("scheduled-posts"), params={"status": "queued"})
                assert len(queued["items"]) == 1
