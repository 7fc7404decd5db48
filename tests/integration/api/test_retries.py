"""What is sent again, when, and what is said about it in the end. Time jumps here: nothing waits."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from email.utils import format_datetime

import anyio
import httpx2
import pytest

from layers_mcp.api import LayersClient
from layers_mcp.api.errors import (
    BadResponse,
    BillingExhausted,
    Conflict,
    IdempotencyConflict,
    KillSwitch,
    LayersError,
    Lost,
    NotFound,
    PlatformError,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
    Unauthenticated,
    Unreachable,
    ValidationFailed,
)
from layers_mcp.lifecycle import TaskSupervisor
from tests.support.upstream import KEY, NOW, Reply, Upstream, broken, client, generate, ok, raw, refused

pytestmark = pytest.mark.jumping

WHOAMI = ok({"organizationId": "org_1"})
ORDERED = ok({"jobId": "job_1", "containerId": "cnt_1"}, 202)
CREATIVE = ok({"adsContentId": "adc_1"})
HTML_502 = raw(502, b"<html>Bad gateway</html>", "text/html")

Call = Callable[[LayersClient], Awaitable[object]]


def order(layers: LayersClient) -> Awaitable[object]:
    return layers.content.order(
        generate("prj_1", {"format": "auto", "brief": {"hook": "A hook"}}), idempotency_key="idem-1"
    )


def override(layers: LayersClient) -> Awaitable[object]:
    return layers.ads.set_override("prj_1", "adc_1", override="include")


def cancel(layers: LayersClient) -> Awaitable[object]:
    return layers.jobs.cancel("job_1")


def whoami(layers: LayersClient) -> Awaitable[object]:
    return layers.whoami()


async def slow(request: httpx2.Request) -> httpx2.Response:
    await anyio.sleep(60)
    return WHOAMI


PASSING: list[Reply] = [
    broken(httpx2.ConnectError),
    broken(httpx2.ConnectTimeout),
    broken(httpx2.ReadTimeout),
    broken(httpx2.ReadError),
    broken(httpx2.RemoteProtocolError),
    broken(httpx2.ProxyError),
    slow,
    refused(429, "RATE_LIMITED"),
    refused(500, "INTERNAL"),
    refused(502, "BAD_GATEWAY"),
    refused(503, "UNAVAILABLE"),
    refused(504, "TIMEOUT"),
    HTML_502,
    raw(200, b'{"organizationId": "org_1", "adsCon'),
]


@pytest.mark.parametrize("fault", PASSING)
async def test_a_failure_that_may_pass_is_tried_again(fault: Reply) -> None:
    for answer, call in ((WHOAMI, whoami), (CREATIVE, override), (ORDERED, order)):
        upstream = Upstream(fault, answer)
        async with client(upstream) as layers:
            await call(layers)
        first, second = upstream.requests
        assert (first.url, first.content, dict(first.headers)) == (second.url, second.content, dict(second.headers))


async def test_a_cancellation_is_tried_again() -> None:
    upstream = Upstream(broken(httpx2.ReadError), ok({"jobId": "job_1", "accepted": True}, 202))
    async with client(upstream) as layers:
        assert (await layers.jobs.cancel("job_1")).accepted
    assert len(upstream.requests) == 2


async def test_after_the_machine_slept_what_was_read_is_asked_for_again_and_what_was_written_is_not() -> None:
    for answer, call, sent in ((WHOAMI, whoami, 2), (CREATIVE, override, 1), (ORDERED, order, 1)):
        clock = [NOW]

        def asleep(request: httpx2.Request, clock: list[datetime] = clock) -> httpx2.Response:
            clock[0] += timedelta(hours=25)
            raise httpx2.ReadError("gone", request=request)

        upstream = Upstream(asleep, answer)
        async with client(upstream, now=lambda clock=clock: clock[0]) as layers:
            if sent == 2:
                await call(layers)
            else:
                with pytest.raises(LayersError) as failure:
                    await call(layers)
                assert not failure.value.nothing_changed
        assert len(upstream.requests) == sent


FINAL: list[tuple[Reply, type[LayersError]]] = [
    (refused(401, "UNAUTHENTICATED"), Unauthenticated),
    (refused(404, "NOT_FOUND"), NotFound),
    (refused(410, "GONE"), NotFound),
    (refused(409, "CONFLICT"), Conflict),
    (refused(409, "IDEMPOTENCY_CONFLICT"), IdempotencyConflict),
    (refused(422, "VALIDATION"), ValidationFailed),
    (refused(400, "VALIDATION"), ValidationFailed),
    (refused(402, "BILLING_EXHAUSTED"), BillingExhausted),
    (refused(403, "BILLING_EXHAUSTED"), BillingExhausted),
    (refused(429, "BILLING_EXHAUSTED"), BillingExhausted),
    (refused(503, "BILLING_EXHAUSTED"), BillingExhausted),
    (refused(503, "UNAUTHENTICATED"), Unauthenticated),
    (refused(503, "KILL_SWITCH"), KillSwitch),
    (refused(424, "PLATFORM_ERROR"), PlatformError),
    (refused(418, "TEAPOT"), Refused),
    (raw(404, b"<html>no</html>", "text/html"), BadResponse),
    (raw(400, b"{}"), BadResponse),
]


@pytest.mark.parametrize(("reply", "kind"), FINAL)
async def test_an_answer_is_not_asked_for_twice_and_changed_nothing(reply: Reply, kind: type[LayersError]) -> None:
    for call in (whoami, override, cancel, order):
        upstream = Upstream(reply)
        async with client(upstream) as layers:
            with pytest.raises(LayersError) as failure:
                await call(layers)
        assert type(failure.value) is kind
        assert failure.value.nothing_changed
        assert not failure.value.retryable
        assert failure.value.__context__ is None
        assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (broken(httpx2.ReadError), Lost, "UNREACHABLE"),
        (broken(httpx2.WriteError), Lost, "UNREACHABLE"),
        (broken(httpx2.ReadTimeout), TimedOut, "TIMEOUT"),
        (slow, TimedOut, "TIMEOUT"),
        (refused(500, "INTERNAL"), ServerFault, "INTERNAL"),
        (refused(503, "MAINTENANCE"), ServerFault, "MAINTENANCE"),
        (HTML_502, BadResponse, "BAD_RESPONSE"),
        (raw(408, b""), BadResponse, "BAD_RESPONSE"),
        (raw(307, b""), BadResponse, "BAD_RESPONSE"),
        (broken(httpx2.DecodingError), BadResponse, "BAD_RESPONSE"),  # type: ignore[arg-type]
    ],
)
async def test_an_unanswered_write_is_unknown_and_an_unanswered_read_changed_nothing(
    fault: Reply, kind: type[LayersError], code: str
) -> None:
    for call, certain in ((whoami, True), (override, False), (cancel, False), (order, False)):
        async with client(Upstream(fault)) as layers:
            started = anyio.current_time()
            with pytest.raises(LayersError) as failure:
                await call(layers)
        assert type(failure.value) is kind
        assert failure.value.code == code
        assert failure.value.nothing_changed is certain
        assert failure.value.__context__ is None
        assert anyio.current_time() - started <= 30.5


@pytest.mark.parametrize(
    ("fault", "retryable"),
    [
        (broken(httpx2.ConnectError), True),
        (broken(httpx2.ConnectTimeout), True),
        (broken(httpx2.PoolTimeout), True),
        (broken(httpx2.ProxyError), True),
        (broken(httpx2.ConnectError, "[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), False),
    ],
)
async def test_what_never_left_changed_nothing(fault: Reply, retryable: bool) -> None:
    for call in (whoami, override, order):
        upstream = Upstream(fault)
        async with client(upstream) as layers:
            with pytest.raises(Unreachable) as failure:
                await call(layers)
        assert failure.value.nothing_changed
        assert failure.value.status is None
        assert len(upstream.requests) == (4 if retryable else 1)


@pytest.mark.parametrize(
    ("later", "kind"),
    [
        (refused(402, "BILLING_EXHAUSTED"), BillingExhausted),
        (refused(422, "VALIDATION"), ValidationFailed),
        (refused(429, "RATE_LIMITED"), RateLimited),
        (refused(503, "KILL_SWITCH"), KillSwitch),
        (broken(httpx2.ConnectError), Unreachable),
    ],
)
async def test_a_lost_reply_stays_unknown_whatever_is_answered_later(later: Reply, kind: type[LayersError]) -> None:
    for call in (order, override, cancel):
        async with client(Upstream(broken(httpx2.ReadError), later)) as layers:
            with pytest.raises(kind) as failure:
                await call(layers)
        assert not failure.value.nothing_changed


async def test_retries_end_in_time_however_slow_upstream_is() -> None:
    upstream = Upstream(slow)
    async with client(upstream) as layers:
        for call, least in ((whoami, 3), (order, 1)):
            started, before = anyio.current_time(), len(upstream.requests)
            with pytest.raises(TimedOut):
                await call(layers)
            assert anyio.current_time() - started <= 30.5
            assert len(upstream.requests) - before >= least


async def test_an_answer_made_of_several_reads_ends_in_time_too() -> None:
    pages = 0

    async def unhurried(_: httpx2.Request) -> httpx2.Response:
        nonlocal pages
        pages += 1
        await anyio.sleep(8)
        return httpx2.Response(200, json={"items": [], "nextCursor": f"c{pages}"})

    async def lost(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(9)
        return refused(404, "NOT_FOUND")

    for upstream, call in (
        (Upstream(unhurried), lambda layers: layers.projects.social_accounts("prj_1")),
        (Upstream(lost, slow), lambda layers: layers.projects.review_policy("prj_1")),
    ):
        async with client(upstream) as layers:
            started = anyio.current_time()
            with pytest.raises(TimedOut):
                await call(layers)
            assert anyio.current_time() - started <= 30.5


async def test_a_body_that_trickles_in_is_cut_off_in_time() -> None:
    class Trickle(httpx2.AsyncByteStream):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            while True:
                await anyio.sleep(1)
                yield b" "

    async def trickle(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, stream=Trickle())

    async with client(Upstream(trickle)) as layers:
        started = anyio.current_time()
        with pytest.raises(TimedOut):
            await layers.whoami()
    assert anyio.current_time() - started <= 30.5


@pytest.mark.parametrize(
    "retry_after",
    [
        {"retry_after": "7"},
        {"retry_after": "7.0"},
        {"retry_after": format_datetime(NOW + timedelta(seconds=7), usegmt=True)},
        {
            "retry_after": "Sun, 06 Nov 1994 08:49:44 GMT",
            "date": "Sun, 06 Nov 1994 08:49:37 GMT",
        },
    ],
)
async def test_retry_after_is_obeyed_in_both_forms(retry_after: dict[str, str]) -> None:
    for status, code in ((429, "RATE_LIMITED"), (503, "BUSY")):
        async with client(Upstream(refused(status, code, **retry_after), WHOAMI)) as layers:
            started = anyio.current_time()
            await layers.whoami()
        assert 7 <= anyio.current_time() - started < 8.5


@pytest.mark.parametrize("nonsense", ["soon", "-5", "", "nan", "1e9", "Mon, 99 Foo 2026 00:00:00 GMT"])
async def test_a_senseless_retry_after_is_passed_over(nonsense: str) -> None:
    async with client(Upstream(refused(429, "RATE_LIMITED", retry_after=nonsense), WHOAMI)) as layers:
        started = anyio.current_time()
        await layers.whoami()
    assert anyio.current_time() - started < 3


async def test_a_wait_that_is_longer_than_the_budget_is_told_at_once() -> None:
    upstream = Upstream(refused(429, "RATE_LIMITED", retry_after="3600"))
    async with client(upstream) as layers:
        started = anyio.current_time()
        with pytest.raises(RateLimited) as failure:
            await layers.whoami()
    assert anyio.current_time() - started < 1
    assert failure.value.retry_after == 3600
    assert failure.value.hint == "Wait 3600 seconds, then call again."
    assert len(upstream.requests) == 1


async def test_a_bucket_that_cools_down_holds_back_its_own_calls_and_no_others() -> None:
    upstream = Upstream(refused(429, "RATE_LIMITED", retry_after="20"), WHOAMI)
    times: list[float] = []

    async def read(layers: LayersClient) -> None:
        await layers.whoami()
        times.append(anyio.current_time())

    async with client(upstream) as layers:
        started = anyio.current_time()
        async with anyio.create_task_group() as group:
            group.start_soon(read, layers)
            await anyio.sleep(1)
            upstream.replies = [CREATIVE]
            await layers.ads.set_override("prj_1", "adc_1", override=None)
            assert anyio.current_time() - started < 1.5
            upstream.replies = [ok({"balance": 1, "organizationId": "org_1"})]
            await layers.credits.get()
            assert 20 <= anyio.current_time() - started < 21
    assert [20 <= time - started < 21 for time in times] == [True]
    assert len(upstream.requests) == 4


async def test_a_call_that_cannot_outwait_a_cooldown_is_refused_unsent_and_a_mistaken_one_ends_in_minutes() -> None:
    upstream = Upstream(refused(429, "RATE_LIMITED", retry_after="999999999"), ORDERED)
    async with client(upstream) as layers:
        with pytest.raises(RateLimited):
            await order(layers)
        with pytest.raises(RateLimited) as refusal:
            await order(layers)
        assert len(upstream.requests) == 1
        assert refusal.value.nothing_changed
        assert "nothing was sent" in refusal.value.reason
        await anyio.sleep(300)
        await order(layers)
    assert len(upstream.requests) == 2


async def test_pauses_grow_and_are_not_all_alike() -> None:
    pauses: set[float] = set()
    for _ in range(5):
        async with client(Upstream(broken(httpx2.ConnectError))) as layers:
            started = anyio.current_time()
            with pytest.raises(Unreachable):
                await layers.whoami()
            pauses.add(round(anyio.current_time() - started, 3))
    assert len(pauses) > 1
    assert max(pauses) <= 0.5 + 1 + 2 + 0.2


# Identical reads


async def test_identical_reads_in_flight_share_one_request_and_later_ones_do_not() -> None:
    async def unhurried(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(1)
        return WHOAMI

    upstream = Upstream(unhurried)
    async with client(upstream) as layers:
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(layers.whoami)
        assert len(upstream.requests) == 1
        await layers.whoami()
        assert len(upstream.requests) == 2


async def test_reads_that_differ_do_not_share_and_a_read_after_a_write_is_its_own() -> None:
    async def unhurried(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            await anyio.sleep(5)
        return ok({"items": [], "adsContentId": "adc_1"})

    upstream = Upstream(unhurried)
    async with client(upstream) as layers, anyio.create_task_group() as group:
        group.start_soon(layers.ads.content, "prj_1")
        group.start_soon(layers.ads.content, "prj_2")
        await anyio.sleep(1)
        await layers.ads.set_override("prj_1", "adc_1", override=None)
        await layers.ads.content("prj_1")
    assert [request.method for request in upstream.requests] == ["GET", "GET", "PATCH", "GET"]


async def test_a_caller_that_leaves_a_shared_read_does_not_take_it_from_the_others() -> None:
    async def unhurried(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(5)
        return WHOAMI

    upstream = Upstream(unhurried)
    async with client(upstream) as layers, anyio.create_task_group() as group:
        group.start_soon(layers.whoami)
        with anyio.move_on_after(1):
            await layers.whoami()
    assert len(upstream.requests) == 1


async def test_one_failure_is_told_to_every_caller_of_a_shared_read() -> None:
    upstream = Upstream(refused(401, "UNAUTHENTICATED"))
    failures: list[LayersError] = []

    async def read(layers: LayersClient) -> None:
        with pytest.raises(Unauthenticated) as failure:
            await layers.whoami()
        failures.append(failure.value)

    async with client(upstream) as layers, anyio.create_task_group() as group:
        group.start_soon(read, layers)
        group.start_soon(read, layers)
    assert len(failures) == 2
    assert len(upstream.requests) == 1


async def test_a_commission_outlives_its_caller_when_run_in_the_background() -> None:
    async def unhurried(request: httpx2.Request) -> httpx2.Response:
        await anyio.sleep(3)
        return ORDERED

    upstream = Upstream(unhurried)
    async with TaskSupervisor() as supervisor:
        layers = LayersClient(
            base_url="https://api.layers.test",
            api_key=KEY,
            transport=upstream.transport,
            supervisor=supervisor,
            now=lambda: NOW,
        )
        with anyio.move_on_after(1) as scope:
            await supervisor.run_shielded(lambda: layers.content.order(generate("prj_1", {}), idempotency_key="i"))
    assert scope.cancelled_caught
    assert len(upstream.requests) == 1
