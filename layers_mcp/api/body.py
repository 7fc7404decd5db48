"""The body of a response, read and unpacked within bounds."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, Callable
from typing import cast

import httpx2

LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of an answer, unpacked: a full page is well under one of them."""

MOST_PARTS = 4_096
"""Parts that a body comes in: each takes its time, however small it is."""


class UnreadableBodyError(Exception):
    """The body is larger than any answer, in more pieces, or packed in a way that was not asked for."""


async def read_body(response: httpx2.Response) -> bytes:
    """Return the whole body, unpacked. Raises UnreadableBodyError."""
    unpack = _unpacker(response.headers.get("content-encoding", ""))
    body, parts = bytearray(), 0
    async for part in cast("AsyncIterable[bytes]", response.stream):
        body += unpack(part, LARGEST_BODY + 1 - len(body))
        parts += 1
        if len(body) > LARGEST_BODY or parts > MOST_PARTS:
            raise UnreadableBodyError
    return bytes(body)


def _unpacker(encoding: str) -> Callable[[bytes, int], bytes]:
    """Return what unpacks a part of the body, into no more bytes than there is room for: a small one can hold much."""
    if encoding.strip().lower() in ("", "identity"):
        return lambda part, _: part
    if encoding.strip().lower() != "gzip":
        raise UnreadableBodyError
    gzip = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def unpack(part: bytes, room: int) -> bytes:
        try:
            unpacked = gzip.decompress(part, room)
        except zlib.error:
            raise UnreadableBodyError from None
        if gzip.unconsumed_tail or gzip.unused_data:
            raise UnreadableBodyError
        return unpacked

    return unpack
