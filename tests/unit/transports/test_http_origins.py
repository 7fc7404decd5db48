"""Host, Origin and CORS: who may come through a browser, and who only says so."""

import pytest
from starlette.datastructures import Headers

from layers_mcp.transports.http_origins import Origins, cors_headers, is_preflight, normal_origin


def _status(origins: Origins, **headers: str) -> int:
    refusal = origins.refusal(Headers({name.replace("_", "-"): value for name, value in headers.items()}))
    return 200 if refusal is None else refusal.status_code


LOOPBACK = Origins.of(loopback_port=8000)
PUBLIC = Origins.of(loopback_port=None, public_url="https://MCP.example.com/mcp")
BOTH = Origins.of(loopback_port=8000, public_url="https://mcp.example.com:8443/mcp")
NAMED = Origins.of(
    loopback_port=None,
    hosts=["Mcp.Example.com", "10.0.0.1:9000"],
    origins=["https://Chat.example.com:443", "app://obsidian.md"],
)


@pytest.mark.parametrize(
    ("origins", "host", "status"),
    [
        (LOOPBACK, "127.0.0.1:8000", 200),
        (LOOPBACK, "LocalHost:8000", 200),
        (LOOPBACK, "[::1]:8000", 200),
        (LOOPBACK, "localhost", 200),
        (LOOPBACK, "[::1]", 200),
        (LOOPBACK, "127.0.0.1:8001", 421),
        (LOOPBACK, "127.0.0.1:80", 421),
        (LOOPBACK, "evil.example:8000", 421),
        (LOOPBACK, "localhost.:8000", 421),
        (LOOPBACK, "localhost:8000@evil.example", 421),
        (LOOPBACK, "", 421),
        (LOOPBACK, ":8000", 421),
        (PUBLIC, "mcp.example.com", 200),
        (PUBLIC, "mcp.EXAMPLE.com:443", 200),
        (PUBLIC, "mcp.example.com:8000", 421),
        (PUBLIC, "127.0.0.1:8000", 421),
        (BOTH, "mcp.example.com:8443", 200),
        (BOTH, "mcp.example.com", 200),
        (BOTH, "mcp.example.com:443", 421),
        (BOTH, "127.0.0.1:8000", 200),
        (NAMED, "mcp.example.com", 200),
        (NAMED, "10.0.0.1:9000", 200),
        (NAMED, "10.0.0.1:9001", 421),
    ],
)
def test_a_host_is_compared_without_case_and_with_its_port_where_it_has_one(
    origins: Origins, host: str, status: int
) -> None:
    assert _status(origins, host=host) == status


@pytest.mark.parametrize(
    ("origins", "host", "origin", "status"),
    [
        (LOOPBACK, "127.0.0.1:8000", "http://127.0.0.1:8000", 200),
        (LOOPBACK, "127.0.0.1:8000", "http://localhost:8000", 200),
        (LOOPBACK, "127.0.0.1:8000", "http://[::1]:8000", 200),
        (LOOPBACK, "127.0.0.1:8000", "https://127.0.0.1:8000", 403),
        (LOOPBACK, "127.0.0.1:8000", "http://127.0.0.1:3000", 403),
        (LOOPBACK, "127.0.0.1:8000", "http://127.0.0.1", 403),
        (LOOPBACK, "127.0.0.1:8000", "null", 403),
        (LOOPBACK, "127.0.0.1:8000", "", 403),
        (PUBLIC, "mcp.example.com", "https://mcp.example.com", 200),
        (PUBLIC, "mcp.example.com", "http://mcp.example.com", 403),
        (BOTH, "127.0.0.1:8000", "https://mcp.example.com:8443", 200),
        (NAMED, "mcp.example.com", "https://chat.example.com", 200),
        (NAMED, "mcp.example.com", "app://obsidian.md", 200),
        (NAMED, "mcp.example.com", "https://mcp.example.com", 403),
    ],
)
def test_an_origin_is_one_of_those_named(origins: Origins, host: str, origin: str, status: int) -> None:
    assert _status(origins, host=host, origin=origin) == status


def test_a_second_host_or_origin_is_never_let_through() -> None:
    two_hosts = Headers(raw=[(b"host", b"127.0.0.1:8000"), (b"host", b"127.0.0.1:8000")])
    two_origins = Headers(
        raw=[(b"host", b"127.0.0.1:8000"), (b"origin", b"http://localhost:8000"), (b"origin", b"http://evil.example")]
    )
    refusals = LOOPBACK.refusal(two_hosts), LOOPBACK.refusal(two_origins)
    assert [refusal.status_code for refusal in refusals if refusal] == [421, 403]


def test_forwarded_headers_decide_nothing() -> None:
    assert _status(PUBLIC, host="evil.example", x_forwarded_host="mcp.example.com") == 421
    assert _status(PUBLIC, host="mcp.example.com", x_forwarded_host="evil.example") == 200


def test_answers_name_the_origin_that_asked_and_never_allow_credentials() -> None:
    told = cors_headers(Headers({"origin": "https://chat.example.com"}))
    assert told["Access-Control-Allow-Origin"] == "https://chat.example.com"
    assert told["Access-Control-Expose-Headers"] == "WWW-Authenticate, Retry-After"
    assert told["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in told
    assert cors_headers(Headers({})) == {"Vary": "Origin"}


def test_a_preflight_names_an_origin_and_a_method() -> None:
    asking = {"origin": "https://a.example", "access-control-request-method": "POST"}
    assert is_preflight("OPTIONS", Headers(asking))
    assert not is_preflight("POST", Headers(asking))
    assert not is_preflight("OPTIONS", Headers({"origin": "https://a.example"}))


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://A.example:443", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("http://[::1]:80", "http://[::1]"),
        ("app://x", "app://x"),
    ],
)
def test_an_origin_has_one_normal_form(given: str, normal: str) -> None:
    assert normal_origin(given) == normal
