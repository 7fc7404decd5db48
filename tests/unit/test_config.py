"""Flags over environment over defaults; what cannot work is refused in one line."""

from argparse import ArgumentParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import ANY

import pytest

from layers_mcp.cli.serve import add_config_flags
from layers_mcp.config import DEFAULT_BASE_URL, ConfigError, Options, ServerConfig, default_state_dir
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import Policy
from tests.support import configured


def given(*flags: str, **environ: str) -> Options:
    parser = ArgumentParser()
    add_config_flags(parser)
    return Options(parser.parse_args(list(flags)), environ)


def load(*flags: str, **environ: str) -> SimpleNamespace:
    """What a program is told, in one: configuration, credentials and policy."""
    return loaded(given(*flags, **environ))


def loaded(options: Options) -> SimpleNamespace:
    config, credentials, policy = ServerConfig.load(options), Credentials.load(options), Policy.load(options)
    return SimpleNamespace(**vars(config), **vars(credentials), **vars(policy), sources=options.sources)


def world_path(*flags: str) -> Path:
    return ServerConfig.load(given(*flags)).world_path


def settings_of(**known: Any) -> SimpleNamespace:
    """The defaults, but for what is `known`."""
    parts = configured(**known)
    return SimpleNamespace(**vars(parts["config"]), **vars(parts["credentials"]), **vars(parts["policy"]), sources=ANY)


def test_without_anything_the_defaults_hold() -> None:
    settings = load()
    assert settings == settings_of()
    assert (settings.api_key, settings.base_url, settings.log_level) == ("", DEFAULT_BASE_URL, "warning")
    assert (settings.read_only, settings.sandbox, settings.daily_credit_limit) == (False, False, None)
    assert settings.state_dir == default_state_dir()
    assert set(settings.sources.values()) == {"default"}


def test_every_variable_is_read(tmp_path: Path) -> None:
    settings = load(
        LAYERS_API_KEY=" lp_live_a_b\n",
        LAYERS_BASE_URL="https://layers.example/",
        LAYERS_ORGANIZATION="org_1",
        LAYERS_READ_ONLY="true",
        LAYERS_DAILY_CREDIT_LIMIT="500",
        LAYERS_STATE_DIR=str(tmp_path),
        LAYERS_JOURNAL_URL="postgresql://u:p@host/db",
        LAYERS_LOG_LEVEL="DEBUG",
        LAYERS_MEDIA_ORIGIN="https://one.example, HTTPS://Two.example:443 https://one.example\thttps://three.example:8443",
    )
    assert settings == settings_of(
        api_key="lp_live_a_b",
        base_url="https://layers.example",
        organization="org_1",
        read_only=True,
        daily_credit_limit=500,
        state_dir=tmp_path,
        journal_url="postgresql://u:p@host/db",
        log_level="debug",
        media_origin=("https://one.example", "https://two.example", "https://three.example:8443"),
    )
    assert settings.sources["daily_credit_limit"] == "LAYERS_DAILY_CREDIT_LIMIT"


def test_a_flag_wins_over_its_variable(tmp_path: Path) -> None:
    settings = load(
        "--base-url=https://flag.example",
        "--organization=org_flag",
        "--read-only",
        "--daily-credit-limit=1",
        f"--state-dir={tmp_path}",
        "--journal-url=postgresql://flag/db",
        "--log-level=error",
        LAYERS_BASE_URL="https://variable.example",
        LAYERS_ORGANIZATION="org_variable",
        LAYERS_READ_ONLY="false",
        LAYERS_DAILY_CREDIT_LIMIT="nonsense",
        LAYERS_STATE_DIR="/elsewhere",
        LAYERS_JOURNAL_URL="postgresql://variable/db",
        LAYERS_LOG_LEVEL="nonsense",
    )
    assert settings == settings_of(
        base_url="https://flag.example",
        organization="org_flag",
        read_only=True,
        daily_credit_limit=1,
        state_dir=tmp_path,
        journal_url="postgresql://flag/db",
        log_level="error",
    )
    assert settings.sources["base_url"] == "--base-url"


