"""Orders: charged once, under ids that never order twice, and jobs that run as the contract says."""

import uuid
from typing import Any

import pytest

from layers_mcp.sandbox import Fault, Sandbox, WorldParameters
from tests.integration.sandbox.conftest import Api, HandClock, charges, open_api


async def test_a_clone_answers_as_in_the_guide_and_is_charged_for_each_variation(api: Api, sandbox: Sandbox) -> None:
    reply = await api.clone(mode="reimagine", variations=3)
    body = reply.json()
    assert reply.status_code == 202
    assert list(body) == ["jobId", "kind", "status", "containerId", "locationUrl"]
    assert (body["kind"], body["status"]) == ("content_clone_from_post", "running")
    assert body["containerId"].startswith("cnt_")
    assert body["locationUrl"] == f"/v1/jobs/{body['jobId']}"
    assert charges(sandbox) == [-360]


async def test_a_generate_names_every_container(api: Api, sandbox: Sandbox) -> None:
    reply = await api.generate(format="slideshow_remix", variantCount=2, brief={"hook": "Hello", "themeTags": ["a"]})
    body = reply.json()
    assert reply.status_code == 202
    assert list(body) == [
        "jobId",
        "kind",
        "status",
        "containerId",
        "stage",
        "projectId",
        "containerIds",
        "startedAt",
        "locationUrl",
    ]
    assert body["containerIds"][0] == body["containerId"]
    assert len(body["containerIds"]) == 2
    assert charges(sandbox) == [-100]


async def test_an_auto_format_costs_what_it_becomes(api: Api, sandbox: Sandbox) -> None:
    for _ in range(12):
        await api.generate()
    assert set(charges(sandbox)) == {-120, -50}


async def test_the_same_clone_path_is_the_same_order_for_ever(api: Api, clock: HandClock, sandbox: Sandbox) -> None:
    path_id = str(uuid.uuid4())
    source = (await api.best())["platformPostId"]
    first = await api.clone(path_id=path_id, sourcePlatformPostId=source)
    clock.move(days=40)
    again = await api.clone(path_id=path_id, sourcePlatformPostId=source, mode="fork")
    assert (again.status_code, again.content) == (202, first.content)
    other = await api.clone(path_id=path_id, sourcePlatformPostId=source, variations=2)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "CONFLICT")
    assert charges(sandbox) == [-120]


