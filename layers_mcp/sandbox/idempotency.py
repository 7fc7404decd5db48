"""Idempotency-Key: the first success under a key is kept for a day and returned again, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable

from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.responses import ApiError, Response

KEPT_SECONDS = 24 * 3600


def run_once(ctx: RequestContext, endpoint: str, path: str, body: object, handler: Callable[[], Response]) -> Response:
    """Run `handler` unless the request's key was used with this endpoint before.

    Two at once queue for the write, so the second finds the first's answer. Errors are not kept.
    """
    key = ctx.headers.get("idempotency-key")
    if not key:
        return handler()
    asked = json.dumps([path, body], sort_keys=True)
    known = ctx.one(
        "SELECT * FROM idempotency WHERE api_key_id = ? AND endpoint = ? AND idempotency_key = ? AND created_at > ?",
        ctx.principal.key_id,
        endpoint,
        key,
        ctx.now - KEPT_SECONDS,
    )
    if known is not None:
        if known["request"] != asked:
            raise ApiError("IDEMPOTENCY_CONFLICT", "This Idempotency-Key was used with another request.")
        return Response(known["status"], known["body"].encode())
    response = handler()
    ctx.db.execute(
        "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
        (ctx.principal.key_id, endpoint, key, asked, response.status, response.body.decode(), ctx.now),
    )
    return response