@pytest.mark.parametrize("unset", ["", "  ", "${user_config.anything}"])
def test_an_empty_value_or_a_hosts_placeholder_counts_as_unset(unset: str) -> None:
    names = ["API_KEY", "BASE_URL", "ORGANIZATION", "READ_ONLY", "SANDBOX", "DAILY_CREDIT_LIMIT", "STATE_DIR"]
    settings = load(**{f"LAYERS_{name}": unset for name in [*names, "JOURNAL_URL", "LOG_LEVEL"]})
    assert settings == settings_of()
    assert load(f"--organization={unset}", LAYERS_ORGANIZATION="org_1").organization == "org_1"


def test_the_key_comes_from_a_file_where_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("\ufefflp_live_file_x\n", "utf-8")
    settings = load(f"--api-key-file={file}", LAYERS_API_KEY="lp_live_variable_x")
    assert settings.api_key == "lp_live_file_x"
    assert settings.sources["api_key"] == "--api-key-file"


def test_secrets_are_in_no_repr() -> None:
    settings = configured(api_key="lp_live_secret_key", journal_url="postgresql://u:secret_word@h/d")
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("spelling", ["1", "true", "YES", "on"])
def test_a_switch_is_turned_on_in_any_usual_spelling(spelling: str) -> None:
    assert load(LAYERS_SANDBOX=spelling).sandbox
    assert load(LAYERS_READ_ONLY=spelling).read_only


@pytest.mark.parametrize("spelling", ["0", "false", "No", "off"])
def test_a_switch_is_turned_off_in_any_usual_spelling(spelling: str) -> None:
    assert not load(LAYERS_SANDBOX=spelling).sandbox


def test_on_the_sandbox_nothing_points_outside_and_the_files_lie_apart(tmp_path: Path) -> None:
    settings = load(
        "--sandbox",
        f"--state-dir={tmp_path}",
        LAYERS_API_KEY="lp_live_a_b",
        LAYERS_BASE_URL="not even a URL",
        LAYERS_JOURNAL_URL="nor this",
    )
    assert (settings.api_key, settings.base_url, settings.journal_url) == ("", DEFAULT_BASE_URL, "")
    assert settings.state_dir == tmp_path / "sandbox"
    assert settings.sources["api_key"] == "ignored on the sandbox"


def test_every_way_to_the_sandbox_finds_the_same_world(tmp_path: Path) -> None:
    here = f"--state-dir={tmp_path}"
    assert world_path(here, "--sandbox") == world_path(here) == tmp_path / "sandbox" / "world.db"


def test_a_state_key_is_read_from_its_file_and_a_short_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"k" * 32)
    (tmp_path / "short").write_bytes(b"k" * 31)
    assert ServerConfig.load(given(f"--state-key-file={tmp_path / 'key'}")).state_key == b"k" * 32
    with pytest.raises(ConfigError, match="at least 32 random bytes"):
        load(f"--state-key-file={tmp_path / 'short'}")


def test_a_home_directory_is_understood() -> None:
    assert load("--state-dir=~/layers").state_dir == Path.home() / "layers"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.layers.com",
        "https://gateway.example/layers",
        "http://localhost:8787",
        "http://127.0.0.1:8787",
        "http://127.8.9.1",
        "http://[::1]:8787",
    ],
)
def test_https_anywhere_and_http_to_this_machine_are_taken(url: str) -> None:
    assert load(f"--base-url={url}/").base_url == url


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://API.Layers.com", "https://api.layers.com"),
        ("https://api.layers.com:443/", "https://api.layers.com"),
        ("https://api.layers.com.", "https://api.layers.com"),
        ("HTTPS://api.layers.com.:443//", "https://api.layers.com"),
        ("https://api.layers.com:8443/V1/", "https://api.layers.com:8443/V1"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("http://[::1]:80", "http://[::1]"),
        ("http://127.0.0.1:443", "http://127.0.0.1:443"),
    ],
)
def test_a_base_url_has_one_form_however_it_is_spelled(url: str, normal: str) -> None:
    assert load(f"--base-url={url}").base_url == normal
    assert ServerConfig(base_url=normal).base_url == normal


