"""No `repr`, no finding of the doctor and no complaint about settings holds the key."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from layers_mcp.app import open_context
from layers_mcp.cli import main
from layers_mcp.cli.doctor import examine
from layers_mcp.config import Options
from layers_mcp.sandbox import Sandbox
from layers_mcp.tools.generate_with_hook import generate_with_hook
from tests.security.keys import every_key, everything_logged, secret_in
from tests.support import BASE_URL, configured
from tests.support.key_echo_transport import ECHOES, KeyEchoTransport


def reachable(value: object, seen: dict[int, object], depth: int = 8) -> None:
    """Every object of ours and of the HTTP client that can be reached from `value`."""
    if depth == 0 or id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, dict):
        parts = [*value.values()]
    elif isinstance(value, list | tuple | set | frozenset):
        parts = [*value]
    elif type(value).__module__.split(".")[0] in ("layers_mcp", "httpx2", "sqlalchemy"):
        parts = [*getattr(value, "__dict__", {}).values()]
    else:
        return
    for part in parts:
        reachable(part, seen, depth - 1)


@every_key
async def test_no_repr_of_anything_in_a_workspace_holds_the_key(key: str, tmp_path: Path) -> None:
    sandbox = Sandbox()
    settings = configured(api_key=key, base_url=BASE_URL, state_dir=tmp_path)
    async with open_context(**settings, transport=KeyEchoTransport(key)(sandbox)) as context:
        page = await context.api.projects.list()
        await generate_with_hook(context, project_id=page.items[0].id, hook="Plan less.")
        seen: dict[int, object] = {}
        reachable([context, page], seen)
        objects = [value for value in seen.values() if type(value).__module__ != "builtins"]
        shown = [f"{value!r} {value}" for value in objects]
    sandbox.close()
    assert {type(value).__name__ for value in objects} >= {
        "ServerConfig",
        "Credentials",
        "Transport",
        "Secret",
        "AsyncClient",
        "Operations",
    }
    assert not [text for text in shown if secret_in(text, key)]
    assert not secret_in(f"{settings!r} {settings}", key)


@every_key
@pytest.mark.parametrize(
    "echo",
    [
        "headers",
        "content",
        "content, parted by '\\u200b'",
        "redirect",
        "page",
        "401 UNAUTHENTICATED",
        "401 UNAUTHENTICATED, parted",
        "connection lost",
    ],
)
@pytest.mark.jumping
async def test_the_doctor_never_tells_the_key(key: str, echo: str, tmp_path: Path) -> None:
    sandbox, upstream, output = Sandbox(), KeyEchoTransport(key), io.StringIO()
    upstream.echo = ECHOES[echo](key)
    options = Options({"base_url": BASE_URL, "state_dir": str(tmp_path)}, {"LAYERS_API_KEY": key})
    with everything_logged(key) as log:
        await examine(options, transport=upstream(sandbox), stream=output)
    sandbox.close()
    assert "set (LAYERS_API_KEY)" in output.getvalue()
    assert not secret_in(output.getvalue() + "".join(log), key)


@every_key
def test_no_complaint_about_settings_or_flags_repeats_the_key(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text(f"{key} and more")
    monkeypatch.setenv("LAYERS_API_KEY", f"{key} {key}")
    for arguments in (
        [],
        ["doctor"],
        ["--api-key", key],
        [f"--api-key={key}"],
        ["doctor", key],
        ["--api-key-file", key],
        ["--api-key-file", str(tmp_path / "key")],
        ["--base-url", f"https://{key}@api.layers.com"],
        ["--log-level", key],
        ["--daily-credit-limit", key],
        ["--journal-url", key],
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2, arguments
        output = "".join(capsys.readouterr())
        assert output, arguments
        assert not secret_in(output, key), arguments
