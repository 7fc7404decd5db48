"""No arguments at all, and no mood of upstream, get anything out of a tool but an answer of its form.

Calls are drawn from each tool's own input schema: good ones, nearly good ones and wild ones, several to an
organization whose upstream fails at random. Every text that is made up here holds a marker that no error may repeat.
The default run makes some two hundred calls at random; `LAYERS_TEST_STEPS=20` makes twenty times as many.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import anyio
import pytest
from httpx2 import AsyncBaseTransport, Request, Response
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from mcp.types import CallToolResult

from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tools import CATALOG
from tests.support.tool_harness import DEFINED, NOTHING_CHANGED, ToolHarness, effect_of, open_tool_harness, text_of

pytestmark = [pytest.mark.jumping, pytest.mark.fuzz]

TIMES = float(os.environ.get("LAYERS_TEST_STEPS", "1"))

MARKER = "zqmarkermarkerzq"

LONGEST_ERROR = 3_000

Call = tuple[str, dict[str, Any]]

Schema = Mapping[str, Any]


# --- values

anything = st.text(st.characters(codec=None, exclude_categories=()), max_size=8)  # halves of surrogate pairs too
marked = st.builds("{}{}{}".format, anything, st.just(MARKER), anything)
hostile = st.sampled_from(
    [
        "",
        " ",
        f"../{MARKER}/..",
        "..",
        f"{MARKER}%2f%00?a=b#c",
        f"{MARKER}\0",
        f"{MARKER}\r\nX-Evil: 1",
        f"\u202e{MARKER}\u200b",
        f'["{MARKER}"',
        f'["{MARKER}", 7]',
        "[" * 5_000,
        f"{MARKER}' OR 1=1 --",
        f"{{{MARKER}}}%s%n${{user_config.{MARKER}}}",
        MARKER * 2_500,
        f"9999999999999999d{MARKER}",
        "9999999999d",
        "9999-12-31",
        "0001-01-01T00:00:00+23:59",
        "2026-04-17T00:00:00+99:99",
        "NaN",
    ]
)
texts = st.one_of(marked, hostile)
names = st.one_of(st.text(max_size=8), hostile)  # the client itself sends no halves of pairs in these
numbers = st.one_of(
    st.integers(),
    st.integers(-3, 120),
    st.sampled_from([10**400, -(10**400), 2**63, 1e308, -0.0, 0.5, 1.0]),
    st.floats(allow_nan=False, allow_infinity=False),
)
WILD = [None, True, 0, -1, 7, 0.5, 10**400, 1e308, MARKER, [], {}, [[MARKER]], [{MARKER: MARKER}], {"a": MARKER}]
WILD += [
    f"{MARKER}\0",
    f"\ud800{MARKER}",
    MARKER * 2_500,
    f'["{MARKER}", 7]',
    [MARKER] * 101,
    "[" * 5_000,
    f"{MARKER}/..",
]
junk = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)


moments = st.sampled_from(["7d", "24h", "4w", "2026-04-10", "2026-04-10T00:00:00Z", "2026-04-10T00:00:00+02:00", "0d"])
known_ids = ("project_id", "project_ids", "source_platform_post_id", "ads_content_id", "job_id", "job_ids", "id")
known_ids += ("container_id", "container_ids")
strange_names = st.sampled_from(
    ["limits", "projectId", "progress", "context", "self", "__class__", "", f"{MARKER}-", "x" * 41]
)


def a_known(parameter: str) -> str:
    """Stands for an id that means something when the call is made."""
    return f"<{parameter}>"


def good(parameter: str, rule: Schema) -> st.SearchStrategy[Any]:
    """Values that the schema allows, ids that mean something among them."""
    if "enum" in rule:
        return st.sampled_from(rule["enum"])
    match rule["type"]:
        case "string":
            if parameter in known_ids:
                return st.one_of(st.just(a_known(parameter)), st.just(a_known(parameter)), marked)
            longest = min(rule.get("maxLength", 1_000), 1_000)
            return st.one_of(texts.map(lambda text: text[:longest]), moments)
        case "integer":
            return st.integers(rule.get("minimum", 0), rule.get("maximum", 10**9))
        case "number":
            return st.floats(rule["minimum"], rule["maximum"])
        case "boolean":
            return st.booleans()
        case _:
            item = good(parameter, rule["items"])
            items = st.lists(item, min_size=rule.get("minItems", 0), max_size=4)
            return st.one_of(items, items.map(json.dumps), item)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A tool and arguments: mostly what its schema allows, at times a wild value, one too few or one too many."""
    name = draw(st.sampled_from(CATALOG))
    schema = DEFINED[name]["inputSchema"]
    arguments: dict[str, Any] = {}
    for parameter, rule in schema["properties"].items():
        chance = draw(st.integers(0, 39))
        if chance < 2:
            arguments[parameter] = draw(junk)
        elif chance < 10 or (parameter in schema.get("required", ()) and chance < 39):
            arguments[parameter] = draw(good(parameter, rule))
    if draw(st.integers(0, 19)) == 19:
        arguments[draw(strange_names)] = draw(junk)
    return name, arguments


