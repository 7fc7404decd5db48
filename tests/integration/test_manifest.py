"""The Claude Desktop bundle: what its manifest promises is what the server does."""

import json
import re
import struct
from pathlib import Path
from typing import Any

import pytest

import layers_mcp
from layers_mcp.config import Options, ServerConfig
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import Policy
from layers_mcp.tools import CATALOG
from tests.support import CONFIGURED

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(r"\$\{user_config\.(\w+)\}")


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return json.loads((ROOT / "manifest.json").read_text("utf-8"))


def test_the_bundle_has_the_version_of_the_package(manifest: dict[str, Any]):
    assert manifest["version"] == layers_mcp.__version__


def test_the_bundle_names_the_tools_and_prompts_that_the_server_has(manifest: dict[str, Any]):
    assert [tool["name"] for tool in manifest["tools"]] == list(CATALOG)
    prompts = {path.stem for path in (ROOT / "layers_mcp" / "prompts").glob("*.md")}
    assert {prompt["name"] for prompt in manifest["prompts"]} == prompts


def test_a_tool_stands_in_the_bundle_with_one_sentence(manifest: dict[str, Any]):
    for tool in manifest["tools"]:
        assert re.fullmatch(r"[A-Z][^.?\n]+[.?]", tool["description"]), tool["name"]


def test_the_key_is_kept_secret_and_not_required_since_the_sandbox_needs_none(manifest: dict[str, Any]):
    key = manifest["user_config"]["api_key"]
    assert key["sensitive"] is True
    assert key["required"] is False
    assert not any(option["required"] for option in manifest["user_config"].values())


def test_every_option_reaches_the_server_and_every_variable_is_one_of_its_settings(manifest: dict[str, Any]):
    variables = manifest["server"]["mcp_config"]["env"]
    asked = [PLACEHOLDER.fullmatch(value) for value in variables.values()]
    assert {match[1] for match in asked if match} == set(manifest["user_config"])
    assert set(variables) <= {f"LAYERS_{name.upper()}" for name in CONFIGURED}


def test_options_that_the_host_never_filled_in_count_as_unset(manifest: dict[str, Any]):
    options = Options({}, manifest["server"]["mcp_config"]["env"])
    assert ServerConfig.load(options) == ServerConfig()
    assert Credentials.load(options) == Credentials()
    assert Policy.load(options) == Policy()
    assert set(options.sources.values()) == {"default"}


def test_options_arrive_as_the_text_that_a_host_writes(manifest: dict[str, Any]):
    variables = manifest["server"]["mcp_config"]["env"]
    filled = {"api_key": "lp_test_x", "sandbox": "false", "read_only": "true", "daily_credit_limit": "500"}
    environ = {name: PLACEHOLDER.sub(lambda match: filled.get(match[1], ""), text) for name, text in variables.items()}
    options = Options({}, environ)
    assert Credentials.load(options) == Credentials(api_key="lp_test_x")
    assert Policy.load(options) == Policy(read_only=True, daily_credit_limit=500)
    assert ServerConfig.load(options).sandbox is False


def test_the_icon_is_a_png_of_512_by_512(manifest: dict[str, Any]):
    data = (ROOT / manifest["icon"]).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (512, 512)
    assert manifest["icons"] == [{"src": manifest["icon"], "size": "512x512"}]


def test_the_program_that_the_host_starts_is_in_the_bundle(manifest: dict[str, Any]):
    server = manifest["server"]
    assert server["type"] == "uv"
    assert server["mcp_config"]["args"][-3:] == ["python", "-m", "layers_mcp"]
    assert (ROOT / server["entry_point"]).is_file()
