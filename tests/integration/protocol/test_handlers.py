"""A catalog on the wire, in both eras, as a client meets it."""

import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import jsonschema
import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, PromptReference, TextContent

from layers_mcp.protocol.catalog import Catalog
from layers_mcp.protocol.handlers import Handlers
from layers_mcp.protocol.request import ClientRequest
from tests.support.example_server import Garden, GardenContext, count, fail, garden_server, prompts

ERAS = ["legacy", "auto"]
"""The modes of the client: the handshake of up to 2025-11-25, and 2026-07-28 where the server speaks it."""


@pytest.fixture(params=ERAS)
def era(request: pytest.FixtureRequest) -> str:
    return request.param


def text_of(result: CallToolResult) -> str:
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


async def call(era: str, name: str, arguments: Mapping[str, Any] | None = None, **options: Any) -> CallToolResult:
    async with Client(garden_server(**options), mode=era) as client:
        return await client.call_tool(name, dict(arguments or {}))


async def test_tools_are_listed_in_order_with_their_definitions(era: str) -> None:
    async with Client(garden_server(), mode=era) as client:
        tools = (await client.list_tools()).tools
        assert client.instructions == "Look first."
    assert [tool.name for tool in tools] == ["look", "plant", "fail", "count"]
    assert tools[0].title == "Look at flowers"
    assert tools[0].annotations is not None
    assert tools[0].annotations.read_only_hint is True


async def test_a_result_is_the_same_as_structure_and_as_compact_text(era: str) -> None:
    result = await call(era, "look", {"colour": "red", "tallest": 50.0, "kinds": '["rose"]'})
    assert not result.is_error
    assert json.loads(text_of(result)) == result.structured_content
    assert ": " not in text_of(result)
    assert result.structured_content == {
        "flowers": [
            {"name": "rose", "colour": "red", "height_cm": 50, "range_cm": [1.0, 2.5]},
            {"name": "plain", "colour": "white", "scents": ["sweet"]},
        ],
        "notes": [],
        "counts": {"kinds": 1, "sun": "0.5"},
    }


async def test_an_empty_answer_says_that_it_is_empty(era: str) -> None:
    result = await call(era, "look", {"colour": "red", "deep": True})
    assert result.structured_content["flowers"] == []


async def test_results_conform_to_the_output_schema_that_was_listed(era: str) -> None:
    async with Client(garden_server(), mode=era) as client:
        schema = (await client.list_tools()).tools[0].output_schema
        result = await client.call_tool("look", {"colour": "yellow"})
    jsonschema.validate(result.structured_content, schema, cls=jsonschema.Draft202012Validator)


async def test_a_failure_tells_what_happened_what_changed_and_what_to_do(era: str) -> None:
    result = await call(era, "fail", {"how": "words"})
    assert result.is_error
    assert result.structured_content is None
    assert text_of(result) == "WILTED (410): It wilted. Nothing was changed. Plant anew. requestId: req_1"


@pytest.mark.parametrize("how", ["blight", "group"])
async def test_an_error_of_the_tools_world_is_mapped_also_out_of_a_task_group(era: str, how: str) -> None:
    result = await call(era, "fail", {"how": how})
    assert text_of(result) == "BLIGHT: fail met a blight. Nothing was changed."