async def test_a_generate_may_bring_its_own_id_and_is_then_the_same_order_for_ever(
    api: Api, clock: HandClock, sandbox: Sandbox
) -> None:
    mine = str(uuid.uuid4())
    source = (await api.best())["platformPostId"]
    first = await api.generate(id=mine, format="video_remix", variantCount=2, brief={"hook": "Hello"})
    clock.move(days=40)
    again = await api.generate(id=mine, format="video_remix", variantCount=2, brief={"hook": "Hello"})
    assert (again.status_code, again.content) == (202, first.content)
    other = await api.generate(id=mine, format="video_remix", variantCount=2, brief={"hook": "Goodbye"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "CONFLICT")
    assert (await api.clone(path_id=mine, sourcePlatformPostId=source)).status_code == 409
    assert (await api.json("GET", f"/v1/content/{mine}"))["id"] == first.json()["containerId"]
    assert charges(sandbox) == [-240]
    assert (await api.generate(id="mine")).status_code == 422


async def test_the_same_idempotency_key_replays_the_first_answer_word_for_word_for_a_day(
    api: Api, clock: HandClock, sandbox: Sandbox
) -> None:
    first = await api.generate(key="k1", brief={"hook": "Hello"})
    clock.move(hours=23)
    again = await api.generate(key="k1", brief={"hook": "Hello"})
    assert (again.status_code, again.content) == (202, first.content)
    other = await api.generate(key="k1", brief={"hook": "Goodbye"})
    assert (other.status_code, other.json()["error"]["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    clock.move(hours=2)
    late = await api.generate(key="k1", brief={"hook": "Hello"})
    assert late.json()["jobId"] != first.json()["jobId"]
    assert len(charges(sandbox)) == 2


async def test_an_idempotency_key_belongs_to_one_api_key(api: Api, sandbox: Sandbox) -> None:
    await api.generate(key="k1")
    async with open_api(sandbox, sandbox.issue_key()) as other:
        await other.generate(key="k1")
    assert len(charges(sandbox)) == 2


async def test_a_key_used_for_another_clone_path_conflicts(api: Api) -> None:
    source = (await api.best())["platformPostId"]
    await api.clone(key="k1", sourcePlatformPostId=source)
    other = await api.clone(key="k1", sourcePlatformPostId=source)
    assert other.json()["error"]["code"] == "IDEMPOTENCY_CONFLICT"


async def test_an_error_is_not_kept_under_its_key(sandbox: Sandbox, api: Api) -> None:
    sandbox.add_content_layer("acme-todo", "lay_extra")
    refused = await api.generate(key="k1")
    assert refused.json()["error"]["code"] == "CONFLICT"
    assert [one["projectLayerId"] for one in refused.json()["error"]["details"]["candidates"]][1] == "lay_extra"
    assert (await api.generate(key="k1", projectLayerId="lay_extra")).status_code == 202
    assert (await api.generate(projectLayerId="lay_unknown")).status_code == 404


async def test_a_source_is_known_by_its_own_id_or_the_platforms_and_by_no_other(api: Api, sandbox: Sandbox) -> None:
    external = sandbox._select(  # pyright: ignore[reportPrivateUsage]
        "SELECT external_id FROM platform_posts WHERE id = ?", (await api.best())["platformPostId"]
    )[0][0]
    assert (await api.clone(sourcePlatformPostId=external)).status_code == 202
    assert (await api.clone(sourcePlatformPostId="pp_unknown")).status_code == 404
    assert (await api.clone("globex-fit", sourcePlatformPostId=external)).status_code == 404


async def test_a_post_that_is_not_synced_yet_is_no_source(clock: HandClock) -> None:
    with Sandbox(clock=clock) as sandbox:
        async with open_api(sandbox) as api:
            await api.generate("globex-fit")
            clock.move(seconds=20)
            sandbox.publish_finished("globex-fit")
            while (post := sandbox.truth("globex-fit")[-1]).title != "A day with globex-fit":
                clock.move(minutes=1)
            assert (await api.clone("globex-fit", sourcePlatformPostId=post.platform_post_id)).status_code == 404
            clock.move(minutes=30)
            assert (await api.clone("globex-fit", sourcePlatformPostId=post.platform_post_id)).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        {"variations": 0},
        {"variations": 11},
        {"variations": "2"},
        {"variations": True},
        {"mode": "copy"},
        {"variantCount": 2},
        {"overrides": {"title": "x"}},
        {"sourcePlatformPostId": None},
    ],
)
async def test_a_clones_body_is_strict(api: Api, sandbox: Sandbox, body: dict[str, Any]) -> None:
    reply = await api.clone(**body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "VALIDATION")
    assert charges(sandbox) == []


@pytest.mark.parametrize(
    "body", [{"variantCount": 6}, {"format": "poem"}, {"hook": "x"}, {"brief": {"mood": "x"}}, {"brief": "x"}]
)
async def test_a_generates_body_is_strict(api: Api, sandbox: Sandbox, body: dict[str, Any]) -> None:
    reply = await api.generate(**body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "VALIDATION")
    assert charges(sandbox) == []


@pytest.mark.parametrize("path_id", ["cnt_01H9ZXV", "x" * 36, "0" * 32])
async def test_a_clone_path_must_be_a_uuid(api: Api, path_id: str) -> None:
    assert (await api.clone(path_id=path_id)).status_code == 422


async def test_a_body_that_is_no_json_and_a_query_on_a_post_are_refused(api: Api) -> None:
    for content in (b"{", b"[]", b"\xff", b'{"brief":{"hook":"\\ud800"}}', b"[" * 100_000):
        refused = await api.client.post(api.path("content"), content=content)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "VALIDATION")
        assert refused.json()["error"]["details"]["issues"]
    refused = await api.client.post(api.path("content"), params={"x": "1"}, json={})
    assert refused.status_code == 422
    assert [issue["path"] for issue in refused.json()["error"]["details"]["issues"]] == ["x"]


