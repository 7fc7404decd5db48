"""The real program against an upstream that answers with the worst: no call is late, and no ping waits for another.

A ping is late by the work that the program did while it waited, in seconds of processor time: a busy machine makes
every ping slow and none of them late.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest
from anyio.abc import ByteStream, Process, SocketAttribute
from anyio.streams.text import TextReceiveStream

from tests.e2e.program import INITIALIZE, INITIALIZED, call_of, environment

pytestmark = [pytest.mark.slow, pytest.mark.subprocess]

CALL_SECONDS = 45.0
HUNG_SECONDS = 30.0
PING_WORK_SECONDS = 1.0
BETWEEN_PINGS = 0.1
AT_ONCE = 8

MIB = 1024 * 1024
LARGEST = 4 * MIB


def http(body: bytes, *headers: str, status: str = "200 OK", kind: str = "application/json") -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def listing(row: str, size: int) -> bytes:
    """A page of as many equal rows as fit into `size` bytes."""
    return ('{"items":[' + ",".join([row] * (size // (len(row) + 1) - 4)) + "]}").encode()


def filled(before: str, unit: str, after: str, size: int) -> bytes:
    return (before + unit * ((size - len(before) - len(after)) // len(unit)) + after).encode()


RANKED = '{"rank":1,"organic":{"views":9,"engagementRate":0.1},"paid":{"spend":1}}'

ANSWERS: dict[str, bytes] = {
    # sizes
    "4 MiB of empty rows": http(listing("{}", LARGEST)),
    "4 MiB of real rows": http(listing(RANKED, LARGEST)),
    "4 MiB of numbers": http(listing("1", LARGEST)),
    "4 MiB of texts": http(listing('"' + "x" * 900 + '"', LARGEST)),
    "4 MiB of fields": http(("{" + ",".join(f'"k{n}":{n}' for n in range(250_000)) + "}").encode()),
    "4 MiB of one text": http(filled('{"items":[{"title":"', "ab", '"}]}', LARGEST)),
    "4 MiB of one number": http(filled('{"items":[{"rank":', "9", "}]}", LARGEST)),
    "4 MiB of one id": http(filled('{"items":[{"rank":1,"platformPostId":"', "p", '"}]}', LARGEST)),
    "a row with 4 MiB of files": http(
        filled('{"items":[{"rank":1,"organic":{"platforms":[', '"t",', '"t"]}}]}', LARGEST)
    ),
    "4 MiB of escapes": http(filled('{"items":[{"title":"', "\\ud83d", '"}]}', LARGEST)),
    "4 MiB of blanks": http(filled('{"items":[', " ", "]}", LARGEST)),
    "15 MiB": http(listing("{}", 15 * MIB)),
    "a length that is a lie": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{",
    # shapes
    "nested deeply": http(b'{"items":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "objects nested deeply": http(b'{"items":' * 50_000 + b"1" + b"}" * 50_000),
    "a cursor of 200 KB": http(filled('{"items":[],"nextCursor":"', "c", '"}', 200_000)),
    "a list": http(b"[]"),
    "null": http(b"null"),
    "a number": http(b"1e999"),
    "a text": http(b'"ok"'),
    "nothing": http(b""),
    "cut short": http(b'{"items":[{"rank":1'),
    "a page of HTML": http(b"<html>" * 1000, status="502 Bad Gateway", kind="text/html"),
    "an error with 4 MiB of details": http(
        b'{"error":{"code":"VALIDATION","message":"m","details":' + listing('{"path":["a"]}', LARGEST - 100) + b"}}",
        status="422 Unprocessable",
    ),
    # encodings
    "gigabytes in a gzip": http(gzip.compress(b" " * (64 * MIB)), "Content-Encoding: gzip"),
    "a gzip that is none": http(b'{"items":[]}', "Content-Encoding: gzip"),
    "a gzip cut short": http(gzip.compress(listing(RANKED, 100_000))[:-200], "Content-Encoding: gzip"),
    "deflate": http(b'{"items":[]}', "Content-Encoding: deflate"),
    "brotli": http(b'{"items":[]}', "Content-Encoding: br"),
    "encodings on encodings": http(gzip.compress(gzip.compress(b"{}")), "Content-Encoding: gzip, gzip, gzip"),
    "UTF-16": http('{"items":[]}'.encode("utf-16")),
    "Latin-1": http('{"items":[{"title":"é"}]}'.encode("latin-1")),
    "chunks without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 200_000,
    # headers
    "a header of 90 KB": http(b'{"items":[]}', "X-Long: " + "x" * 90_000),
    "a header of 1 MiB": http(b'{"items":[]}', "X-Long: " + "x" * MIB),
    "1,000 headers": http(b'{"items":[]}', *[f"X-{n}: y" for n in range(1000)]),
    "a wait of a century": http(b"{}", "Retry-After: 3155760000", status="429 Too Many Requests"),
    "a wait in an absurd zone": http(
        b"{}", "Retry-After: Mon, 01 Jan 2026 00:00:00 +9999999999", status="503 Service Unavailable"
    ),
    "a wait of 90 KB": http(b"{}", "Retry-After: " + "9" * 90_000, status="503 Service Unavailable"),
    "a date of no calendar": http(b'{"items":[]}', "Date: Mon, 99 Foo 0000 99:99:99 -9999"),
    "a redirection to itself": http(b"", "Location: /", status="302 Found"),
    "a status of its own": http(b"{}", status="999 What"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "a hang-up": b"",
}


async def _endless(stream: ByteStream) -> None:
    """An answer that trickles in and never ends."""
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await stream.send(b"1\r\n \r\n")
        await anyio.sleep(0.5)


async def _silent(_: ByteStream) -> None:
    """No answer at all."""
    await anyio.sleep_forever()


async def _headers_without_end(stream: ByteStream) -> None:
    await stream.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await stream.send(b"X-More: y\r\n")
        await anyio.sleep(0.2)


PLAYED: dict[str, Callable[[ByteStream], Awaitable[None]]] = {
    "a trickle": _endless,
    "silence": _silent,
    "headers without end": _headers_without_end,
}

CASES = [*PLAYED, *ANSWERS]

READS: dict[str, dict[str, Any]] = {
    "rank_top_performers": {"metric": "views", "limit": 100},
    "get_metrics": {"since": "30d", "granularity": "hour"},
}


@asynccontextmanager
async def upstream() -> AsyncIterator[str]:
    """An API whose answer depends on the project that is asked about: its number in `CASES`."""

    async def handle(stream: ByteStream) -> None:
        async with stream:
            try:
                head = await stream.receive()
                case = CASES[int(head.split(b"/projects/", 1)[1].split(b"/", 1)[0])]
                if case in PLAYED:
                    await PLAYED[case](stream)
                elif ANSWERS[case]:
                    await stream.send(ANSWERS[case])
            except (anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
                pass

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        group.cancel_scope.cancel()


class Conversation:
    """JSON-RPC with a child process: who waits for which answer, and how long each took."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._times = psutil.Process(process.pid).cpu_times
        self._waiting: dict[Any, anyio.Event] = {}
        self.answers: dict[Any, dict[str, Any]] = {}

    async def tell(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        await self._process.stdin.send(json.dumps(message).encode() + b"\n")

    async def ask(self, message: dict[str, Any]) -> float:
        """Send a request and wait for its answer; the seconds that took."""
        started, done = anyio.current_time(), anyio.Event()
        self._waiting[message["id"]] = done
        await self.tell(message)
        await done.wait()
        return anyio.current_time() - started

    def work(self) -> float:
        """The seconds of processor time that the process has spent so far."""
        times = self._times()
        return times.user + times.system

    async def listen(self) -> None:
        assert self._process.stdout is not None
        rest = ""
        async for text in TextReceiveStream(self._process.stdout):
            *lines, rest = (rest + text).split("\n")
            for line in filter(None, lines):
                answer = json.loads(line)
                self.answers[answer.get("id")] = answer
                if answer.get("id") in self._waiting:
                    self._waiting[answer["id"]].set()


async def test_no_answer_makes_a_call_late_or_another_wait(tmp_path: Path) -> None:
    took: dict[str, float] = {}
    pings: list[float] = []
    work_before: list[float] = []
    turns = anyio.CapacityLimiter(AT_ONCE + len(PLAYED) * len(READS))

    async with upstream() as url:
        env = environment(tmp_path, LAYERS_API_KEY="lp_test_x", LAYERS_BASE_URL=url)
        command = [sys.executable, "-m", "layers_mcp"]
        async with (
            await anyio.open_process(command, env=env, stderr=None) as process,
            anyio.create_task_group() as group,
        ):
            talk = Conversation(process)
            group.start_soon(talk.listen)
            await talk.ask(INITIALIZE)
            await talk.tell(INITIALIZED)

            async def call(number: int, tool: str, case: str) -> None:
                async with turns:
                    arguments = READS[tool] | {"project_id": str(CASES.index(case))}
                    took[f"{tool}: {case}"] = await talk.ask(call_of(1000 + number, tool, **arguments))

            async def ping() -> None:
                for number in range(10_000, 20_000):
                    before = talk.work()
                    pings.append(await talk.ask({"jsonrpc": "2.0", "id": number, "method": "ping"}))
                    work_before.append(talk.work() - before)
                    await anyio.sleep(BETWEEN_PINGS)

            # what is imported at the first call is not what is tested
            await call(0, "rank_top_performers", "a list")

            async with anyio.create_task_group() as pinging:
                pinging.start_soon(ping)
                with anyio.fail_after(CALL_SECONDS * 2):
                    async with anyio.create_task_group() as cases:
                        for number, (case, tool) in enumerate(product(CASES, READS), start=1):
                            cases.start_soon(call, number, tool, case)
                pinging.cancel_scope.cancel()
            process.terminate()
            group.cancel_scope.cancel()

    assert {case: seconds for case, seconds in took.items() if seconds > CALL_SECONDS} == {}
    assert len(took) == len(CASES) * len(READS)
    assert max(work_before) < PING_WORK_SECONDS, f"{len(pings)} pings, the latest {sorted(work_before)[-5:]}"
    assert max(pings) < HUNG_SECONDS
    texts = [json.dumps(answer) for answer in talk.answers.values()]
    assert [text[:300] for text in texts if "Traceback" in text or "INTERNAL" in text] == []
    assert max(map(len, texts)) < 150_000
