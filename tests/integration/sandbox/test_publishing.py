"""Publishing: what is finished goes out when it is told to, to every account it was told to, or to none."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from layers_mcp.sandbox import Fault, Sandbox
from tests.integration.sandbox.conftest import Api, HandClock, open_api

LATER = "2026-04-18T13:00:00Z"


async def made(api: Api, clock: HandClock, *, approve: bool = True, project: str = "acme-todo", **body: Any) -> str:
    """A finished container, approved unless told otherwise."""
    container = (await api.generate(project, **{"format": "video_remix"} | body)).json()["containerId"]
    clock.move(seconds=20)
    if approve and project == "acme-todo":
        await api.json("POST", f"/v1/content/{container}/approve")
    return container


async def accounts(api: Api, project: str = "acme-todo") -> dict[str, str]:
    items = (await api.json("GET", api.path("social-accounts", project)))["items"]
    return {item["platform"]: item["socialAccountId"] for item in items}


async def targets(api: Api, *platforms: str, project: str = "acme-todo") -> list[dict[str, Any]]:
    modes = {"tiktok": "direct_publish", "instagram": "reels"}
    known = await accounts(api, project)
    return [{"socialAccountId": known[one], "mode": modes[one]} for one in platforms or ("tiktok",)]


async def publish(api: Api, container: str, *platforms: str, **target: Any) -> list[str]:
    body = {"targets": [one | target for one in await targets(api, *platforms)]}
    return (await api.json("POST", f"/v1/content/{container}/publish", json=body))["scheduledPostIds"]


async def schedule(api: Api, container: str, *platforms: str, at: str = LATER) -> dict[str, Any]:
    body = {"scheduledFor": at, "targets": await targets(api, *platforms)}
    return await api.json("POST", f"/v1/content/{container}/schedule", json=body)


async def read(api: Api, post: str) -> dict[str, Any]:
    return await api.json("GET", f"/v1/scheduled-posts/{post}")


async def listed(api: Api, project: str = "acme-todo", **query: Any) -> list[dict[str, Any]]:
    items = (await api.json("GET", api.path("scheduled-posts", project), params=query))["items"]
    return [item for item in items if item["scheduledFor"] >= "2026-04-17T09"]


async def test_a_published_post_is_queued_then_publishing_then_live(
    api: Api, sandbox: Sandbox, clock: HandClock
) -> None:
    container = await made(api, clock)
    [post] = await publish(api, container)
    queued = await read(api, post)
    assert (queued["status"], queued["mode"], queued["platform"]) == ("queued", "direct_publish", "tiktok")
    assert (queued["containerId"], queued["attemptedAt"], queued["externalId"]) == (container, None, None)
    assert queued["scheduledFor"] == "2026-04-17T09:10:50Z"
    clock.move(seconds=31)
    assert (await read(api, post))["status"] == "publishing"
    clock.move(seconds=12)
    live = await read(api, post)
    assert live["status"] == "published"
    assert live["externalId"].isdigit()
    assert live["externalId"] in live["externalUrl"]
    assert live["scheduledFor"] == live["attemptedAt"] < live["publishedAt"]
    assert live["lastError"] is None
    truth = sandbox.truth("acme-todo")[-1]
    assert truth.container_id == container
    assert abs(truth.published_at - datetime.fromisoformat(live["publishedAt"])) < timedelta(milliseconds=1)


async def test_a_scheduled_post_goes_out_at_its_time_and_earns_views(
    api: Api, sandbox: Sandbox, clock: HandClock
) -> None:
    container = await made(api, clock, brief={"hook": "Tomorrow at nine"})
    answer = await schedule(api, container, "tiktok", "instagram")
    assert answer["scheduledFor"] == LATER
    assert "gateStatus" not in answer
    assert [one["socialAccountId"] for one in answer["scheduledPosts"]] == [
        (await accounts(api))[one] for one in ("tiktok", "instagram")
    ]
    assert answer["scheduledPostIds"] == [one["scheduledPostId"] for one in answer["scheduledPosts"]]
    clock.time = datetime.fromisoformat(LATER) - timedelta(seconds=1)
    assert [row["status"] for row in await listed(api)] == ["queued", "queued"]
    clock.move(days=3)
    assert [row["status"] for row in await listed(api)] == ["published", "published"]
    published = [truth.published_at for truth in sandbox.truth("acme-todo") if truth.container_id == container]
    assert all(timedelta(0) < one - datetime.fromisoformat(LATER) < timedelta(seconds=13) for one in published)


async def test_two_accounts_are_two_posts_of_one_creative(api: Api, sandbox: Sandbox, clock: HandClock) -> None:
    container = await made(api, clock, brief={"hook": "Twice"})
    await publish(api, container, "tiktok", "instagram")
    clock.move(days=4)
    posts = [truth.platform_post_id for truth in sandbox.truth("acme-todo") if truth.container_id == container]
    assert len(posts) == 2
    [row] = [row for row in await api.ranking() if row["title"] == "Twice"]
    assert row["organic"]["platforms"] == ["instagram", "tiktok"]
    assert row["platformPostId"] == posts[0]
    parts = []
    for post in posts:
        query = {"scope": "platform_post", "id": post, "metrics": "views"}
        parts.append((await api.json("GET", api.path("metrics"), params=query))["totals"]["views"])
    assert row["organic"]["views"] == sum(parts)
    assert min(parts) > 0
    [one] = [row for row in await api.ranking(platform="instagram") if row["title"] == "Twice"]
    assert (one["organic"]["platforms"], one["organic"]["views"]) == (["instagram"], parts[1])
    items = (await api.json("GET", api.path("ads-content")))["items"]
    assert [item["sourceId"] for item in items].count(container) == 1


async def test_content_that_waits_for_a_decision_is_not_published(api: Api, clock: HandClock) -> None:
    container = await made(api, clock, approve=False)
    body = {"targets": await targets(api)}
    assert await api.error("POST", f"/v1/content/{container}/publish", json=body) == (403, "APPROVAL_REQUIRED")
    assert await listed(api) == []


async def test_scheduled_content_that_waits_for_a_decision_is_set_going_by_approving(
    api: Api, clock: HandClock
) -> None:
    container = await made(api, clock, approve=False)
    answer = await schedule(api, container, "tiktok", "instagram")
    assert answer["gateStatus"] == "blocked_on_approval"
    assert {row["gateStatus"] for row in await listed(api)} == {"blocked_on_approval"}
    approved = await api.json("POST", f"/v1/content/{container}/approve")
    assert approved["pendingSchedulePromotion"] == {"status": "ok", "scheduledPostIds": answer["scheduledPostIds"]}
    assert not any("gateStatus" in row for row in await listed(api))
    clock.time = datetime.fromisoformat(LATER) + timedelta(minutes=1)
    assert [row["status"] for row in await listed(api)] == ["published", "published"]


async def test_an_approval_after_the_scheduled_time_fails_the_post_and_says_so(api: Api, clock: HandClock) -> None:
    container = await made(api, clock, approve=False)
    [post] = (await schedule(api, container))["scheduledPostIds"]
    clock.time = datetime.fromisoformat(LATER) + timedelta(hours=1)
    assert (await read(api, post))["status"] == "queued"
    approved = await api.json("POST", f"/v1/content/{container}/approve")
    assert approved["pendingSchedulePromotion"] == {"status": "failed", "scheduledPostIds": [post]}
    failed = await read(api, post)
    assert (failed["status"], failed["lastError"]["code"]) == ("failed", "SCHEDULE_MISSED")


async def test_an_approval_with_nothing_scheduled_promotes_nothing(api: Api, clock: HandClock) -> None:
    container = await made(api, clock, approve=False)
    assert "pendingSchedulePromotion" not in await api.json("POST", f"/v1/content/{container}/approve")


async def test_rejected_content_is_never_published_and_what_was_scheduled_is_canceled(
    api: Api, clock: HandClock
) -> None:
    container = await made(api, clock, approve=False)
    [post] = (await schedule(api, container))["scheduledPostIds"]
    await api.json("POST", f"/v1/content/{container}/reject", json={"reason": "no"})
    assert (await read(api, post))["status"] == "canceled"
    body: dict[str, Any] = {"targets": await targets(api)}
    for path, more in (("publish", {}), ("schedule", {"scheduledFor": LATER})):
        refused = await api.error("POST", f"/v1/content/{container}/{path}", json=body | more)
        assert refused == (409, "CONTENT_REJECTED")


async def test_content_that_is_not_finished_or_failed_is_not_published(
    api: Api, sandbox: Sandbox, clock: HandClock
) -> None:
    sandbox.faults.append(Fault(endpoint="POST /v1/projects/:id/content", kind="job_failed", calls=(2,)))
    running, failing = [(await api.generate()).json()["containerId"] for _ in range(2)]
    body = {"targets": await targets(api)}
    refused = await api.client.post(f"/v1/content/{running}/publish", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")
    assert refused.json()["error"]["details"]["status"] == "queued"
    clock.move(seconds=20)
    assert (await api.client.post(f"/v1/content/{failing}/publish", json=body)).status_code == 409
    assert await api.error("POST", "/v1/content/cnt_unknown/publish", json=body) == (404, "NOT_FOUND")


# --- targets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"socialAccountId": "sa_unknown"}, "targets.1.socialAccountId"),
        ({"mode": "publish"}, "targets.1.mode"),
        ({"mode": "direct_publish"}, "targets.1.mode"),
        ({"mode": "feed"}, "targets.1.mode"),
        ({"mode": 3}, "targets.1.mode"),
        ({"surprise": 1}, "targets.1.surprise"),
        ({"captionOverride": "x" * 4_001}, "targets.1.captionOverride"),
        ({"firstCommentOverride": "x" * 4_001}, "targets.1.firstCommentOverride"),
        ({"tiktokPostSettings": {"privacyLevel": "NOBODY"}}, "targets.1.tiktokPostSettings.privacyLevel"),
        ({"mode": "draft_to_device", "shareReelToFeed": True}, "targets.1.shareReelToFeed"),
        ({"mode": "draft_to_device", "tiktokMusic": {"mode": "auto"}}, "targets.1.tiktokMusic"),
        ({"scheduledPostId": "mine"}, "targets.1.scheduledPostId"),
    ],
)
async def test_one_bad_target_refuses_them_all_and_names_its_field(
    api: Api, clock: HandClock, change: dict[str, Any], path: str
) -> None:
    container = await made(api, clock)
    good, bad = await targets(api, "tiktok", "instagram")
    for call, more in (("publish", {}), ("schedule", {"scheduledFor": LATER})):
        refused = await api.client.post(
            f"/v1/content/{container}/{call}", json={"targets": [good, bad | change]} | more
        )
        error = refused.json()["error"]
        assert (refused.status_code, error["code"]) == (422, "VALIDATION")
        assert error["details"]["issues"][0]["path"] == path
        assert path in error["message"]
    assert await listed(api) == []


async def test_every_bad_target_is_named(api: Api, sandbox: Sandbox, clock: HandClock) -> None:
    container = await made(api, clock)
    strangers = await targets(api, "tiktok", project="globex-fit")
    sandbox.set_account_status("acme-todo", "instagram", "reauth_required")
    body = {"targets": [*strangers, *await targets(api, "instagram", "tiktok", "tiktok")]}
    refused = await api.client.post(f"/v1/content/{container}/publish", json=body)
    issues = {issue["path"]: issue["message"] for issue in refused.json()["error"]["details"]["issues"]}
    assert list(issues) == [f"targets.{place}.socialAccountId" for place in (0, 1, 3)]
    assert "reauth_required" in issues["targets.1.socialAccountId"]


@pytest.mark.parametrize("count", [0, 51])
async def test_there_are_one_to_fifty_targets(api: Api, clock: HandClock, count: int) -> None:
    container = await made(api, clock)
    body = {"targets": await targets(api) * count}
    assert await api.error("POST", f"/v1/content/{container}/publish", json=body) == (422, "VALIDATION")


async def test_pictures_go_to_the_feed_and_a_video_to_reels(api: Api, clock: HandClock) -> None:
    container = await made(api, clock, format="slideshow_remix")
    [target] = await targets(api, "instagram")
    path = f"/v1/content/{container}/publish"
    assert await api.error("POST", path, json={"targets": [target]}) == (422, "VALIDATION")
    [post] = (await api.json("POST", path, json={"targets": [target | {"mode": "feed"}]}))["scheduledPostIds"]
    assert (await read(api, post))["mode"] == "feed"


async def test_a_draft_ends_in_the_accounts_inbox_and_is_no_post(api: Api, sandbox: Sandbox, clock: HandClock) -> None:
    container = await made(api, clock)
    [post] = await publish(api, container, mode="draft_to_device")
    clock.move(days=1)
    draft = await read(api, post)
    assert (draft["status"], draft["publishedAt"], draft["externalId"]) == ("draft_in_inbox", None, None)
    assert draft["attemptedAt"] is not None
    assert all(truth.container_id != container for truth in sandbox.truth("acme-todo"))


async def test_an_id_that_the_client_minted_is_one_post_for_ever(api: Api, clock: HandClock) -> None:
    one, two = await made(api, clock), await made(api, clock)
    mine = str(uuid.uuid4())
    [first] = await publish(api, one, scheduledPostId=mine)
    clock.move(days=2)
    assert await publish(api, one, scheduledPostId=mine.upper()) == [first]
    assert (await read(api, f"sp_{mine}"))["id"] == first
    assert len(await listed(api)) == 1
    body = {"targets": [target | {"scheduledPostId": mine} for target in await targets(api)]}
    assert await api.error("POST", f"/v1/content/{two}/publish", json=body) == (409, "CONFLICT")


async def test_the_same_key_publishes_once(api: Api, clock: HandClock) -> None:
    container = await made(api, clock)
    body = {"targets": await targets(api)}
    key = {"Idempotency-Key": "once"}
    path = f"/v1/content/{container}/publish"
    first, again = [(await api.client.post(path, json=body, headers=key)) for _ in range(2)]
    assert (first.status_code, first.content) == (202, again.content)
    await api.json("POST", path, json=body)  # without the key it is another post
    assert len(await listed(api)) == 2
    body["targets"] = await targets(api, "instagram")
    assert await api.error("POST", path, json=body, headers=key) == (409, "IDEMPOTENCY_CONFLICT")


# --- the schedule ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2026-04-17T09:09:51Z", 202),  # half a minute of tolerance
        ("2026-04-17T09:09:49Z", 422),
        ("2026-04-16T00:00:00Z", 422),
        ("2026-04-18", 422),
        ("2026-04-18T09:00:00+02:00", 422),
    ],
)
async def test_a_time_must_be_in_the_future_and_in_utc(api: Api, clock: HandClock, at: str, status: int) -> None:
    container = await made(api, clock)
    clock.time = clock.time.replace(minute=10, second=20)
    body = {"scheduledFor": at, "targets": await targets(api)}
    answer = await api.client.post(f"/v1/content/{container}/schedule", json=body)
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["error"]["details"]["issues"][0]["path"] == "scheduledFor"


async def test_the_schedule_is_listed_latest_first_and_can_be_narrowed(api: Api, clock: HandClock) -> None:
    container = await made(api, clock)
    known = await accounts(api)
    [now] = await publish(api, container, "instagram")
    [soon] = (await schedule(api, container, at="2026-04-18T09:00:00Z"))["scheduledPostIds"]
    [late] = (await schedule(api, container, at="2026-04-20T09:00:00Z"))["scheduledPostIds"]
    clock.move(hours=1)

    async def ids(**query: Any) -> list[str]:
        return [row["id"] for row in await listed(api, **query)]

    assert await ids() == [late, soon, now]
    assert await ids(status="queued") == [late, soon]
    assert await ids(status=["published", "failed"]) == [now]
    assert await ids(status="draft_in_inbox") == []
    assert await ids(socialAccountId=known["instagram"]) == [now]
    assert await ids(since="2026-04-18T09:00:00Z", until="2026-04-20T09:00:00Z") == [late, soon]
    assert await ids(since="2026-04-18T09:00:01Z", until="2026-04-20T08:59:59Z") == []
    page = await api.json("GET", api.path("scheduled-posts"), params={"limit": 2})
    rest = await api.json("GET", api.path("scheduled-posts"), params={"cursor": page["nextCursor"]})
    assert [row["id"] for row in page["items"] + rest["items"]][:3] == [late, soon, now]
    for query in ({"status": "draft"}, {"limit": 101}, {"cursor": "x"}, {"since": "2026-04-18"}):
        assert await api.error("GET", api.path("scheduled-posts"), params=query) == (422, "VALIDATION")


async def test_a_queued_post_can_be_moved(api: Api, clock: HandClock) -> None:
    container = await made(api, clock)
    [post] = (await schedule(api, container))["scheduledPostIds"]
    path = f"/v1/scheduled-posts/{post}/reschedule"
    assert await api.error("POST", path, json={"scheduledFor": "2026-04-01T00:00:00Z"}) == (422, "VALIDATION")
    moved = await api.json("POST", path, json={"scheduledFor": "2026-04-19T07:00:00Z"})
    assert moved == {
        "id": post,
        "status": "queued",
        "scheduledFor": "2026-04-19T07:00:00Z",
        "updatedAt": "2026-04-17T09:10:20Z",
    }
    clock.move(days=1)
    assert (await read(api, post))["status"] == "queued"
    clock.move(days=1)
    assert (await read(api, post))["status"] == "published"
    refused = await api.client.post(path, json={"scheduledFor": "2026-04-29T07:00:00Z"})
    assert (refused.status_code, refused.json()["error"]["details"]["status"]) == (409, "published")


async def test_a_post_can_be_canceled_until_the_platform_has_it(api: Api, sandbox: Sandbox, clock: HandClock) -> None:
    container = await made(api, clock)
    [stopped, gone] = await publish(api, container, "tiktok", "instagram")
    canceled = await api.json("DELETE", f"/v1/scheduled-posts/{stopped}", json={"reason": "typo"})
    assert canceled == {"id": stopped, "status": "canceled", "canceledAt": "2026-04-17T09:10:20Z"}
    assert (await read(api, stopped))["canceledAt"] == canceled["canceledAt"]
    clock.move(seconds=31)
    for post, status in ((stopped, "canceled"), (gone, "publishing")):
        refused = await api.client.delete(f"/v1/scheduled-posts/{post}")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "CONFLICT")
        assert refused.json()["error"]["details"]["status"] == status
    clock.move(days=1)
    assert len([truth for truth in sandbox.truth("acme-todo") if truth.container_id == container]) == 1
    assert await api.error("DELETE", "/v1/scheduled-posts/sp_unknown") == (404, "NOT_FOUND")
    too_long = {"reason": "x" * 1_025}
    refused = await api.client.request("DELETE", f"/v1/scheduled-posts/{gone}", json=too_long)
    assert refused.status_code == 422


async def test_another_organizations_posts_do_not_exist(api: Api, sandbox: Sandbox, clock: HandClock) -> None:
    container = await made(api, clock)
    [post] = await publish(api, container)
    async with open_api(sandbox, sandbox.issue_key(organization=sandbox.stranger)) as stranger:
        for method, path in (
            ("GET", f"/v1/scheduled-posts/{post}"),
            ("DELETE", f"/v1/scheduled-posts/{post}"),
            ("GET", api.path("scheduled-posts")),
        ):
            assert await stranger.error(method, path) == (404, "NOT_FOUND")


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("account", [None, "tiktok", "handle", "id"])
async def test_a_login_that_expires_fails_its_post_and_no_other(
    api: Api, sandbox: Sandbox, clock: HandClock, account: str | None
) -> None:
    container = await made(api, clock)
    rows = {row["platform"]: row for row in (await api.json("GET", api.path("social-accounts")))["items"]}
    named = {"handle": rows["tiktok"]["handle"], "id": rows["tiktok"]["socialAccountId"]}
    sandbox.faults.append(Fault(kind="login_expired", account=named.get(account or "", account)))
    posts = await publish(api, container, "tiktok", "instagram")
    clock.move(minutes=1)
    [tiktok, instagram] = [await read(api, post) for post in posts]
    assert (tiktok["status"], tiktok["lastError"]["code"]) == ("failed", "CREDENTIAL_INVALID")
    assert tiktok["attemptedAt"] == tiktok["scheduledFor"]
    assert instagram["status"] == ("published" if account else "failed")
    states = {row["platform"]: row["status"] for row in (await api.json("GET", api.path("social-accounts")))["items"]}
    assert states["tiktok"] == "reauth_required"
    assert states["instagram"] == ("connected" if account else "reauth_required")


async def test_an_account_that_loses_its_link_before_the_time_fails_what_was_scheduled(
    api: Api, sandbox: Sandbox, clock: HandClock
) -> None:
    container = await made(api, clock)
    [early] = (await schedule(api, container, at="2026-04-18T09:00:00Z"))["scheduledPostIds"]
    [late] = (await schedule(api, container, at="2026-04-19T09:00:00Z"))["scheduledPostIds"]
    clock.time = datetime.fromisoformat("2026-04-18T12:00:00Z")
    sandbox.set_account_status("acme-todo", "tiktok", "reauth_required")  # nobody has looked since the first went out
    clock.move(days=1)
    assert (await read(api, early))["status"] == "published"
    assert (await read(api, late))["lastError"]["code"] == "CREDENTIAL_INVALID"
