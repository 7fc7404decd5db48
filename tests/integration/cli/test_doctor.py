"""`layers-mcp doctor` tells whether a call would work, and never the key."""

import io
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Literal

import httpx2
import pytest

from layers_mcp.cli import main
from layers_mcp.cli.doctor import examine
from layers_mcp.config import DEFAULT_MEDIA_ORIGINS, Options, ServerConfig
from layers_mcp.sandbox import Sandbox
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import Policy

KEY = "lp_live_doctor_s3cr3t"


def told(**settings: object) -> Options:
    """Options of a program with these flags, and the key in its variable."""
    key = settings.pop("api_key", "")
    return Options(settings, {"LAYERS_API_KEY": str(key)})


async def findings(options: Options, transport: httpx2.AsyncBaseTransport | None = None) -> tuple[int, str]:
    stream = io.StringIO()
    code = await examine(options, transport=transport, stream=stream)
    return code, stream.getvalue()


async def test_a_working_key_is_told_with_what_it_may_do(tmp_path: Path) -> None:
    sandbox = Sandbox()
    settings = told(api_key=sandbox.api_key, base_url="https://api.layers.test", state_dir=tmp_path)
    code, text = await findings(settings, sandbox.transport())
    assert code == 0
    assert "ok    reach                https://api.layers.test" in text
    assert "metrics:read" in text
    assert all(f" {field.name} " in text for each in (ServerConfig, Credentials, Policy) for field in fields(each))
    assert f"media_origin         {', '.join(DEFAULT_MEDIA_ORIGINS)} (" in text
    assert "Sandbox Agency" in text
    assert sandbox.api_key not in text
    sandbox.close()


async def test_nothing_that_the_api_says_can_steer_the_terminal(tmp_path: Path) -> None:
    hostile = "\x1b]0;owned\x07\x1b[2J"
    whoami = dict.fromkeys(("organizationId", "organizationName", "rateLimitTier"), hostile) | {"scopes": [hostile]}
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json=whoami))
    _, text = await findings(told(api_key=KEY, state_dir=tmp_path), transport)
    assert "\x1b" not in text
    assert "\x07" not in text


async def test_a_journal_in_which_no_order_can_be_written_is_told_before_the_first_order(tmp_path: Path) -> None:
    code, text = await findings(told(sandbox=True, state_dir=tmp_path))
    assert (code, "ok    journal " in text) == (0, True)
    (tmp_path / "sandbox" / "orders.db").write_text("not a database")
    code, text = await findings(told(sandbox=True, state_dir=tmp_path))
    assert code == 1
    [line] = [line for line in text.splitlines() if line.startswith("FAIL")]
    assert "journal" in line
    assert line.endswith("its file is damaged. No order can be placed.")


async def test_the_sandbox_needs_no_key(tmp_path: Path) -> None:
    code, text = await findings(told(sandbox=True, state_dir=tmp_path))
    assert code == 0
    assert "the embedded sandbox" in text


async def test_without_a_key_it_says_how_to_set_one(tmp_path: Path) -> None:
    code, text = await findings(told(state_dir=tmp_path))
    assert code == 1
    assert "NOT_CONFIGURED" in text
    assert "LAYERS_API_KEY" in text


async def test_a_wrong_key_is_told_without_showing_it(tmp_path: Path) -> None:
    sandbox = Sandbox()
    code, text = await findings(told(api_key=KEY, state_dir=tmp_path), sandbox.transport())
    sandbox.close()
    assert code == 1
    assert "UNAUTHENTICATED (401)" in text
    assert KEY not in text


def refuse(request: httpx2.Request) -> httpx2.Response:
    raise httpx2.ConnectError("connection refused", request=request)


def answer_strangely(request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, text="<html>Welcome to the hotel</html>")


@pytest.mark.jumping
@pytest.mark.parametrize(("handler", "code"), [(refuse, "UNREACHABLE"), (answer_strangely, "BAD_RESPONSE")])
async def test_an_api_out_of_reach_or_of_another_kind_fails(
    tmp_path: Path, handler: Callable[[httpx2.Request], httpx2.Response], code: str
) -> None:
    settings = told(api_key=KEY, state_dir=tmp_path)
    exit_code, text = await findings(settings, httpx2.MockTransport(handler))
    assert exit_code == 1
    assert f"FAIL  reach                {code}" in text
    assert "hotel" not in text


class Silent(httpx2.AsyncBaseTransport):
    """Never answers, and heeds no timeout."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        import anyio

        await anyio.sleep_forever()
        raise AssertionError("unreachable")


@pytest.mark.jumping
async def test_an_api_that_never_answers_is_told_in_time(tmp_path: Path) -> None:
    exit_code, text = await findings(told(api_key=KEY, state_dir=tmp_path), Silent())
    assert exit_code == 1
    assert "FAIL  reach" in text


async def test_every_setting_is_told_with_where_it_came_from(tmp_path: Path) -> None:
    settings = Options(
        {"state_dir": str(tmp_path), "read_only": True},
        {"LAYERS_API_KEY": KEY, "LAYERS_DAILY_CREDIT_LIMIT": "1", "LAYERS_JOURNAL_URL": "postgresql://u:w0rd@h/d"},
    )
    _, text = await findings(settings, httpx2.MockTransport(answer_strangely))
    lines = {words[0]: " ".join(words[1:]) for line in text.splitlines() if (words := line.split())}
    assert lines["api_key"] == "set (LAYERS_API_KEY)"
    assert lines["journal_url"] == "set (LAYERS_JOURNAL_URL)"
    assert lines["daily_credit_limit"] == "1 (LAYERS_DAILY_CREDIT_LIMIT)"
    assert lines["read_only"] == "on (--read-only)"
    assert lines["sandbox"] == "off (default)"
    assert lines["organization"] == "none (default)"
    assert "w0rd" not in text


def test_as_a_command_it_ends_with_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["doctor", "--sandbox", f"--state-dir={tmp_path}"])
    assert left.value.code == 0
    assert "the embedded sandbox" in capsys.readouterr().out


@pytest.mark.parametrize("vintage", ["preview", "current"])
async def test_the_doctor_says_which_vintage_was_found_and_why(
    vintage: Literal["preview", "current"], tmp_path: Path
) -> None:
    with Sandbox(vintage=vintage) as sandbox:
        settings = told(api_key=sandbox.api_key, base_url="https://api.layers.test", state_dir=tmp_path)
        code, text = await findings(settings, sandbox.transport())
    assert code == 0
    assert f"ok    vintage              {vintage}: " in text
    assert "policy" in text
