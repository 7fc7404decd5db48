"""What an HTTP server is told: flags over variables over defaults, and combinations that are refused."""

from pathlib import Path
from typing import Any

import pytest

from layers_mcp.config import ConfigError, Options
from layers_mcp.http_config import HttpConfig

KEY = "lp_test_key_secret"


def _load(environ: dict[str, str] | None = None, **flags: Any) -> HttpConfig:
    return HttpConfig.load(Options(flags, environ or {}))


def test_on_loopback_anyone_may_call_and_elsewhere_a_key_is_needed() -> None:
    assert (_load().host, _load().port, _load().auth, _load().url) == (
        "127.0.0.1",
        8000,
        "none",
        "http://127.0.0.1:8000/mcp",
    )
    for host in ("localhost", "::1", "127.0.0.2"):
        assert _load(host=host).auth == "none"
    assert _load(host="0.0.0.0", allowed_host="mcp.example.com").auth == "key"
    assert _load(host="[::1]").url == "http://[::1]:8000/mcp"


def test_every_flag_has_its_variable_and_wins_over_it(tmp_path: Path) -> None:
    environ = {
        "LAYERS_HTTP_HOST": "0.0.0.0",
        "LAYERS_HTTP_PORT": "9000",
        "LAYERS_HTTP_AUTH": "OAuth",
        "LAYERS_HTTP_PUBLIC_URL": "https://mcp.example.com/mcp",
        "LAYERS_HTTP_ALLOWED_HOST": "a.example, b.example:8443",
        "LAYERS_HTTP_ALLOWED_ORIGIN": "https://chat.example.com,app://x",
        "LAYERS_HTTP_OAUTH_ISSUER": "https://issuer.example",
        "LAYERS_HTTP_TENANTS": str(tmp_path),
        "LAYERS_HTTP_MAX_CALLS": "10",
        "LAYERS_HTTP_TENANT_CALLS": "3",
        "LAYERS_HTTP_METRICS_PORT": "9100",
        "LAYERS_HTTP_LOG_FORMAT": "json",
    }
    config = _load(environ)
    assert (config.host, config.port, config.auth) == ("0.0.0.0", 9000, "oauth")
    assert config.resource == config.public_url == "https://mcp.example.com/mcp"
    assert config.allowed_hosts == ("a.example", "b.example:8443")
    assert config.allowed_origins == ("https://chat.example.com", "app://x")
    assert (config.oauth_issuer, config.tenants) == ("https://issuer.example", tmp_path)
    assert (config.max_calls, config.tenant_calls, config.metrics_port, config.log_format) == (10, 3, 9100, "json")
    assert _load(environ, port="1", max_calls="2").port == 1
    assert _load(environ, allowed_host="c.example").allowed_hosts == ("c.example",)


OAUTH = {"auth": "oauth", "oauth_issuer": "https://issuer.example", "tenants": "tenants.toml"}


@pytest.mark.parametrize(
    ("flags", "environ", "reason"),
    [
        (
            {"host": "0.0.0.0", "auth": "none", "public_url": "https://a.example/mcp"},
            {},
            "--auth none is for a loopback",
        ),
        ({"host": "0.0.0.0"}, {}, "needs --public-url or --allowed-host"),
        ({"host": "10.0.0.1", "auth": "key"}, {}, "needs --public-url or --allowed-host"),
        ({"auth": "key"}, {"LAYERS_API_KEY": KEY}, "LAYERS_API_KEY or --api-key-file must not be set"),
        ({"host": "::", "allowed_host": "a.example"}, {"LAYERS_API_KEY": KEY}, "must not be set"),
        ({"auth": "key"}, {"LAYERS_ORGANIZATION": "org_1"}, "--organization belongs to"),
        ({"auth": "oauth"}, {}, "needs --oauth-issuer and --tenants"),
        ({"auth": "oauth", "oauth_issuer": "https://issuer.example"}, {}, "needs --oauth-issuer and --tenants"),
        ({**OAUTH, "host": "0.0.0.0", "allowed_host": "a.example"}, {}, "needs --public-url"),
        ({"oauth_issuer": "https://issuer.example"}, {}, "are for --auth oauth"),
        ({"auth": "key", "tenants": "x"}, {}, "are for --auth oauth"),
        ({"auth": "basic"}, {}, "--auth must be one of none, key, oauth"),
        ({"port": "65536"}, {}, "--port must be a port number"),
        ({"port": "-1"}, {}, "--port must be a port number"),
        ({}, {"LAYERS_HTTP_PORT": "http"}, "LAYERS_HTTP_PORT must be a port number"),
        ({"max_calls": "0"}, {}, "--max-calls must be a whole number"),
        ({"tenant_calls": "1.5"}, {}, "--tenant-calls must be a whole number"),
        ({"metrics_port": "x"}, {}, "--metrics-port must be a port number"),
        ({"log_format": "xml"}, {}, "--log-format must be one of text, json"),
        ({"host": "a b"}, {}, "--host must be a host name"),
        ({"public_url": "http://mcp.example.com/mcp"}, {}, "--public-url must start with https://"),
        ({"public_url": "https://u:p@mcp.example.com/mcp"}, {}, "--public-url must be a URL"),
        ({"public_url": 'https://mcp.example.com/"'}, {}, "--public-url must be a URL"),
        ({"public_url": "https://mcp.example.com/mcp#x"}, {}, "--public-url must be a URL"),
        ({"public_url": "mcp.example.com"}, {}, "--public-url must be a URL"),
        ({"public_url": "https://[::1/mcp"}, {}, "--public-url must be a URL"),
        ({**OAUTH, "oauth_issuer": "http://issuer.example"}, {}, "--oauth-issuer must start with https://"),
        ({"allowed_host": "https://a.example"}, {}, "--allowed-host must be a host"),
        ({"allowed_host": "a.example/x"}, {}, "--allowed-host must be a host"),
        ({"allowed_origin": "*"}, {}, "--allowed-origin must be an origin"),
        ({"allowed_origin": "https://*.example.com"}, {}, "--allowed-origin must be an origin"),
        ({"allowed_origin": "https://a.example/x"}, {}, "--allowed-origin must be an origin"),
        ({}, {"LAYERS_HTTP_ALLOWED_ORIGIN": "null"}, "LAYERS_HTTP_ALLOWED_ORIGIN must be an origin"),
    ],
)
def test_what_is_bad_or_unsafe_is_refused_in_one_line(
    flags: dict[str, str], environ: dict[str, str], reason: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        _load(environ, **flags)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://mcp.example.com/mcp", "https://Mcp.Example.com:8443/a/mcp/", "http://localhost:1/m"]
)
def test_the_public_url_is_kept_character_for_character(url: str) -> None:
    assert _load(public_url=url).resource == url
