"""Bodies in every size and packing: read within bounds, or refused."""

import gzip
import json
import time
from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

from layers_mcp.api.body import LARGEST_BODY, MOST_PARTS
from layers_mcp.api.decoding import Decoder
from layers_mcp.api.errors import BadResponse
from tests.support.upstream import Upstream, client, ok, raw

PAGE = json.dumps({"items": [{"id": f"prj_{number}", "name": "n" * 2_000} for number in range(200)]}).encode()


def packed(body: bytes, encoding: str) -> httpx2.Response:
    return httpx2.Response(200, stream=Parts(body), headers={"Content-Encoding": encoding})


class Parts(httpx2.AsyncByteStream):
    """A body in parts of a size."""

    def __init__(self, body: bytes, size: int = 16_384) -> None:
        self._body, self._size = body, size

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for place in range(0, len(self._body), self._size):
            yield self._body[place : place + self._size]


@pytest.mark.parametrize("encoding", ["gzip", " GZIP ", "identity", ""])
async def test_a_large_page_is_read_whole_however_it_is_packed(encoding: str) -> None:
    body = gzip.compress(PAGE) if "zip" in encoding.lower() else PAGE
    upstream = Upstream(packed(body, encoding))
    async with client(upstream) as layers:
        page = await layers.projects.list(limit=200)
    assert len(page.items) == 200
    assert upstream.requests[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    "answer",
    [
        raw(200, b" " * LARGEST_BODY + b"{}"),
        packed(gzip.compress(b" " * (LARGEST_BODY + 1)), "gzip"),
        packed(gzip.compress(b"{}") + b"more", "gzip"),
        packed(b"{}", "gzip"),
        packed(b"{}", "deflate"),
        packed(b"{}", "br"),
        packed(gzip.compress(gzip.compress(b"{}")), "gzip, gzip"),
        httpx2.Response(200, stream=Parts(b" " * (MOST_PARTS + 1), size=1)),
    ],
    ids=["large", "a bomb", "more after it", "no gzip", "deflate", "brotli", "twice", "in crumbs"],
)
async def test_what_is_too_large_or_packed_otherwise_is_refused_and_not_asked_for_again(
    answer: httpx2.Response,
) -> None:
    upstream = Upstream(answer)
    async with client(upstream) as layers:
        with pytest.raises(BadResponse, match="cannot be read"):
            await layers.projects.list()
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("body", ['{"items":[]}'.encode("utf-16"), b'{"items":[{"id":"\xe9"}]}', b"[1," * 200_000])
@pytest.mark.jumping
async def test_what_is_no_utf_8_or_has_too_many_values_is_malformed(body: bytes) -> None:
    async with client(Upstream(raw(200, body))) as layers:
        with pytest.raises(BadResponse, match="malformed"):
            await layers.projects.list()


async def test_of_a_large_answer_lists_and_texts_are_cut_to_what_any_answer_has() -> None:
    paid = {"notes": ["n"] * 1_000, "text": "x" * 25_000}
    async with client(Upstream(ok({"items": [{"rank": 1, "paid": paid}] * 110}))) as layers:
        ranking = await layers.metrics.top_performers("prj_1", metric="roas", window="30d")
    assert len(ranking.items) == 100
    assert ranking.items[0].paid is not None
    assert (len(ranking.items[0].paid["notes"]), len(ranking.items[0].paid["text"])) == (200, 20_000)


async def test_large_answers_are_decoded_one_at_a_time_whoever_waits_for_them() -> None:
    decoder = Decoder()
    at_work: list[int] = []
    most = 0

    def work() -> None:
        nonlocal most
        at_work.append(1)
        most = max(most, len(at_work))
        time.sleep(0.01)
        at_work.pop()

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(decoder.run, work)
    assert most == 1