async def test_an_order_beyond_the_balance_is_refused_and_costs_nothing(clock: HandClock) -> None:
    with Sandbox(clock=clock, world=WorldParameters(opening_credits=200)) as sandbox:
        async with open_api(sandbox) as api:
            refused = await api.clone(variations=2)
            assert (refused.status_code, refused.json()["error"]["code"]) == (402, "BILLING_EXHAUSTED")
            assert (await api.clone()).status_code == 202
            assert charges(sandbox) == [-120]
            assert (await api.json("GET", "/v1/credits"))["balance"] == 80
    with Sandbox(clock=clock, world=WorldParameters(opening_credits=240)) as sandbox:
        async with open_api(sandbox) as api:
            assert (await api.clone(variations=2)).status_code == 202
            assert (await api.json("GET", "/v1/credits"))["balance"] == 0


# --- jobs ------------------------------------------------------------------------------------------------------------


async def test_a_job_runs_through_its_stages_and_names_every_container_at_the_end(api: Api, clock: HandClock) -> None:
    reply = (await api.clone(variations=3)).json()
    seen: list[dict[str, Any]] = []
    for _ in range(26):
        seen.append(await api.json("GET", reply["locationUrl"]))
        clock.move(seconds=0.5)
    running = [job for job in seen if job["status"] == "running"]
    assert list(dict.fromkeys(job["stage"] for job in running)) == ["queued", "generating_visuals", "finalizing"]
    assert 6 <= len(running) / 2 <= 12.5
    progress = [job["progress"] for job in running]
    assert progress == sorted(progress)
    assert 0 <= progress[0] < progress[-1] < 1
    done = seen[-1]
    assert done["status"] == "completed"
    assert len(set(done["result"]["containerIds"])) == 3
    assert done["result"]["containerId"] == reply["containerId"] == done["result"]["containerIds"][0]
    assert {asset["containerId"] for asset in done["result"]["assets"]} == set(done["result"]["containerIds"])