def test_a_vintage_is_found_out_unless_it_is_named() -> None:
    assert load().vintage == "auto"
    assert load("--vintage=Current").vintage == "current"
    with pytest.raises(ConfigError, match="--vintage must be one of auto, preview, current"):
        load("--vintage=newest")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.layers.com",
        "http://localhost.evil.example",
        "http://127.0.0.1@evil.example",
        "http://127.0.0.1:80@evil.example",
        "https://user:word@api.layers.com",
        "http://127.0.0.1.evil.example",
        "http://evil.example#@localhost",
        "http://evil.example?localhost",
        "http://localhost\\@evil.example",
        "http://2130706433",
        "http://0.0.0.0",
        "http://[::]",
        "http://localhost:99999",
        "http://ⓛocalhost",
        "http://local\thost",
        "http://",
        "https:///v1",
        "ftp://localhost",
        "file:///etc/passwd",
        "api.layers.com",
        "https://[::1",
    ],
)
def test_a_base_url_that_would_show_the_key_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="--base-url must"):
        load(f"--base-url={url}")
    with pytest.raises(ConfigError, match="base_url must"):
        ServerConfig(base_url=url)


@pytest.mark.parametrize(
    ("environ", "source"),
    [
        ({"LAYERS_READ_ONLY": "maybe"}, "LAYERS_READ_ONLY"),
        ({"LAYERS_SANDBOX": "2"}, "LAYERS_SANDBOX"),
        ({"LAYERS_DAILY_CREDIT_LIMIT": "-1"}, "LAYERS_DAILY_CREDIT_LIMIT"),
        ({"LAYERS_DAILY_CREDIT_LIMIT": "1.5"}, "LAYERS_DAILY_CREDIT_LIMIT"),
        ({"LAYERS_DAILY_CREDIT_LIMIT": "²"}, "LAYERS_DAILY_CREDIT_LIMIT"),
        ({"LAYERS_LOG_LEVEL": "loud"}, "LAYERS_LOG_LEVEL"),
        ({"LAYERS_CONFIRM": "maybe"}, "LAYERS_CONFIRM"),
        ({"LAYERS_CONFIRM_SECONDS": "-7"}, "LAYERS_CONFIRM_SECONDS"),
        ({"LAYERS_CONFIRM_SECONDS": "3601"}, "LAYERS_CONFIRM_SECONDS"),
        ({"LAYERS_CONFIRM_SECONDS": "1.5"}, "LAYERS_CONFIRM_SECONDS"),
        ({"LAYERS_STATE_KEY_FILE": "/no/such/file"}, "LAYERS_STATE_KEY_FILE"),
        ({"LAYERS_JOURNAL_URL": "somewhere"}, "LAYERS_JOURNAL_URL"),
        ({"LAYERS_JOURNAL_URL": "mysql://host/database"}, "LAYERS_JOURNAL_URL"),
        ({"LAYERS_JOURNAL_URL": "postgresql://user:p@ss@host/database"}, "LAYERS_JOURNAL_URL"),
        ({"LAYERS_JOURNAL_URL": "postgresql://user:pa/ss@host/database"}, "LAYERS_JOURNAL_URL"),
        ({"LAYERS_JOURNAL_URL": "postgresql://user:pa?ss@host/database"}, "LAYERS_JOURNAL_URL"),
        ({"LAYERS_JOURNAL_URL": "postgresql://user:pa#ss@host/database"}, "LAYERS_JOURNAL_URL"),
        ({"LAYERS_JOURNAL_URL": "postgresql://user:pa:ss@host/database"}, "LAYERS_JOURNAL_URL"),
        ({"LAYERS_JOURNAL_URL": "postgresql://user:word@host:port/database"}, "LAYERS_JOURNAL_URL"),
        ({"LAYERS_JOURNAL_URL": "sqlite://orders.db"}, "LAYERS_JOURNAL_URL"),
        ({"LAYERS_ORGANIZATION": "org 1"}, "LAYERS_ORGANIZATION"),
        ({"LAYERS_ORGANIZATION": "org_1\r\nX-Evil: 1"}, "LAYERS_ORGANIZATION"),
        ({"LAYERS_API_KEY": "lp_live_a b"}, "LAYERS_API_KEY"),
        ({"LAYERS_API_KEY": "lp_live_\u2026"}, "LAYERS_API_KEY"),
    ],
)
def test_a_bad_value_is_refused_naming_where_it_stood_and_not_the_value(environ: dict[str, str], source: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(**environ)
    assert str(caught.value).startswith(source)
    assert "\n" not in str(caught.value)
    assert environ[source] not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://host/database",
        "postgres://user@host:5432/database",
        "postgresql+psycopg://user:p%40ss%2Fw0rd@[::1]:5432/database?sslmode=require",
        "postgresql:///database?host=/var/run/postgresql",
        "sqlite:////var/lib/layers/orders@home.db",
        "sqlite:///orders.db?timeout=1",
    ],
)
def test_a_journal_url_is_taken_as_it_is(url: str) -> None:
    assert load(LAYERS_JOURNAL_URL=url).journal_url == url