async def test_an_unexpected_exception_reaches_the_log_and_never_the_client(
    era: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        result = await call(era, "fail", {"how": "bug"})
    assert text_of(result).startswith("INTERNAL: ")
    assert "secret" not in text_of(result)
    assert "Unknown whether it took effect" in text_of(result)
    assert "key_of_the_garden" in caplog.text


@pytest.mark.jumping
async def test_a_call_that_hangs_is_answered_at_the_deadline(era: str) -> None:
    with anyio.fail_after(45):
        result = await call(era, "fail", {"how": "hang"})
    assert text_of(result) == (
        "TIMEOUT: No answer within 43 seconds. "
        "Unknown whether it took effect: calling again with the same arguments is safe."
    )


@pytest.mark.jumping
async def test_a_caller_that_goes_away_stops_its_call_and_nothing_else(era: str) -> None:
    garden = Garden()
    async with Client(garden_server(garden), mode=era) as client:
        with anyio.move_on_after(1) as left:
            await client.call_tool("fail", {"how": "hang"})
        await anyio.sleep(1)
        assert left.cancelled_caught
        assert garden.abandoned == ["hang"]
        assert not (await client.call_tool("count")).is_error


async def test_an_argument_error_is_a_result_and_the_tool_is_not_run(era: str) -> None:
    garden = Garden()
    async with Client(garden_server(garden), mode=era) as client:
        result = await client.call_tool("plant", {"name": "rose", "where": "here"})
    assert result.is_error
    assert text_of(result) == (
        "INVALID_ARGUMENT: Unknown argument `where`. Valid arguments: `name`. Nothing was changed. "
        "Correct this and call again."
    )
    assert garden.planted == []


async def test_an_unknown_tool_is_a_protocol_error_without_an_echo(era: str) -> None:
    async with Client(garden_server(), mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.call_tool("burn_it_down", {})
    assert caught.value.code == -32602
    assert "burn" not in caught.value.message


async def test_progress_is_told_where_it_was_asked_for(era: str) -> None:
    told: list[tuple[float, float | None, str | None]] = []

    async def listen(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))

    async with Client(garden_server(), mode=era) as client:
        await client.call_tool("plant", {"name": "rose"}, progress_callback=listen)
    assert told == [(1, 2, "digging"), (2, 2, "planted")]


async def test_the_world_is_opened_and_closed_with_the_connection(era: str) -> None:
    garden = Garden()
    async with Client(garden_server(garden), mode=era) as client:
        await client.call_tool("plant", {"name": "rose"})
        counted = await client.call_tool("count")
        assert counted.structured_content == {"name": "1"}
        assert garden.open
    assert not garden.open


async def test_a_prompt_is_listed_and_filled_with_its_arguments(era: str) -> None:
    async with Client(garden_server(), mode=era) as client:
        [prompt] = (await client.list_prompts()).prompts
        filled = await client.get_prompt("walk", {"bed": "bed 7"})
    assert [(argument.name, argument.required) for argument in prompt.arguments or ()] == [
        ("bed", True),
        ("pace", False),
    ]
    content = filled.messages[0].content
    assert isinstance(content, TextContent)
    assert content.text == "Walk along bed 7 at ease, and mind the {braces}.\n"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("run", {}),
        ("walk", {}),
        ("walk", {"bed": "1", "shoes": "2"}),
        ("walk", {"bed": "x" * 201}),
        ("walk", {"bed": "a\nb"}),
    ],
)
async def test_a_prompt_that_cannot_be_written_is_a_protocol_error(
    era: str, name: str, arguments: dict[str, str]
) -> None:
    async with Client(garden_server(), mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.get_prompt(name, arguments)
    assert caught.value.code == -32602


async def test_a_resource_is_listed_and_read(era: str) -> None:
    async with Client(garden_server(), mode=era) as client:
        [resource] = (await client.list_resources()).resources
        [contents] = (await client.read_resource("garden://guide")).contents
        templates = (await client.list_resource_templates()).resource_templates
    assert (resource.uri, resource.title, resource.mime_type) == ("garden://guide", "Guide", "text/markdown")
    assert contents.model_dump()["text"] == "# Roses\n"
    assert templates == []


@pytest.mark.parametrize(("version", "code"), [("legacy", -32002), ("auto", -32602)])
async def test_an_unknown_resource_is_told_in_the_code_of_its_era(version: str, code: int) -> None:
    async with Client(garden_server(), mode=version) as client:
        with pytest.raises(MCPError) as caught:
            await client.read_resource("garden://shed")
    assert caught.value.code == code


async def test_a_cursor_that_was_never_given_is_refused(era: str) -> None:
    async with Client(garden_server(), mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.list_tools(cursor="page 2")
    assert caught.value.code == -32602


async def test_a_prompt_argument_is_completed_with_at_most_a_hundred_values(era: str) -> None:
    async with Client(garden_server(), mode=era) as client:
        completion = (await client.complete(PromptReference(name="walk"), {"name": "bed", "value": ""})).completion
    assert len(completion.values) == 100
    assert (completion.total, completion.has_more) == (150, True)


@pytest.mark.jumping
@pytest.mark.parametrize("typed", ["hang", "bug"])
async def test_a_completion_that_fails_or_hangs_is_empty(era: str, typed: str) -> None:
    async with Client(garden_server(), mode=era) as client:
        completion = (await client.complete(PromptReference(name="walk"), {"name": "bed", "value": typed})).completion
    assert completion.values == []


async def test_completing_what_no_prompt_takes_is_a_protocol_error(era: str) -> None:
    async with Client(garden_server(), mode=era) as client:
        with pytest.raises(MCPError) as caught:
            await client.complete(PromptReference(name="walk"), {"name": "shoes", "value": ""})
    assert caught.value.code == -32602


async def test_a_server_of_tools_alone_has_defaults_for_the_rest(era: str) -> None:
    @asynccontextmanager
    async def alone(request: ClientRequest) -> AsyncGenerator[GardenContext]:
        yield GardenContext(Garden(), request.progress)

    handlers = Handlers(Catalog.of(count, fail), resolve=alone, prompts=prompts)
    server = handlers.server("bare", version="1", title="Bare", instructions="Count.")
    async with Client(server, mode=era) as client:
        assert (await client.list_resources()).resources == []
        assert not (await client.call_tool("count")).is_error
        assert text_of(await client.call_tool("fail", {"how": "blight"})).startswith("INTERNAL: ")
        completion = (await client.complete(PromptReference(name="walk"), {"name": "bed", "value": ""})).completion
    assert completion.values == []