async def test_an_unchanged_job_answers_304_without_a_body(api: Api, clock: HandClock) -> None:
    url = (await api.clone()).json()["locationUrl"]
    first = await api.client.get(url)
    clock.move(seconds=0.1)  # progress moves in steps
    same = await api.client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    weak = await api.client.get(url, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
    assert weak.status_code == 304
    clock.move(seconds=3)
    changed = await api.client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert changed.status_code == 200


async def test_a_job_is_canceled_at_the_next_stage_and_its_credits_come_back(
    api: Api, clock: HandClock, sandbox: Sandbox
) -> None:
    reply = (await api.clone(variations=2)).json()
    for _ in range(2):
        canceled = await api.client.post(f"{reply['locationUrl']}/cancel")
        assert (canceled.status_code, canceled.json()) == (202, {"jobId": reply["jobId"], "accepted": True})
    assert (await api.json("GET", reply["locationUrl"]))["status"] == "running"
    clock.move(seconds=2)
    assert (await api.json("GET", reply["locationUrl"]))["status"] == "canceled"
    assert (await api.json("GET", f"/v1/content/{reply['containerId']}"))["status"] == "canceled"
    assert charges(sandbox) == [-240, 240]
    late = await api.client.post(f"{reply['locationUrl']}/cancel")
    assert (late.status_code, late.json()["accepted"], late.json()["reason"]) == (200, False, "ALREADY_COMPLETED")


async def test_a_job_in_its_last_stage_refuses_to_be_canceled(api: Api, clock: HandClock) -> None:
    reply = (await api.clone()).json()
    while (await api.json("GET", reply["locationUrl"]))["stage"] != "finalizing":
        clock.move(seconds=0.3)
    refused = await api.client.post(f"{reply['locationUrl']}/cancel")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (409, "CONFLICT")
    assert error["details"] == {
        "subcode": "JOB_CANCEL_UNAVAILABLE",
        "stage": "finalizing",
        "jobId": reply["jobId"],
    }


async def test_a_job_that_was_asked_to_fail_says_so_and_is_refunded(
    api: Api, clock: HandClock, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault(endpoint="POST /v1/content/:id/clone-from-post", kind="job_failed", calls=(1,)))
    reply = (await api.clone()).json()
    clock.move(seconds=20)
    job = await api.json("GET", reply["locationUrl"])
    assert (job["status"], job["error"]["code"]) == ("failed", "GENERATION_FAILED")
    container = await api.json("GET", f"/v1/content/{reply['containerId']}")
    assert (container["status"], container["lastError"]["code"]) == ("failed", "GENERATION_FAILED")
    assert container["failedAt"] == job["finishedAt"] > job["startedAt"]
    assert charges(sandbox) == [-120, 120]
    assert (await api.json("GET", "/v1/credits"))["usedThisPeriod"] == 0
    events = (await api.json("GET", "/v1/credits/events"))["items"]
    assert [event["eventType"] for event in events] == ["refund", "usage", "grant"]
    assert events[0]["containerId"] == reply["containerId"]


async def test_an_unknown_job_is_not_found(api: Api) -> None:
    assert await api.error("GET", "/v1/jobs/job_unknown") == (404, "NOT_FOUND")


# --- content ---------------------------------------------------------------------------------------------------------


async def test_content_can_be_read_while_it_is_made_by_either_of_its_ids(api: Api, clock: HandClock) -> None:
    path_id = str(uuid.uuid4())
    reply = (await api.clone(path_id=path_id, overrides={"caption": "Mine", "cta": "Go"})).json()
    queued = await api.json("GET", f"/v1/content/{path_id.upper()}")
    assert (queued["id"], queued["status"], queued["approvalStatus"]) == (reply["containerId"], "queued", "pending")
    clock.move(seconds=4)
    assert (await api.json("GET", f"/v1/content/{path_id}"))["status"] == "generating"
    progress = await api.json("GET", f"/v1/content/{path_id}/progress")
    assert (progress["stage"], progress["status"]) == ("generating_visuals", "generating")
    assert progress["etaSeconds"] > 0
    clock.move(seconds=20)
    done = await api.json("GET", f"/v1/content/{path_id}")
    assert (done["status"], done["approvalStatus"], done["caption"]) == ("completed", "pending", "Mine")
    assert done["brief"]["cta"] == "Go"
    assert done["assets"][0]["kind"] == "video"
    assert (await api.json("GET", f"/v1/content/{path_id}/progress"))["etaSeconds"] is None


async def test_a_projects_content_is_listed_newest_first_and_can_be_narrowed(api: Api, clock: HandClock) -> None:
    first = (await api.generate(format="ugc_remix")).json()["containerId"]
    clock.move(seconds=30)
    second = (await api.generate(format="slideshow_remix")).json()["containerId"]

    async def listed(**query: Any) -> list[str]:
        return [item["id"] for item in (await api.json("GET", api.path("content"), params=query))["items"]]

    assert (await listed())[:2] == [second, first]
    assert await listed(status=["queued", "generating"]) == [second]
    assert await listed(format="ugc_remix") == [first]
    assert await listed(since="2026-04-17T09:10:01Z") == [second]
    assert first not in await listed(until="2026-04-17T09:10:00Z")


async def test_a_slideshow_holds_images(api: Api, clock: HandClock) -> None:
    container = (await api.generate(format="slideshow_remix")).json()["containerId"]
    clock.move(seconds=20)
    kinds = [asset["kind"] for asset in (await api.json("GET", f"/v1/content/{container}"))["assets"]]
    assert kinds == ["image"] * 3


async def test_a_decision_is_final(api: Api, clock: HandClock) -> None:
    containers = (await api.generate(variantCount=2)).json()["containerIds"]
    early = await api.client.post(f"/v1/content/{containers[0]}/approve")
    assert (early.status_code, early.json()["error"]["details"]["status"]) == (409, "queued")
    clock.move(seconds=20)
    approved = await api.json("POST", f"/v1/content/{containers[0]}/approve", json={"note": "nice"})
    assert (approved["id"], approved["approvalStatus"]) == (containers[0], "approved")
    rejected = await api.json("POST", f"/v1/content/{containers[1]}/reject", json={"reason": "dull"})
    assert (rejected["approvalStatus"], rejected["reason"]) == ("rejected", "dull")
    for container, status in zip(containers, ("approved", "rejected"), strict=True):
        for decision, body in (("approve", {}), ("reject", {"reason": "x"})):
            again = await api.client.post(f"/v1/content/{container}/{decision}", json=body)
            assert (again.status_code, again.json()["error"]["code"]) == (409, "CONFLICT")
            assert again.json()["error"]["details"]["approvalStatus"] == status


async def test_a_rejection_needs_a_reason(api: Api) -> None:
    container = (await api.generate()).json()["containerId"]
    for body in ({}, {"reason": ""}, {"reason": "x" * 1025}):
        assert await api.error("POST", f"/v1/content/{container}/reject", json=body) == (422, "VALIDATION")
    assert await api.error("POST", "/v1/content/cnt_unknown/approve") == (404, "NOT_FOUND")


async def test_the_first_few_can_be_held_and_the_rest_go_live(api: Api, sandbox: Sandbox, clock: HandClock) -> None:
    sandbox.set_review_policy("globex-fit", "review_first_n", 2)
    containers = (await api.generate("globex-fit", variantCount=3)).json()["containerIds"]
    clock.move(seconds=20)
    states = [(await api.json("GET", f"/v1/content/{one}"))["approvalStatus"] for one in containers]
    assert states == ["pending", "pending", "not_required"]
    earlier = await api.json("GET", api.path("approval-policy", "globex-fit"))
    assert earlier["firstNPostsBlocked"] == 2


# --- overrides -------------------------------------------------------------------------------------------------------


async def test_an_override_beats_the_score_until_it_is_cleared(api: Api) -> None:
    items = (await api.json("GET", api.path("ads-content")))["items"]
    weak = next(item for item in items if not item["eligible"])
    path = api.path(f"ads-content/{weak['adsContentId']}")
    included = await api.json("PATCH", path, json={"override": "include", "note": "customer asked"})
    assert next(iter(included)) == "adsContentId"
    assert (included["override"], included["eligible"]) == ("include", True)
    assert (await api.json("PATCH", path, json={"override": "exclude"}))["eligible"] is False
    cleared = await api.json("PATCH", path, json={"override": None})
    assert (cleared["override"], cleared["eligible"]) == (None, False)


@pytest.mark.parametrize("body", [{}, {"override": "none"}, {"override": "include", "note": "x" * 281}])
async def test_an_overrides_body_is_strict(api: Api, body: dict[str, Any]) -> None:
    creative = (await api.json("GET", api.path("ads-content")))["items"][0]["adsContentId"]
    assert await api.error("PATCH", api.path(f"ads-content/{creative}"), json=body) == (422, "VALIDATION")


async def test_an_override_of_an_unknown_creative_is_not_found(api: Api) -> None:
    path = api.path("ads-content/adc_unknown")
    assert await api.error("PATCH", path, json={"override": None}) == (404, "NOT_FOUND")
