"""Whatever is sent, the sandbox answers in the contract's envelope: a client's tests must not trip over it."""

import json
import os
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers_mcp.sandbox import Sandbox
from layers_mcp.sandbox.routes import ROUTES, Route
from tests.integration.sandbox.conftest import HandClock, open_api

pytestmark = pytest.mark.fuzz

TIMES = float(os.environ.get("LAYERS_TEST_STEPS", "1"))

WORDS = ("fork", "include", "views", "project", "day", "30d", "video_remix", "2026-04-10T00:00:00Z", "7", "true", "")

texts = st.one_of(st.sampled_from(WORDS), st.text(max_size=30))
numbers = st.one_of(st.integers(-5, 12), st.integers(-(10**30), 10**30), st.floats(allow_nan=False))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)


def names(route: Route) -> list[str]:
    return [info.alias or name for name, info in route.form.model_fields.items()]


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, str, list[tuple[str, str]], Any]:
    """A request to one endpoint: ids that may exist, parameters that may be right."""
    route = draw(st.sampled_from(ROUTES))
    ids = st.one_of(st.sampled_from(("{acme}", "{globex}", "{uuid}", "{post}")), st.text(min_size=1, max_size=20))
    path = "/".join(draw(ids) if part.startswith(":") else part for part in route.segments)
    keys = st.sampled_from([*names(route), "surprise"])
    query = draw(st.lists(st.tuples(keys, texts), max_size=5)) if route.method == "GET" else []
    nested = st.one_of(
        scalars, st.lists(scalars, max_size=3), st.dictionaries(st.sampled_from(("hook", "cta")), scalars)
    )
    body = draw(st.one_of(st.dictionaries(keys, nested, max_size=5), nested)) if route.method != "GET" else None
    return route.method, path, query, body


def test_no_request_ends_without_an_envelope() -> None:
    with Sandbox(clock=HandClock()) as sandbox:
        acme, globex = sandbox.project_id("acme-todo"), sandbox.project_id("globex-fit")
        known = {
            "acme": acme,
            "globex": globex,
            "uuid": "8a4e0d5c-0000-4000-8000-000000000000",
            "post": sandbox.truth("acme-todo")[0].platform_post_id,
        }

        @settings(max_examples=int(100 * TIMES))
        @given(requests())
        def ask(request: tuple[str, str, list[tuple[str, str]], Any]) -> None:
            method, path, query, body = request
            for name, value in known.items():
                path = path.replace("{" + name + "}", value)
            path = quote(path.encode("utf-8", "surrogatepass"), safe="/")
            clean = [(name, value.encode("utf-8", "replace").decode()) for name, value in query]
            content = b"" if body is None else json.dumps(body).encode()

            async def send() -> None:
                async with open_api(sandbox) as api:
                    reply = await api.client.request(method, path, params=clean, content=content)
                    assert reply.status_code < 500
                    if reply.is_error:
                        error = reply.json()["error"]
                        assert set(error) - {"details"} == {"code", "message", "requestId"}

            anyio.run(send)

        ask()
