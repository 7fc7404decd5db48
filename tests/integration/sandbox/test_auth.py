"""Who may pass: keys, organizations, scopes, the kill switch, rate limits."""

import pytest

from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.simulation.seed import ALL_SCOPES
from tests.integration.sandbox.conftest import Api, HandClock, open_api


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer lp_test_wrong", "Basic {key}", "{key}"])
async def test_a_missing_or_wrong_key_is_refused(sandbox: Sandbox, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.format(key=sandbox.api_key)}
    async with open_api(sandbox, "none") as api:
        assert await api.error("GET", "/v1/whoami", headers=headers) == (401, "UNAUTHENTICATED")


async def test_whoami_names_the_organization_and_the_scopes(api: Api, sandbox: Sandbox) -> None:
    reply = await api.json("GET", "/v1/whoami")
    assert (reply["organizationId"], reply["organizationName"]) == (sandbox.agency, "Sandbox Agency")
    assert reply["scopes"] == list(ALL_SCOPES)


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        ("projects:read", "GET", "/v1/projects"),
        ("projects:read", "GET", "/v1/projects/{acme}"),
        ("social:read", "GET", "/v1/projects/{acme}/social-accounts"),
        ("metrics:read", "GET", "/v1/projects/{acme}/metrics"),
        ("metrics:read", "GET", "/v1/projects/{acme}/ads-metrics"),
        ("metrics:read", "GET", "/v1/projects/{acme}/top-performers"),
        ("metrics:read", "GET", "/v1/projects/{acme}/ads-content"),
        ("ads:write", "PATCH", "/v1/projects/{acme}/ads-content/adc_1"),
        ("content:write", "POST", "/v1/projects/{acme}/content"),
        ("content:write", "POST", "/v1/content/8a4e0d5c-0000-4000-8000-000000000000/clone-from-post"),
        ("content:read", "GET", "/v1/projects/{acme}/content"),
        ("content:read", "GET", "/v1/content/cnt_1"),
        ("content:read", "GET", "/v1/content/cnt_1/progress"),
        ("content:read", "GET", "/v1/content/cnt_1/assets/ast_1"),
        ("content:read", "GET", "/v1/projects/{acme}/approval-policy"),
        ("content:approve", "PATCH", "/v1/projects/{acme}/approval-policy"),
        ("influencers:write", "GET", "/v1/projects/{acme}/influencers"),
        ("influencers:write", "GET", "/v1/influencers/inf_1"),
        ("metrics:read", "GET", "/v1/projects/{acme}/recommendations"),
        ("ads:write", "PATCH", "/v1/projects/{acme}/recommendations/rec_1"),
        ("ads:read", "GET", "/v1/projects/{acme}/ads/ads"),
        ("ads:read", "GET", "/v1/projects/{acme}/ads/campaigns"),
        ("ads:read", "GET", "/v1/projects/{acme}/ads/ad-accounts"),
        ("publish:write", "POST", "/v1/content/cnt_1/publish"),
        ("publish:write", "POST", "/v1/content/cnt_1/schedule"),
        ("publish:read", "GET", "/v1/projects/{acme}/scheduled-posts"),
        ("publish:read", "GET", "/v1/scheduled-posts/sp_1"),
        ("publish:write", "POST", "/v1/scheduled-posts/sp_1/reschedule"),
        ("publish:write", "DELETE", "/v1/scheduled-posts/sp_1"),
        ("content:approve", "POST", "/v1/content/cnt_1/approve"),
        ("content:approve", "POST", "/v1/content/cnt_1/reject"),
        ("jobs:read", "GET", "/v1/jobs/job_1"),
        ("jobs:cancel", "POST", "/v1/jobs/job_1/cancel"),
    ],
)
async def test_each_endpoint_wants_its_scope(sandbox: Sandbox, scope: str, method: str, path: str) -> None:
    path = path.format(acme=sandbox.project_id("acme-todo"))
    without = sandbox.issue_key([one for one in ALL_SCOPES if one != scope])
    async with open_api(sandbox, without) as api:
        reply = await api.client.request(method, path)
        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "FORBIDDEN_SCOPE")
        assert scope in reply.json()["error"]["message"]
    async with open_api(sandbox, sandbox.issue_key([scope])) as api:
        assert (await api.client.request(method, path)).status_code != 403


async def test_a_star_is_every_data_scope(sandbox: Sandbox) -> None:
    async with open_api(sandbox, sandbox.issue_key(["*"])) as api:
        await api.json("GET", api.path("scheduled-posts"))
        assert (await api.json("GET", "/v1/whoami"))["scopes"] == ["*"]


@pytest.mark.parametrize("path", ["/v1/whoami", "/v1/credits", "/v1/credits/events"])
async def test_the_account_itself_wants_no_scope(sandbox: Sandbox, path: str) -> None:
    async with open_api(sandbox, sandbox.issue_key([])) as api:
        await api.json("GET", path)


