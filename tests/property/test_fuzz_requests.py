"""Whatever is sent, the sandbox answers in the contract's envelope: a client's tests must not trip over it."""

import json
import os
from urllib.parse import quote

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.routes import ROUTES, Route
from layers_mcp.sandbox.vintages import VINTAGES, Vintage
from tests.integration.sandbox.conftest import HandClock, open_api

pytestmark = pytest.mark.fuzz

TIMES = float(os.environ.get("LAYERS_TEST_STEPS", "1"))

KNOWN = ("acme", "globex", "uuid", "post", "container", "account", "scheduled", "influencer")
"""Ids that exist, each written in braces."""

KNOWN_TEXTS = tuple(f"{{{name}}}" for name in KNOWN)

WORDS = (
    *("fork", "include", "views", "project", "day", "30d", "video_remix", "publish", "direct_publish", "review_all"),
    *("2026-04-10T00:00:00Z", "2026-09-10T00:00:00Z", "7", "7123456789", "true", ""),
)

TARGET = ("socialAccountId", "mode", "captionOverride", "scheduledPostId", "tiktokMusic", "surprise")

texts = st.one_of(st.sampled_from(WORDS), st.sampled_from(KNOWN_TEXTS), st.text(max_size=30))
numbers = st.one_of(st.integers(-5, 12), st.integers(-(10**30), 10**30), st.floats(allow_nan=False))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
objects = st.dictionaries(st.sampled_from(("hook", "cta")), scalars)
targets = st.lists(st.dictionaries(st.sampled_from(TARGET), scalars), min_size=1, max_size=3)


def names(route: Route) -> list[str]:
    return [info.alias or name for name, info in route.form.model_fields.items()]


@st.composite
def requests(draw: st.DrawFn, vintage: Vintage) -> tuple[str, str, list[tuple[str, str]], str]:
    """A request to one endpoint: ids that may exist, parameters that may be right; the body as JSON."""
    route = draw(st.sampled_from(ROUTES[vintage]))
    ids = st.one_of(st.sampled_from(KNOWN_TEXTS), st.text(min_size=1, max_size=20))
    path = "/".join(draw(ids) if part.startswith(":") else part for part in route.segments)
    keys = st.sampled_from([*names(route), "surprise"])
    if route.method == "GET":
        return route.method, path, draw(st.lists(st.tuples(keys, texts), max_size=5)), ""
    nested = st.one_of(scalars, st.lists(scalars, max_size=3), objects, targets)
    body = draw(st.one_of(st.dictionaries(keys, nested, max_size=5), nested))
    return route.method, path, [], json.dumps(body, ensure_ascii=False)


async def ids_in(sandbox: Sandbox, clock: HandClock) -> dict[str, str]:
    """One id of each kind, of a project where content is finished and a post is scheduled."""
    async with open_api(sandbox) as api:
        rows = await api.json("GET", api.path("social-accounts", "globex-fit"))
        content = await api.json("GET", api.path("content", "globex-fit"))
        scheduled = await api.json("GET", api.path("scheduled-posts", "globex-fit"))
        influencers = await api.json("GET", api.path("influencers", "globex-fit"))
    return {
        "acme": sandbox.project_id("acme-todo"),
        "globex": sandbox.project_id("globex-fit"),
        "uuid": "8a4e0d5c-0000-4000-8000-000000000000",
        "post": sandbox.truth("acme-todo")[0].platform_post_id,
        "container": content["items"][0]["id"],
        "account": rows["items"][0]["socialAccountId"],
        "scheduled": scheduled["items"][0]["id"],
        "influencer": influencers["items"][1]["influencerId"],
    }


@pytest.mark.parametrize("vintage", VINTAGES)
def test_no_request_ends_without_an_envelope(vintage: Vintage) -> None:
    clock = HandClock()
    with Sandbox(clock=clock, vintage=vintage) as sandbox:
        known = anyio.run(ids_in, sandbox, clock)

        def filled(text: str) -> str:
            for name, value in known.items():
                text = text.replace(f"{{{name}}}", value)
            return text

        @settings(max_examples=int(100 * TIMES))
        @given(requests(vintage))
        def ask(request: tuple[str, str, list[tuple[str, str]], str]) -> None:
            method, path, query, body = request
            path = quote(filled(path).encode("utf-8", "surrogatepass"), safe="/")
            clean = [(name, filled(value).encode("utf-8", "replace").decode()) for name, value in query]
            content = filled(body).encode("utf-8", "replace")

            async def send() -> None:
                async with open_api(sandbox) as api:
                    reply = await api.client.request(method, path, params=clean, content=content)
                    assert reply.status_code < 500
                    if reply.is_error:
                        error = reply.json()["error"]
                        assert set(error) - {"details"} == {"code", "message", "requestId"}

            anyio.run(send)

        ask()
