"""A person's decision is sent once, and looked up before it is sent again."""

import anyio
import httpx2
import pytest

from layers_mcp.api.errors import Conflict, ForbiddenScope, LayersError, Lost, RateLimited
from tests.support.upstream import Reply, Upstream, broken, client, ok, raw, refused

pytestmark = pytest.mark.jumping

APPROVED = ok({"id": "cnt_1", "approvalStatus": "approved"})
REJECTED = ok({"id": "cnt_1", "approvalStatus": "rejected"})
PENDING = ok({"id": "cnt_1", "approvalStatus": "pending"})
LOST = broken(httpx2.ReadError)

UNKNOWN: list[Reply] = [LOST, refused(500, "INTERNAL"), raw(502, b"<html>", "text/html"), ok({"odd": 1})]


def methods(upstream: Upstream) -> list[str]:
    return [request.method for request in upstream.requests]


async def test_a_decision_sends_its_note_or_reason() -> None:
    upstream = Upstream(APPROVED, APPROVED, REJECTED)
    async with client(upstream) as layers:
        assert (await layers.content.approve("cnt_1")).approval_status == "approved"
        await layers.content.approve("cnt_1", note="fine")
        assert (await layers.content.reject("cnt_1", reason="off brand")).approval_status == "rejected"
    assert [request.content for request in upstream.requests] == [b"", b'{"note":"fine"}', b'{"reason":"off brand"}']
    assert [request.url.path.rpartition("/")[2] for request in upstream.requests] == ["approve", "approve", "reject"]


@pytest.mark.parametrize("fault", UNKNOWN)
async def test_a_lost_decision_that_landed_is_found_and_not_sent_again(fault: Reply) -> None:
    upstream = Upstream(fault, APPROVED)
    async with client(upstream) as layers:
        decision = await layers.content.approve("cnt_1")
    assert (decision.container_id, decision.approval_status) == ("cnt_1", "approved")
    assert methods(upstream) == ["POST", "GET"]


async def test_a_lost_decision_that_did_not_land_is_sent_once_more() -> None:
    upstream = Upstream(LOST, PENDING, REJECTED)
    async with client(upstream) as layers:
        assert (await layers.content.reject("cnt_1", reason="no")).approval_status == "rejected"
    assert methods(upstream) == ["POST", "GET", "POST"]


async def test_a_decision_lost_twice_is_unknown() -> None:
    upstream = Upstream(LOST, PENDING, LOST, PENDING)
    async with client(upstream) as layers:
        with pytest.raises(Lost) as failure:
            await layers.content.approve("cnt_1")
    assert not failure.value.nothing_changed
    assert methods(upstream) == ["POST", "GET", "POST", "GET"]


async def test_a_lost_decision_whose_container_cannot_be_read_is_unknown() -> None:
    upstream = Upstream(LOST, refused(403, "FORBIDDEN_SCOPE"))
    async with client(upstream) as layers:
        with pytest.raises(Lost) as failure:
            await layers.content.approve("cnt_1")
    assert not failure.value.nothing_changed
    assert methods(upstream) == ["POST", "GET"]


async def test_a_lost_decision_that_another_one_preceded_is_a_conflict() -> None:
    upstream = Upstream(refused(500, "INTERNAL"), REJECTED)
    async with client(upstream) as layers:
        with pytest.raises(Conflict) as conflict:
            await layers.content.approve("cnt_1")
    assert conflict.value.details == {"approvalStatus": "rejected"}
    assert conflict.value.nothing_changed


async def test_a_refusal_after_a_lost_decision_is_unknown_again() -> None:
    upstream = Upstream(LOST, PENDING, refused(409, "CONFLICT", details={"approvalStatus": "approved"}))
    async with client(upstream) as layers:
        with pytest.raises(Conflict) as conflict:
            await layers.content.approve("cnt_1")
    assert not conflict.value.nothing_changed


async def test_a_decision_that_certainly_had_no_effect_is_simply_sent_again() -> None:
    for fault in (broken(httpx2.ConnectError), refused(429, "RATE_LIMITED", retry_after="2")):
        upstream = Upstream(fault, APPROVED)
        async with client(upstream) as layers:
            assert (await layers.content.approve("cnt_1")).approval_status == "approved"
        assert methods(upstream) == ["POST", "POST"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(409, "CONFLICT", details={"approvalStatus": "not_required"}), Conflict),
        (refused(403, "FORBIDDEN_SCOPE"), ForbiddenScope),
        (refused(429, "RATE_LIMITED", retry_after="90"), RateLimited),
    ],
)
async def test_a_refused_decision_is_an_answer(answer: Reply, kind: type[LayersError]) -> None:
    upstream = Upstream(answer)
    async with client(upstream) as layers:
        with pytest.raises(kind) as refusal:
            await layers.content.approve("cnt_1")
    assert refusal.value.nothing_changed
    assert methods(upstream) == ["POST"]


async def test_a_decision_and_its_reading_end_in_time() -> None:
    async def slow(_: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(60)
        raise AssertionError("never answered")

    async with client(Upstream(slow)) as layers:
        started = anyio.current_time()
        with pytest.raises(LayersError):
            await layers.content.approve("cnt_1")
    assert anyio.current_time() - started <= 31