def test_on_the_sandbox_no_key_file_is_read(tmp_path: Path) -> None:
    settings = load("--sandbox", f"--api-key-file={tmp_path / 'missing'}", f"--state-dir={tmp_path}")
    assert settings.api_key == ""
    assert settings.sources["api_key"] == "ignored on the sandbox"


def test_a_key_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\xfa\x00")
    for path in (tmp_path / "missing", tmp_path, binary):
        with pytest.raises(ConfigError, match="--api-key-file cannot be read"):
            load(f"--api-key-file={path}")


def test_flags_may_come_as_a_mapping_and_already_parsed(tmp_path: Path) -> None:
    parsed: dict[str, Any] = {"sandbox": True, "state_dir": str(tmp_path)}
    assert ServerConfig.load(Options(parsed, {})).world_path == tmp_path / "sandbox" / "world.db"


@pytest.mark.parametrize(
    "origin", ["http://localhost:8787", "http://127.0.0.1", "http://[::1]:80", "https://[2001:db8::1]"]
)
def test_media_may_come_from_https_or_from_this_machine(origin: str) -> None:
    assert load(f"--media-origin={origin}").media_origin == (origin.removesuffix(":80"),)


@pytest.mark.parametrize(
    "origins",
    [
        "media.layers.com",
        "http://media.layers.com",
        "https://media.layers.com/",
        "https://media.layers.com/path",
        "https://media.layers.com?query",
        "https://media.layers.com#fragment",
        "https://user:secret@media.layers.com",
        "https://media.layers.com:99999",
        "https://media.layers.com:",
        "https://*.layers.com",
        "https://media.layers.com; script-src *",
        "https://m\u00e9dia.example",
        "ftp://media.layers.com",
        "data:",
        "'unsafe-inline'",
        "https://",
        "https://fine.example http://not.example",
    ],
)
def test_a_media_origin_is_scheme_host_and_port_and_nothing_else(origins: str) -> None:
    with pytest.raises(ConfigError, match=r"^LAYERS_MEDIA_ORIGIN must hold [^\n]+$") as caught:
        load(LAYERS_MEDIA_ORIGIN=origins)
    assert "secret" not in str(caught.value)
