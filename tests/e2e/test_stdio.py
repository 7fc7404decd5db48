"""The real program on stdio: pure, prompt, and gone when its client is."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from layers_mcp.tools import CATALOG
from tests.e2e.program import INITIALIZE, INITIALIZED, Program, call_of, environment
from tests.support import PATIENCE

pytestmark = pytest.mark.subprocess

KEY = "lp_live_e2e_s3cr3tw0rd"


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_client_of_either_era_runs_a_tool_of_the_real_program(mode: str, tmp_path: Path) -> None:
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "layers_mcp", "--sandbox"], env=environment(tmp_path)
    )
    async with Client(parameters, mode=mode) as client:
        assert client.protocol_version == {"legacy": "2025-11-25", "auto": "2026-07-28"}[mode]
        assert [tool.name for tool in (await client.list_tools()).tools] == list(CATALOG)
        result = await client.call_tool("list_projects", {"search": "acme"})
    assert not result.is_error
    assert [row["name"] for row in result.structured_content["projects"]] == ["acme-todo"]


ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "impatient", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
DISCOVER = {"jsonrpc": "2.0", "id": "discover", "method": "server/discover", "params": {"_meta": ENVELOPE}}


@pytest.mark.parametrize("answered", [False, True])
def test_a_client_that_gave_server_discover_up_is_served_from_its_initialize_on(answered: bool, tmp_path: Path) -> None:
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "discover"}}
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.send(DISCOVER)
        if answered:
            assert "2026-07-28" in program.receive()["result"]["supportedVersions"]
        program.send(cancelled, INITIALIZE)
        while (answer := program.receive())["id"] == "discover":
            pass
        program.send(INITIALIZED)
        assert answer["result"]["protocolVersion"] == "2025-11-25"
        assert not program.call(1, "list_projects")["isError"]
        assert program.end() == (0, [], "")


def test_an_initialize_amid_a_conversation_of_the_later_era_is_refused(tmp_path: Path) -> None:
    listing = {"jsonrpc": "2.0", "id": "list", "method": "tools/list", "params": {"_meta": ENVELOPE}}
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.send(DISCOVER, listing)
        while program.receive()["id"] != "list":
            pass
        program.send(INITIALIZE)
        assert program.receive()["error"]["code"] == -32022


def test_at_end_of_input_it_leaves_at_once_and_stdout_held_nothing_but_messages(tmp_path: Path) -> None:
    with Program("--sandbox", env=environment(tmp_path)) as program:
        answer = program.handshake()
        code, rest, log = program.end()
    assert answer["result"]["serverInfo"]["name"] == "layers-mcp"
    assert (code, rest, log) == (0, [], "")


def test_a_call_under_way_does_not_hold_it_back_at_end_of_input(tmp_path: Path) -> None:
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.handshake()
        [project] = program.call(1, "list_projects", search="acme")["structuredContent"]["projects"]
        order = program.call(2, "generate_with_hook", project_id=project["project_id"], hook="A hook")
        program.send(call_of(3, "wait_job", job_ids=[order["structuredContent"]["job_id"]], timeout_seconds=40))
        code, _, log = program.end()
    assert (code, log) == (0, "")


def test_without_any_input_it_leaves_cleanly(tmp_path: Path) -> None:
    with Program("--sandbox", env=environment(tmp_path)) as program:
        assert program.end() == (0, [], "")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_though_its_stdin_stays_open(number: int, tmp_path: Path) -> None:
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.handshake()
        program.call(1, "list_projects")
        program.signal(number)
        assert program.end(close=False) == (0, [], "")


def test_windows_newlines_and_blank_noise_are_understood(tmp_path: Path) -> None:
    with Program("--sandbox", env=environment(tmp_path)) as program:
        assert "result" in program.handshake(newline="\r\n")
        program.write(b'{"not": "a message"}\r\n\xff\xfe garbage\r\n')
        program.send({"jsonrpc": "2.0", "id": 7, "method": "ping"}, newline="\r\n")
        while (message := program.receive()).get("id") != 7:
            assert "error" in message
        assert "result" in message


def test_a_byte_order_mark_before_the_first_message_is_passed_over(tmp_path: Path) -> None:
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.write(b"\xef\xbb\xbf")
        assert program.handshake()["result"]["serverInfo"]["name"] == "layers-mcp"
        assert program.end() == (0, [], "")


PING = '{"jsonrpc": "2.0", "id": 7, "method": "ping", "params": {"x": %s}}'
UNREADABLE = {
    "no JSON": ("hello", -32700, None),
    "cut short": (PING[:40], -32700, None),
    "nested without end": ("[" * 100_000, -32700, None),
    "a batch": ('[{"jsonrpc": "2.0", "id": 7, "method": "ping"}]', -32600, None),
    "no object": ("42", -32600, None),
    "no message": ('{"id": 7, "method": "ping"}', -32600, 7),
    "an id with a fraction": ('{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}', -32600, None),
    "an id of null": ('{"jsonrpc": "2.0", "id": null, "method": "ping"}', -32600, None),
    "an id of true": ('{"jsonrpc": "2.0", "id": true, "method": "ping"}', -32600, None),
    "an answer without a result": ('{"jsonrpc": "2.0", "id": 7}', -32600, None),
    "arguments nested 300 levels": (PING % ("[" * 300 + "]" * 300), -32600, 7),
    "an integer of 5,000 digits": (PING % ("9" * 5_000), -32600, 7),
}


def test_a_line_that_holds_no_message_is_answered_and_warned_of_once_and_the_next_is_served(tmp_path: Path) -> None:
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.handshake()
        for line, code, request_id in UNREADABLE.values():
            program.write(f"{line}\n".encode())
            answer = program.receive()
            assert (answer["error"]["code"], answer["id"]) == (code, request_id), line[:80]
        program.write(b"\n \r\n")
        assert not program.call(8, "list_projects")["isError"]
        code, rest, log = program.end()
    assert (code, rest) == (0, [])
    assert log.count("WARNING") == log.count("\n") == len(UNREADABLE)


def test_a_bare_carriage_return_is_white_space_as_in_any_json(tmp_path: Path) -> None:
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.handshake()
        program.write(b'{"jsonrpc": "2.0",\r"id": 7,\r\t"method": "ping"}\r\n')
        assert program.receive() == {"jsonrpc": "2.0", "id": 7, "result": {}}


def test_a_text_cut_inside_an_emoji_is_answered_like_any_other(tmp_path: Path) -> None:
    with Program("--sandbox", env=environment(tmp_path)) as program:
        program.handshake()
        result = program.call(1, "list_projects", search="rocket \ud83d")
    assert not result["isError"]
    assert result["structuredContent"]["projects"] == []


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "cp1252"}]
)
def test_text_of_every_script_passes_whatever_the_locale(locale: dict[str, str], tmp_path: Path) -> None:
    hook = "Größer, 大きい, 🚀"
    with Program("--sandbox", env=environment(tmp_path, **locale)) as program:
        program.handshake()
        [project] = program.call(1, "list_projects", search="acme")["structuredContent"]["projects"]
        order = program.call(2, "generate_with_hook", project_id=project["project_id"], hook=hook)
        assert not order["isError"]
        reviewed = program.call(3, "review_commissions")["structuredContent"]["commissions"]
        code, _, log = program.end()
    assert [commission["hook"] for commission in reviewed] == [hook]
    assert (code, log) == (0, "")


@pytest.mark.parametrize("level", ["debug", "info"])
def test_the_key_is_in_no_output_at_any_log_level(level: str, tmp_path: Path) -> None:
    env = environment(tmp_path, LAYERS_API_KEY=KEY, LAYERS_BASE_URL="http://127.0.0.1:9", LAYERS_LOG_LEVEL=level)
    with Program(env=env) as program:
        program.handshake()
        answer = program.call(1, "decide_content", container_id="c", decision="approve")
        code, rest, log = program.end()
    assert answer["isError"]
    assert answer["content"][0]["text"].startswith("UNREACHABLE: ")
    assert code == 0
    for output in (json.dumps([answer, rest]), log):
        assert "s3cr3tw0rd" not in output
    assert "Traceback" not in log


def test_what_customers_publish_is_in_no_log_even_at_debug_level(tmp_path: Path) -> None:
    hook = "Nobody has seen this launch yet"
    with Program("--sandbox", "--log-level=debug", env=environment(tmp_path)) as program:
        program.handshake()
        [project] = program.call(1, "list_projects", search="acme")["structuredContent"]["projects"]
        order = program.call(2, "generate_with_hook", project_id=project["project_id"], hook=hook)
        review = program.call(3, "review_commissions")
        _, _, log = program.end()
    assert not order["isError"]
    assert hook in json.dumps(review)
    assert "POST /v1/projects/" in log
    assert hook not in log
    assert "INSERT" not in log


def ran(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "layers_mcp", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE)


def test_a_bad_setting_is_one_line_on_stderr_and_exit_code_2(tmp_path: Path) -> None:
    result = ran("--base-url", "http://127.0.0.1@evil.example", env=environment(tmp_path))
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("layers-mcp: --base-url must be ")
    assert result.stderr.count("\n") == 1


def test_an_unset_placeholder_of_a_host_counts_as_no_key(tmp_path: Path) -> None:
    with Program(env=environment(tmp_path, LAYERS_API_KEY="${user_config.api_key}")) as program:
        program.handshake()
        text = program.call(1, "list_projects")["content"][0]["text"]
    assert text.startswith("NOT_CONFIGURED: ")
    assert "user_config" not in text


LATE = (
    "sqlalchemy",
    "layers_mcp.analytics",
    "layers_mcp.api",
    "layers_mcp.operations",
    "layers_mcp.sandbox",
    "layers_mcp.views",
)


def test_what_only_a_call_needs_is_not_loaded_at_start() -> None:
    script = (
        "import sys\n"
        "from layers_mcp.app import create_server\n"
        "from layers_mcp.config import ServerConfig\n"
        "create_server(ServerConfig(sandbox=True))\n"
        "print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    tools = [name for name in loaded if name.startswith("layers_mcp.tools.")]
    assert "layers_mcp.app" in loaded
    assert [name for name in LATE if name in loaded] == []
    assert tools == []


def test_a_client_that_stops_reading_ends_it_without_a_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "layers_mcp", "--sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(tmp_path),
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(json.dumps(INITIALIZE).encode() + b"\n", timeout=PATIENCE)
    assert (process.returncode, err) == (0, b"")


def test_a_command_whose_reader_has_gone_ends_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "layers_mcp", "doctor", "--sandbox"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(tmp_path))
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_without_a_stdin_it_says_so_on_stderr_and_fails(tmp_path: Path) -> None:
    command = f"exec '{sys.executable}' -m layers_mcp --sandbox <&-"
    result = subprocess.run(
        ["sh", "-c", command], env=environment(tmp_path), capture_output=True, text=True, timeout=PATIENCE
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert "CRITICAL" in result.stderr


@pytest.fixture
def heeding_interrupts() -> Iterator[None]:
    """Children heed SIGINT, also where the tests run in a shell's background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.usefixtures("heeding_interrupts")
def test_an_interrupted_command_ends_quietly(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Program("doctor", env=environment(tmp_path, LAYERS_API_KEY=KEY, LAYERS_BASE_URL=url)) as program:
            asked, _ = silent.accept()
            with asked:
                program.signal(signal.SIGINT)
                code, err = program.interrupted()
    assert (code, err) == (130, "")
