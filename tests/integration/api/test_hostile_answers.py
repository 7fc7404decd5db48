"""Whatever JSON upstream sends: a model or a LayersError, and never anything else."""

import copy
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layers_mcp.api import LayersClient
from layers_mcp.api.errors import LayersError
from tests.support.upstream import NOW, Upstream, client, generate, raw

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["", "running"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)

ORGANIC = {"views": 1, "engagementRate": 0.1, "watchTimeMs": 5, "platforms": ["tiktok"]}
CONTAINER = {
    "id": "cnt_1",
    "status": "completed",
    "brief": {"hook": "H"},
    "assets": [{"assetId": "a", "durationMs": 1}],
    "preview": {"primaryUrl": "u"},
    "lastError": {"code": "C", "message": "m"},
    "createdAt": "2026-04-01T00:00:00Z",
}
JOB = {
    "jobId": "job_1",
    "status": "completed",
    "progress": 0.5,
    "containerIds": ["cnt_1"],
    "result": {"containers": [{"id": "cnt_2"}], "assets": [{"containerId": "cnt_1", "url": "u"}], "error": "e"},
}
SERIES = {"series": [{"bucket": "2026-04-10", "views": 1}], "totals": {"views": 1}, "window": {"since": "x"}}

Read = Callable[[LayersClient], Awaitable[object]]
READS: list[tuple[Read, Any]] = [
    (lambda c: c.whoami(), {"organizationId": "org_1", "scopes": ["a"], "creditBalance": 3}),
    (lambda c: c.projects.list(), {"items": [{"id": "p", "name": "n"}], "nextCursor": None}),
    (lambda c: c.credits.get(), {"balance": 1, "available": 2, "estimatedCreditsPerFormat": {"auto": 120}}),
    (lambda c: c.projects.social_accounts("p"), {"items": [{"socialAccountId": "s", "connectedAt": "2026-04-01"}]}),
    (
        lambda c: c.metrics.get(
            "p", scope="project", id="p", metrics=["views"], since=NOW, until=NOW, granularity="day"
        ),
        SERIES,
    ),
    (
        lambda c: c.metrics.top_performers("p", metric="views", window="7d"),
        {"metric": "views", "window": "7d", "items": [{"rank": 1, "organic": ORGANIC, "paid": {"spend": 1.5}}]},
    ),
    (lambda c: c.ads.content("p"), {"items": [{"adsContentId": "a", "eligibility": {"eligible": True}}]}),
    (lambda c: c.jobs.get("j"), JOB),
    (lambda c: c.content.get("c"), CONTAINER),
    (lambda c: c.content.list("p"), {"items": [CONTAINER]}),
    (
        lambda c: c.projects.review_policy("p"),
        {"requiresApproval": True, "firstNPostsBlocked": 2, "autoApproveAfter": "x"},
    ),
    (lambda c: c.content.approve("c"), {"id": "cnt_1", "approvalStatus": "approved"}),
    (lambda c: c.jobs.cancel("j"), {"jobId": "j", "accepted": False, "reason": "ALREADY_COMPLETED"}),
    (
        lambda c: c.content.order(generate("p", {}), idempotency_key="i"),
        {"jobId": "j", "containerIds": ["a"], "containerId": "b"},
    ),
]
ERROR = {"error": {"code": "VALIDATION", "message": "m", "requestId": "r", "details": {"issues": [{"path": ["a"]}]}}}


def places(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, item in inner for place in places(item, (*at, key)))]


def replaced(value: Any, place: tuple[str | int, ...], new: Any) -> Any:
    """A copy of `value` with `new` at `place`."""
    if not place:
        return new
    changed = copy.deepcopy(value)
    holder = changed
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = new
    return changed


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Read, int, bytes]:
    """A request, and the status and body of its answer, which was right until something in it was changed."""
    read, body = draw(st.sampled_from(READS))
    status = draw(st.sampled_from([200, 200, 200, 202, 400, 403, 404, 409, 422]))
    if status >= 400:
        body = ERROR
    for _ in range(draw(st.integers(1, 3))):
        body = replaced(body, draw(st.sampled_from(places(body))), draw(ANYTHING))
    return read, status, json.dumps(body).encode()


@pytest.mark.fuzz
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(exchange=exchanges())
async def test_an_answer_changed_anywhere_is_read_or_refused_and_never_a_crash(
    exchange: tuple[Read, int, bytes],
) -> None:
    read, status, body = exchange
    async with client(Upstream(raw(status, body))) as layers:
        try:
            answer = await read(layers)
        except LayersError as error:
            assert error.reason.isprintable()  # noqa: PT017
            assert len(str(error)) < 500  # noqa: PT017
        else:
            assert status < 400
            assert repr(answer).encode()