async def test_another_organizations_things_do_not_exist(api: Api, sandbox: Sandbox) -> None:
    job = (await api.clone()).json()
    creative = (await api.json("GET", api.path("ads-content")))["items"][0]["adsContentId"]
    async with open_api(sandbox, sandbox.issue_key(organization=sandbox.stranger)) as stranger:
        for path in (
            api.path("metrics?scope=project&id=x&metrics=views"),
            api.path("top-performers?metric=views"),
            job["locationUrl"],
            f"/v1/content/{job['containerId']}",
        ):
            assert await stranger.error("GET", path) == (404, "NOT_FOUND")
        path = api.path(f"ads-content/{creative}")
        assert await stranger.error("PATCH", path, json={"override": None}) == (404, "NOT_FOUND")
        assert (await stranger.clone(sourcePlatformPostId="pp_1")).status_code == 404
        names = [item["name"] for item in (await stranger.json("GET", "/v1/projects"))["items"]]
        assert names == ["umbrella-labs"]


async def test_a_child_organization_is_addressed_by_its_header(sandbox: Sandbox) -> None:
    header = "X-Layers-Organization"
    async with open_api(sandbox, **{header: sandbox.subsidiary}) as api:
        assert (await api.json("GET", "/v1/whoami"))["organizationName"] == "Sandbox Agency West"
        assert (await api.json("GET", "/v1/projects"))["items"] == []
    for other in (sandbox.stranger, "org_unknown"):
        async with open_api(sandbox, **{header: other}) as api:
            assert await api.error("GET", "/v1/whoami") == (404, "NOT_FOUND")
    async with open_api(sandbox, sandbox.issue_key(organization=sandbox.subsidiary), **{header: sandbox.agency}) as api:
        assert await api.error("GET", "/v1/whoami") == (404, "NOT_FOUND")


async def test_the_kill_switch_stops_everything_until_it_is_lifted(api: Api, sandbox: Sandbox) -> None:
    sandbox.suspend()
    for path in ("/v1/whoami", "/v1/projects"):
        assert await api.error("GET", path) == (503, "KILL_SWITCH")
    async with open_api(sandbox, **{"X-Layers-Organization": sandbox.subsidiary}) as child:
        assert await child.error("GET", "/v1/whoami") == (503, "KILL_SWITCH")
    sandbox.resume()
    await api.json("GET", "/v1/whoami")


async def test_an_unknown_endpoint_is_not_found(api: Api) -> None:
    assert await api.error("GET", "/v1/nothing") == (404, "NOT_FOUND")
    assert await api.error("DELETE", "/v1/projects") == (404, "NOT_FOUND")


async def test_an_id_with_a_slash_stays_in_its_segment(api: Api) -> None:
    assert await api.error("GET", "/v1/jobs/a%2Fb") == (404, "NOT_FOUND")
    assert api.sandbox.requests[-1].path == "/v1/jobs/a%2Fb"


async def test_every_answer_carries_a_request_id_the_worlds_date_and_its_bucket(api: Api) -> None:
    for method, path, bucket in (
        ("GET", "/v1/whoami", "read-light"),
        ("GET", "/v1/nothing", "read-light"),
        ("PUT", "/v1/nothing", "write-light"),
        ("PATCH", api.path("ads-content/adc_1"), "write-light"),
        ("POST", api.path("content"), "long-running"),
    ):
        headers = (await api.client.request(method, path)).headers
        assert headers["x-request-id"].startswith("req_")
        assert headers["date"] == "Fri, 17 Apr 2026 09:10:00 GMT"
        assert headers["x-ratelimit-endpoint-class"] == bucket


@pytest.mark.parametrize(
    ("method", "path", "per_minute"), [("GET", "/v1/whoami", 120), ("POST", "/v1/jobs/job_1/cancel", 60)]
)
async def test_a_bucket_runs_empty_and_fills_again(clock: HandClock, method: str, path: str, per_minute: int) -> None:
    with Sandbox(clock=clock, rate_limits=True) as sandbox:
        async with open_api(sandbox) as api:
            for _ in range(per_minute):
                assert (await api.client.request(method, path)).status_code != 429
            refused = await api.client.request(method, path)
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RATE_LIMITED")
            assert refused.json()["error"]["details"]["endpointClass"] == refused.headers["x-ratelimit-endpoint-class"]
            clock.move(seconds=int(refused.headers["retry-after"]))
            assert (await api.client.request(method, path)).status_code != 429


async def test_starting_jobs_has_a_bucket_of_its_own(clock: HandClock) -> None:
    with Sandbox(clock=clock, rate_limits=True) as sandbox:
        async with open_api(sandbox) as api:
            statuses = [(await api.generate()).status_code for _ in range(21)]
            assert statuses == [202] * 20 + [429]
            await api.json("GET", "/v1/whoami")


async def test_in_process_there_are_no_rate_limits(api: Api) -> None:
    for _ in range(130):
        await api.json("GET", "/v1/whoami")
