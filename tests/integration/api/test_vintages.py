"""Which vintage an API speaks: found by evidence that costs nothing, and looked at again."""

import anyio
import httpx2
import pytest

from layers_mcp.api.dialects.base import Vintage
from layers_mcp.api.plans import OrderRequest
from tests.support.upstream import Reply, Upstream, broken, client, ok, refused, routed

pytestmark = pytest.mark.jumping

PREVIEW_POLICY = "GET /v1/projects/prj_1/approval-policy"
CURRENT_POLICY = "GET /v1/projects/prj_1/content-review-policy"
PROJECT = "GET /v1/projects/prj_1"
ANSWERS = ok({"projectId": "prj_1"})

PREVIEW_ORDER = OrderRequest(path="/v1/projects/prj_1/content", body={"format": "auto", "brief": {"hook": "H"}})
PREVIEW_CLONE = OrderRequest(path="/v1/content/c/clone-from-post", body={"sourcePlatformPostId": "pp_1"})
CURRENT_ORDER = OrderRequest(path="/v1/projects/prj_1/content/slideshow-builder", body={"hook": "H"})
CURRENT_REMIX = OrderRequest(path="/v1/projects/prj_1/content/ugc-remix", body={"hook": "H", "influencerId": "inf_1"})

FORBIDDEN = refused(403, "FORBIDDEN_SCOPE")


def asked(upstream: Upstream) -> list[str]:
    return [f"{request.method} {request.url.path}" for request in upstream.requests]


@pytest.mark.parametrize(
    ("replies", "vintage", "certain"),
    [
        ({CURRENT_POLICY: ANSWERS}, "current", True),
        ({PREVIEW_POLICY: ANSWERS}, "preview", True),
        ({CURRENT_POLICY: ANSWERS, PREVIEW_POLICY: ANSWERS}, "preview", True),
        ({}, "preview", False),
        ({CURRENT_POLICY: ANSWERS, PREVIEW_POLICY: broken(httpx2.ReadError)}, "preview", False),
        ({CURRENT_POLICY: FORBIDDEN}, "current", True),
        ({CURRENT_POLICY: FORBIDDEN, PREVIEW_POLICY: FORBIDDEN}, "preview", False),
        ({CURRENT_POLICY: ANSWERS, PREVIEW_POLICY: FORBIDDEN}, "preview", True),
    ],
    ids=[
        "current",
        "preview",
        "both answer",
        "neither answers",
        "one breaks off",
        "one may not be read and the other is absent",
        "neither may be read, whether it is there or not",
        "one answers and the other may not be read",
    ],
)
async def test_the_addresses_of_the_review_policy_tell_the_vintages_apart(
    replies: dict[str, Reply], vintage: Vintage, certain: bool
) -> None:
    async with client(Upstream(routed(replies))) as layers:
        found = await layers.vintages.find("prj_1")
    assert (found.vintage, found.certain) == (vintage, certain)
    assert found.reason


async def test_what_was_found_is_remembered_for_a_day_and_then_looked_at_again() -> None:
    upstream = Upstream(routed({PREVIEW_POLICY: ANSWERS}))
    async with client(upstream) as layers:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(layers.vintages.find, "prj_1")
        assert len(upstream.requests) == 2
        upstream.replies = [routed({CURRENT_POLICY: ANSWERS})]
        await anyio.sleep(23 * 3600)
        assert (await layers.vintages.find("prj_1")).vintage == "preview"
        await anyio.sleep(2 * 3600)
        assert (await layers.vintages.find("prj_1")).vintage == "current"
    assert len(upstream.requests) == 4


async def test_what_is_known_outlives_a_day_on_which_nothing_can_be_read() -> None:
    upstream = Upstream(routed({CURRENT_POLICY: ANSWERS}))
    async with client(upstream) as layers:
        await layers.vintages.find("prj_1")
        upstream.replies = [broken(httpx2.ConnectError)]
        await anyio.sleep(25 * 3600)
        assert (await layers.vintages.find("prj_1")).vintage == "current"


async def test_a_vintage_that_the_user_names_is_asked_of_nobody() -> None:
    upstream = Upstream(ok({}))
    async with client(upstream, vintage="current") as layers:
        assert (await layers.vintages.find("prj_1")).vintage == "current"
        assert upstream.requests == []
        assert await layers.vintages.missing(CURRENT_ORDER, "prj_1") == "address"
        assert (await layers.vintages.find("prj_1")).vintage == "current"


@pytest.mark.parametrize(
    ("request_", "replies", "missing", "then"),
    [
        (PREVIEW_ORDER, {PROJECT: ANSWERS}, "address", "current"),
        (PREVIEW_ORDER, {}, "id", "preview"),
        (PREVIEW_ORDER, {PROJECT: ANSWERS, PREVIEW_POLICY: ANSWERS, CURRENT_POLICY: ANSWERS}, "address", "current"),
        (PREVIEW_CLONE, {PROJECT: ANSWERS, CURRENT_POLICY: ANSWERS}, "address", "current"),
        (PREVIEW_CLONE, {PROJECT: ANSWERS, PREVIEW_POLICY: ANSWERS}, "id", "preview"),
        (PREVIEW_CLONE, {PROJECT: ANSWERS}, "unclear", "preview"),
        (CURRENT_ORDER, {PROJECT: ANSWERS}, "address", "preview"),
        (CURRENT_REMIX, {PROJECT: ANSWERS, CURRENT_POLICY: ANSWERS}, "id", "current"),
        (CURRENT_REMIX, {PROJECT: ANSWERS, PREVIEW_POLICY: ANSWERS}, "address", "preview"),
    ],
)
async def test_an_order_that_met_no_address_proves_the_other_vintage_unless_an_id_may_be_unknown(
    request_: OrderRequest, replies: dict[str, Reply], missing: str, then: Vintage
) -> None:
    async with client(Upstream(routed(replies))) as layers:
        assert await layers.vintages.missing(request_, "prj_1") == missing
        assert (await layers.vintages.find("prj_1")).vintage == then


async def test_the_review_policy_is_read_where_the_known_vintage_has_it() -> None:
    policy = ok({"requiresApproval": True})
    upstream = Upstream(routed({PREVIEW_POLICY: policy}))
    async with client(upstream, vintage="preview") as layers:
        assert (await layers.projects.review_policy("prj_1")).policy == "review_all"
    assert asked(upstream) == [PREVIEW_POLICY]
