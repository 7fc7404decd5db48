"""What goes over the wire."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx2
import pytest

from layers_mcp.api.errors import BadResponse, InvalidArgument, NotConfigured, Unreachable, ValidationFailed
from layers_mcp.api.shared import SharedResources
from tests.support.upstream import KEY, NOW, Upstream, client, clone, generate, ok, refused

HOSTILE_IDS = ["../whoami", "a/b", "%2e%2e", "a%2fb", "a?b=c", "a#b", "..;x", "a\\b", " a ", "ä", "\x00", "a\nb"]


async def test_a_request_carries_the_key_and_the_organization_and_nothing_else_that_identifies() -> None:
    upstream = Upstream(ok({"organizationId": "org_1"}))
    async with client(upstream, organization="org_child") as layers:
        await layers.whoami()
    headers = upstream.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["x-layers-organization"] == "org_child"
    assert headers["accept"] == "application/json"
    assert not {"x-api-key", "content-type", "cookie", "idempotency-key"} & set(headers)


async def test_without_an_organization_its_header_is_left_out() -> None:
    upstream = Upstream(ok({"organizationId": "org_1"}))
    async with client(upstream) as layers:
        await layers.whoami()
    assert "x-layers-organization" not in upstream.requests[0].headers


async def test_a_base_url_may_end_in_a_slash() -> None:
    upstream = Upstream(ok({"organizationId": "org_1"}))
    async with client(upstream, base_url="http://127.0.0.1:8787/") as layers:
        await layers.whoami()
    assert str(upstream.requests[0].url) == "http://127.0.0.1:8787/v1/whoami"


async def test_lists_are_repeated_keys_and_times_full_utc() -> None:
    upstream = Upstream(ok({"series": [], "totals": {}}))
    plus_two = datetime(2026, 4, 10, 2, tzinfo=timezone(timedelta(hours=2)))
    async with client(upstream) as layers:
        await layers.metrics.get(
            "prj_1",
            scope="project",
            id="prj_1",
            metrics=["views", "engagement_rate"],
            since=plus_two,
            until=datetime(2026, 4, 17, 0, 0, 0, 999999, tzinfo=UTC),
            granularity="day",
        )
    assert upstream.requests[0].url.path == "/v1/projects/prj_1/metrics"
    assert upstream.requests[0].url.params.multi_items() == [
        ("scope", "project"),
        ("id", "prj_1"),
        ("metrics", "views"),
        ("metrics", "engagement_rate"),
        ("since", "2026-04-10T00:00:00Z"),
        ("until", "2026-04-17T00:00:00Z"),
        ("granularity", "day"),
    ]


async def test_an_ineligible_row_is_asked_for_only_when_wanted() -> None:
    upstream = Upstream(ok({"metric": "views", "window": "30d", "items": []}))
    async with client(upstream) as layers:
        await layers.metrics.top_performers("prj_1", metric="views", window="30d")
        await layers.metrics.top_performers(
            "prj_1",
            metric="views",
            window="7d",
            source_types=["platform_post", "manual"],
            platforms=["tiktok"],
            include_ineligible=True,
        )
    first, second = (request.url.params.multi_items() for request in upstream.requests)
    assert first == [("metric", "views"), ("window", "30d"), ("limit", "100")]
    assert second[2:] == [
        ("sourceType", "platform_post"),
        ("sourceType", "manual"),
        ("platform", "tiktok"),
        ("limit", "100"),
        ("includeIneligible", "true"),
    ]


async def test_an_api_without_a_gate_is_asked_without_one_once_any_client_was_refused_the_parameter() -> None:
    def reply(request: httpx2.Request) -> httpx2.Response:
        return refused(422, "VALIDATION") if "includeIneligible" in request.url.params else ok({"items": []})

    upstream, shared = Upstream(reply), SharedResources()
    for key in ("lp_test_one", "lp_test_two"):
        async with client(upstream, api_key=key, shared=shared) as layers:
            ranking = await layers.metrics.top_performers(
                "prj_1", metric="views", window="30d", include_ineligible=True
            )
            assert ranking.items == []
    assert ["includeIneligible" in request.url.params for request in upstream.requests] == [True, False, False]


async def test_a_ranking_that_is_refused_for_another_reason_blames_no_parameter() -> None:
    upstream = Upstream(refused(422, "VALIDATION"))
    async with client(upstream) as layers:
        for _ in range(2):
            with pytest.raises(ValidationFailed):
                await layers.metrics.top_performers("prj_1", metric="views", window="30d", include_ineligible=True)
    assert ["includeIneligible" in request.url.params for request in upstream.requests] == [True, False] * 2


async def test_booleans_and_numbers_are_written_as_json_would() -> None:
    upstream = Upstream(ok({"items": []}))
    async with client(upstream) as layers:
        await layers.ads.content("prj_1", scoring_pool=["ugc"], min_score=4.5, eligible=False, override="none")
    assert upstream.requests[0].url.params.multi_items() == [
        ("scoringPool", "ugc"),
        ("minScore", "4.5"),
        ("override", "none"),
        ("eligible", "false"),
        ("limit", "50"),
    ]


async def test_clearing_an_override_sends_an_explicit_null() -> None:
    upstream = Upstream(ok({"adsContentId": "adc_1"}))
    async with client(upstream) as layers:
        await layers.ads.set_override("prj_1", "adc_1", override=None)
        await layers.ads.set_override("prj_1", "adc_1", override="include", note="keep")
    assert upstream.requests[0].method == "PATCH"
    assert upstream.requests[0].content == b'{"override":null}'
    assert upstream.requests[0].headers["content-type"] == "application/json"
    assert upstream.requests[1].content == b'{"override":"include","note":"keep"}'


async def test_a_commission_sends_its_body_in_order_under_its_idempotency_key() -> None:
    upstream = Upstream(ok({"jobId": "job_1", "containerId": "cnt_1"}, 202))
    body = {"projectId": "prj_1", "sourcePlatformPostId": "pp_1", "mode": "fork", "caption": "Grüße"}
    async with client(upstream) as layers:
        await layers.content.order(clone("3f2a", body), idempotency_key="idem-1")
    request = upstream.requests[0]
    assert (request.method, request.url.path) == ("POST", "/v1/content/3f2a/clone-from-post")
    assert request.headers["idempotency-key"] == "idem-1"
    expected = '{"projectId":"prj_1","sourcePlatformPostId":"pp_1","mode":"fork","caption":"Grüße"}'
    assert request.content == expected.encode()


async def test_a_post_without_a_body_names_no_content_type() -> None:
    upstream = Upstream(ok({"jobId": "job_1", "accepted": True}, 202))
    async with client(upstream) as layers:
        await layers.jobs.cancel("job_1")
    assert upstream.requests[0].content == b""
    assert "content-type" not in upstream.requests[0].headers


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
async def test_no_id_climbs_out_of_its_path(hostile: str) -> None:
    upstream = Upstream(ok({"id": "sp_1", "status": "queued"}))
    async with client(upstream) as layers:
        with suppress(BadResponse):  # the answer is about another post
            await layers.publishing.get(hostile)
    url = upstream.requests[0].url
    segments = url.raw_path.decode().split("/")
    assert segments[:3] == ["", "v1", "scheduled-posts"]
    assert len(segments) == 4
    assert not url.query
    assert not url.fragment


@pytest.mark.parametrize("impossible", ["", ".", "..", "\ud800"])
async def test_an_id_that_is_no_path_segment_is_refused_unsent(impossible: str) -> None:
    upstream = Upstream(ok({}))
    async with client(upstream) as layers:
        with pytest.raises(InvalidArgument) as refusal:
            await layers.jobs.get(impossible)
    assert refusal.value.nothing_changed
    assert upstream.requests == []


async def test_text_that_is_no_unicode_is_refused_without_quoting_it() -> None:
    upstream = Upstream(ok({}))
    async with client(upstream) as layers:
        with pytest.raises(InvalidArgument) as refusal:
            await layers.content.order(generate("prj_1", {"brief": {"hook": "half \ud83d"}}), idempotency_key="i")
        with pytest.raises(InvalidArgument):
            await layers.projects.list(search="\udc00")
        with pytest.raises(InvalidArgument):
            await layers.jobs.get("j" * 70_000)
    assert refusal.value.__context__ is None
    assert upstream.requests == []


async def test_every_call_without_a_key_says_that_there_is_none() -> None:
    upstream = Upstream(ok({}))
    async with client(upstream, api_key="") as layers:
        with pytest.raises(NotConfigured) as missing:
            await layers.whoami()
        with pytest.raises(NotConfigured):
            await layers.content.approve("cnt_1")
    assert "LAYERS_API_KEY" in missing.value.hint
    assert missing.value.nothing_changed
    assert upstream.requests == []


@pytest.mark.parametrize(
    "settings",
    [{"api_key": "lp_test_with space"}, {"api_key": "lp\n"}, {"api_key": "lp_ä"}, {"organization": "o\r\nx"}],
)
async def test_a_key_or_organization_that_fits_no_header_is_refused_unsent(settings: dict[str, str]) -> None:
    upstream = Upstream(ok({}))
    async with client(upstream, **settings) as layers:
        with pytest.raises(NotConfigured) as refusal:
            await layers.whoami()
    assert all(value not in str(refusal.value) for value in settings.values())
    assert upstream.requests == []


async def test_cookies_of_an_answer_are_not_sent_back() -> None:
    upstream = Upstream(ok({"organizationId": "org_1"}, set_cookie="session=1; Path=/"))
    async with client(upstream) as layers:
        await layers.whoami()
        await layers.whoami()
    assert "cookie" not in upstream.requests[1].headers


async def test_the_http_client_is_built_at_the_first_call_and_closed_with_the_client() -> None:
    upstream = Upstream(ok({"organizationId": "org_1"}))
    async with client(upstream) as layers:
        transport: Any = layers._transport
        assert "_http" not in vars(transport)
        await layers.whoami()
        http: httpx2.AsyncClient = transport._http
    assert http.is_closed


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "ftp://user:word@proxy.example"),
        ("HTTPS_PROXY", "http://user:pa/ss@proxy.example:8080"),
        ("HTTPS_PROXY", "user:pa/ss@proxy.example:8080"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
    ],
)
async def test_a_proxy_or_certificate_file_that_cannot_be_used_is_told_without_its_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    async with client(Upstream(), transport=None) as layers:
        with pytest.raises(Unreachable, match="proxy or the certificates") as failure:
            await layers.whoami()
    assert "ss@" not in repr(failure.value) + failure.value.reason + failure.value.hint
    assert variable in failure.value.hint
    assert failure.value.nothing_changed
    assert failure.value.__context__ is None


async def test_social_accounts_are_read_to_the_last_page_and_a_cursor_that_returns_ends_it() -> None:
    first = {"items": [{"socialAccountId": "sa_1"}], "nextCursor": "c1"}
    second = {"items": [{"socialAccountId": "sa_2"}], "nextCursor": "c1"}
    upstream = Upstream(ok(first), ok(second))
    async with client(upstream) as layers:
        accounts = await layers.projects.social_accounts("prj_1")
    assert [account.social_account_id for account in accounts] == ["sa_1", "sa_2"]
    assert upstream.requests[1].url.params["cursor"] == "c1"
    assert len(upstream.requests) == 2


async def test_the_other_reads_ask_for_what_they_are_named_after() -> None:
    upstream = Upstream(ok({"items": [], "series": []}))
    async with client(upstream) as layers:
        await layers.projects.list(search="acme", status="archived", limit=5, cursor="c")
        await layers.content.list("prj_1", status=["completed"], since=NOW, until=NOW, limit=200, cursor="c")
        await layers.ads.metrics(
            "prj_1",
            scope="ad",
            id="ad_1",
            metrics=["spend"],
            platforms=["meta_ads"],
            since=NOW,
            until=NOW,
            granularity="week",
        )
    stamp = "2026-04-17T12%3A00%3A00Z"
    assert [request.url.raw_path.decode() for request in upstream.requests] == [
        "/v1/projects?search=acme&status=archived&limit=5&cursor=c",
        f"/v1/projects/prj_1/content?status=completed&since={stamp}&until={stamp}&limit=200&cursor=c",
        "/v1/projects/prj_1/ads-metrics?scope=ad&id=ad_1&metrics=spend&platforms=meta_ads"
        f"&since={stamp}&until={stamp}&granularity=week",
    ]