faults = st.lists(
    st.builds(
        Fault,
        kind=st.sampled_from(
            ["latency", "status", "status", "drop_before", "drop_after", "truncate", "html_502", "job_failed"]
        ),
        status=st.sampled_from([422, 409, 400, 401, 402, 403, 404, 408, 418, 429, 500, 502, 503, 504, 599]),
        seconds=st.sampled_from([None, 1.0, 9.0, 60.0, 900.0]),
        rate=st.sampled_from([0.1, 0.3, 0.7, 1.0]),
    ),
    max_size=2,
)


class Parrot(AsyncBaseTransport):
    """A sandbox that quotes what was sent in every error: whole, inside of words, escaped, cut."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._way = sandbox.transport()

    async def handle_async_request(self, request: Request) -> Response:
        answer = await self._way.handle_async_request(request)
        if answer.is_success or "json" not in answer.headers.get("Content-Type", ""):
            return answer
        sent = [value for _, value in request.url.params.multi_items()]
        sent += map(unquote, request.url.raw_path.decode().partition("?")[0].split("/"))
        sent += texts_of(json.loads(request.content or b"null"))
        sent.sort(key=lambda value: MARKER not in value)
        body = json.loads(await answer.aread())
        quotes = [f"Got '{value}', in_{value}_here, {json.dumps(value)}, {value[:30]}." for value in sent]
        body["error"]["message"] += " ".join(quotes)
        body["error"].setdefault("details", {})["issues"] = [{"path": [value], "message": value} for value in sent]
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
        return Response(answer.status_code, content=json.dumps(body), headers=headers)


def texts_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in texts_of(part)]


# --- the property


@settings(
    max_examples=int(40 * TIMES),
    suppress_health_check=[*HealthCheck],
    phases=[phase for phase in Phase if phase is not Phase.shrink],  # which takes minutes
)
@given(st.lists(calls(), min_size=1, max_size=8), faults)
async def test_every_call_is_answered_in_its_form_in_time_without_an_echo_and_charges_no_more_than_was_ordered(
    wild: list[Call], trouble: list[Fault]
) -> None:
    with tempfile.TemporaryDirectory() as state_dir:
        async with open_tool_harness(Path(state_dir), transport=Parrot) as harness:
            known = await ids(harness)
            harness.sandbox.faults += trouble
            for name, arguments in wild:
                await answered(harness, name, filled(arguments, known), known)
            harness.sandbox.faults.clear()
            await anyio.sleep(300)
            await books_are_right(harness)


@pytest.mark.parametrize("name", CATALOG)
async def test_every_parameter_refuses_what_its_schema_does_before_any_request_and_echoes_nothing(
    name: str, tmp_path: Path
) -> None:
    """Upstream refuses whatever reaches it, and quotes it."""
    schema = DEFINED[name]["inputSchema"]
    async with open_tool_harness(tmp_path, transport=Parrot) as harness:
        good_call = await harness.ready_for(name)
        harness.sandbox.faults.append(Fault(kind="status", status=422))
        wild = [(good_call | {parameter: value}, parameter) for parameter in schema["properties"] for value in WILD]
        wild += [
            (good_call | {unknown: MARKER}, unknown) for unknown in ("progress", "context", "", f"{MARKER}-é", "x" * 41)
        ]
        wild += [({key: good_call[key] for key in good_call if key != needed}, needed) for needed in good_call]
        for arguments, parameter in wild:
            sent = len(harness.sandbox.requests)
            result = await harness.call(name, arguments)
            text = text_of(result)
            assert MARKER not in own_words(result), (parameter, text)
            if breaks(schema, arguments, parameter):
                assert text.startswith("INVALID_ARGUMENT: "), (parameter, text)
                assert effect_of(text) == NOTHING_CHANGED
            if text.startswith("INVALID_ARGUMENT: "):
                assert len(harness.sandbox.requests) == sent


def breaks(schema: Schema, arguments: dict[str, Any], parameter: str) -> bool:
    """Whether a call has to be refused; null counts as left out, and a list may be written as text."""
    if parameter not in schema["properties"]:
        return True
    rule, value = schema["properties"][parameter], arguments.get(parameter)
    if value is None:
        return parameter in schema.get("required", ())
    if rule["type"] == "array" and isinstance(value, str):
        return False
    return not Draft202012Validator(rule).is_valid(value)


async def answered(harness: ToolHarness, name: str, arguments: dict[str, Any], known: dict[str, str]) -> None:
    charged = len(harness.charges())
    result = await harness.call(name, arguments)
    text = text_of(result)
    assert MARKER not in own_words(result), text
    if result.is_error:
        assert len(text) < LONGEST_ERROR
        if effect_of(text) == NOTHING_CHANGED:
            assert len(harness.charges()) == charged
    content = result.structured_content or {}
    if job_id := content.get("job_id"):
        known |= {"job_id": job_id, "job_ids": job_id}
    for container_id in content.get("container_ids", ()):
        known |= {"container_id": container_id, "container_ids": container_id}


def own_words(result: CallToolResult) -> str:
    """What a result says in our voice: an error is all of it."""
    content = result.structured_content
    if content is None:
        return text_of(result)
    rows = [row for part in content.values() if isinstance(part, list) for row in part if isinstance(row, dict)]
    quoting = [str(row[field]) for row in rows for field in ("reason", "detail", "fix", "error") if field in row]
    return " ".join([*content.get("notes", ()), content.get("next_step", ""), *quoting])


async def books_are_right(harness: ToolHarness) -> None:
    """Every charge is one order's of the journal, and every answered order has one charge."""
    orders = (await harness.facts("review_commissions", limit=100))["commissions"]
    charges = harness.charges()
    assert len(charges) <= len(orders)
    assert all(charges.count(order["job_id"]) == 1 for order in orders if "job_id" in order)


async def ids(harness: ToolHarness) -> dict[str, str]:
    """An id that means something for each parameter that takes one; those of orders come with orders."""
    creatives = await harness.facts("list_ads_content", project_id=harness.project, limit=1)
    content = await harness.facts("get_content", project_id=harness.project, limit=1)
    container = content["items"][0]["container_id"]
    return {
        "project_id": harness.project,
        "project_ids": harness.sandbox.project_id("globex-fit"),
        "id": harness.project,
        "source_platform_post_id": await harness.winner(),
        "ads_content_id": creatives["items"][0]["ads_content_id"],
        "container_id": container,
        "container_ids": container,
        "job_id": "job_none",
        "job_ids": "job_none",
    }


def filled(value: Any, known: Mapping[str, str]) -> Any:
    """The value with every stand-in replaced by the id it stands for."""
    if isinstance(value, str):
        for parameter, id_ in known.items():
            value = value.replace(a_known(parameter), id_)
    elif isinstance(value, list):
        return [filled(item, known) for item in value]
    elif isinstance(value, dict):
        return {key: filled(item, known) for key, item in value.items()}
    return value
