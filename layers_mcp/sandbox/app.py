"""The ASGI application: one request in, its faults, its answer, one reply out."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import anyio

from layers_mcp.sandbox.call import Call
from layers_mcp.sandbox.draws import ulid
from layers_mcp.sandbox.evolution import Evolution
from layers_mcp.sandbox.faults import Fault, FaultPlan
from layers_mcp.sandbox.gate import Bucket, RateLimits, allow, identify
from layers_mcp.sandbox.routes import Route, find
from layers_mcp.sandbox.store import Store
from layers_mcp.sandbox.wire import ApiError, Query, Reply, checked, encode, invalid, not_found

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSE_CONNECTION = "layers.close_connection"
"""The scope extension by which a server lets a fault close the connection."""

IDEMPOTENT_SECONDS = 24 * 3600

FAULT_CODES = {
    400: "VALIDATION",
    401: "UNAUTHENTICATED",
    402: "BILLING_EXHAUSTED",
    403: "FORBIDDEN_SCOPE",
    404: "NOT_FOUND",
    409: "CONFLICT",
    422: "VALIDATION",
    429: "RATE_LIMITED",
}
"""What a `status` fault says; any other is `INTERNAL`, a 503 too: the kill switch is no passing fault."""


class DroppedConnectionError(Exception):
    """The exchange was broken off by a fault; `sent` of `length` bytes of the body got through."""

    def __init__(self, sent: int = 0, length: int = 0) -> None:
        super().__init__("The connection was dropped.")
        self.sent = sent
        self.length = length


class Recorded(NamedTuple):
    """A request that came in; `status` is 0 where the connection was dropped."""

    method: str
    path: str
    status: int


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    segments: tuple[str, ...]
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @classmethod
    async def read(cls, scope: Message, receive: Receive) -> Request:
        """The whole request, body included."""
        parts: list[bytes] = []
        more = True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        path = raw.split(b"?")[0].decode("latin-1")
        return cls(
            method=scope["method"],
            path=path,
            segments=tuple(unquote(segment) for segment in path.split("/")),
            query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
            body=b"".join(parts),
        )

    def json(self) -> object:
        """The body as JSON; none at all reads as an empty object."""
        if not self.body:
            return {}
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise invalid("", "The body is not JSON.") from None


@dataclass
class App:
    """The sandbox behind the ASGI interface."""

    store: Store
    evolution: Evolution
    plan: FaultPlan
    now: Callable[[], float]
    rate_limits: RateLimits | None
    requests: deque[Recorded] = field(default_factory=lambda: deque[Recorded](maxlen=5_000))
    _numbers: count[int] = field(default_factory=lambda: count(1))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("the sandbox speaks HTTP only")
        request = await Request.read(scope, receive)
        faults = self.plan.strike(request.method, request.segments)
        if "drop_before" in faults:
            self._record(request, 0)
            return await _drop(scope, receive)
        if "html_502" in faults:
            page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
            reply = Reply(502, page, {"Content-Type": "text/html"})
        elif "status" in faults:
            reply = self._fail(request, faults["status"])
        else:
            reply = self.answer(request, job_fails="job_failed" in faults)
        if "latency" in faults:
            await anyio.sleep(_seconds(faults["latency"]))
        dropped = "drop_after" in faults
        self._record(request, 0 if dropped else reply.status)
        if dropped:
            return await _drop(scope, receive)
        cut = len(reply.body) // 2 if "truncate" in faults else None
        await _send(send, reply, cut)
        if cut is not None:
            await _drop(scope, receive, cut, len(reply.body))
        return None

    def _record(self, request: Request, status: int) -> None:
        self.requests.append(Recorded(request.method, request.path, status))

    def _fail(self, request: Request, fault: Fault) -> Reply:
        status = fault.status or 500
        code = FAULT_CODES.get(status, "INTERNAL")
        headers = {"Retry-After": str(round(_seconds(fault)))} if status == 429 or fault.seconds is not None else {}
        bucket = _bucket(request, find(request.method, request.segments))
        details = {"endpointClass": bucket} if status == 429 else None
        error = ApiError(code, "A fault was asked for.", details=details, headers=headers, status=status)
        return self._refusal(error, bucket)

    # --- answering ---------------------------------------------------------------------------------------------

    def answer(self, request: Request, *, job_fails: bool = False) -> Reply:
        """The reply to one request; what it changes is kept only if it succeeds."""
        found = find(request.method, request.segments)
        bucket = _bucket(request, found)
        try:
            return self._dress(self._answer(request, found, job_fails), bucket)
        except ApiError as error:
            return self._refusal(error, bucket)

    def _answer(self, request: Request, found: tuple[Route, dict[str, str]] | None, job_fails: bool) -> Reply:
        now = self.now()
        self.catch_up(now)
        with self.store.transaction(write=request.method != "GET") as db:
            caller = identify(db, request.headers)
            if found is None:
                raise not_found("Endpoint")
            route, ids = found
            if self.rate_limits is not None:
                self.rate_limits.take(caller.key_id, route.bucket, now)
            allow(caller, route.scope)
            call = Call(db, self.evolution, now, caller, ids, request.headers, job_fails)
            if issubclass(route.form, Query):
                form = route.form.parse(request.query)
                return _reply(route.answer(call, form))
            if request.query:
                raise invalid(request.query[0][0], "This endpoint takes no query.")
            body = request.json()
            form = checked(route.form, body)
            return _once(call, route, request, body, lambda: _reply(route.answer(call, form)))

    def catch_up(self, now: float) -> None:
        """Let happen what should have happened by now."""
        with self.store.transaction(write=False) as db:
            behind = self.evolution.behind(db, now)
        if behind:
            with self.store.transaction(write=True) as db:
                self.evolution.catch_up(db, now)

    def _refusal(self, error: ApiError, bucket: Bucket) -> Reply:
        request_id = self._request_id()
        envelope: dict[str, object] = {"code": error.code, "message": error.message, "requestId": request_id}
        if error.details is not None:
            envelope["details"] = error.details
        reply = Reply(error.status, encode({"error": envelope}), dict(error.headers))
        return self._dress(reply, bucket, request_id)

    def _request_id(self) -> str:
        return f"req_{ulid(self.now(), self.evolution.seed, 'request', next(self._numbers))}"

    def _dress(self, reply: Reply, bucket: Bucket, request_id: str = "") -> Reply:
        headers = {
            "X-RateLimit-Endpoint-Class": bucket,
            "X-Request-Id": request_id or self._request_id(),
            "Date": formatdate(self.now(), usegmt=True),
            **reply.headers,
        }
        if reply.body:
            headers["Content-Type"] = "application/json"
        return Reply(reply.status, reply.body, headers)


def _seconds(fault: Fault) -> float:
    return 1.0 if fault.seconds is None else fault.seconds


def _bucket(request: Request, found: tuple[Route, dict[str, str]] | None) -> Bucket:
    if found is not None:
        return found[0].bucket
    return "read-light" if request.method == "GET" else "write-light"


def _reply(value: object) -> Reply:
    return value if isinstance(value, Reply) else Reply(200, encode(value))


def _once(call: Call, route: Route, request: Request, body: object, work: Callable[[], Reply]) -> Reply:
    """Under an Idempotency-Key the first success is kept for a day and given again, word for word.

    Two at once queue for the write, so the second finds the first's answer. Errors are not kept.
    """
    key = request.headers.get("idempotency-key")
    if not key:
        return work()
    endpoint = f"{route.method} {'/'.join(route.segments)}"
    asked = json.dumps([request.path, body], sort_keys=True)
    known = call.one(
        "SELECT * FROM idempotency WHERE api_key_id = ? AND endpoint = ? AND idempotency_key = ? AND created_at > ?",
        call.caller.key_id,
        endpoint,
        key,
        call.now - IDEMPOTENT_SECONDS,
    )
    if known is not None:
        if known["request"] != asked:
            raise ApiError("IDEMPOTENCY_CONFLICT", "This Idempotency-Key was used with another request.")
        return Reply(known["status"], known["body"].encode())
    reply = work()
    call.db.execute(
        "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
        (call.caller.key_id, endpoint, key, asked, reply.status, reply.body.decode(), call.now),
    )
    return reply


# --- sending ---------------------------------------------------------------------------------------------------------


async def _send(send: Send, reply: Reply, cut: int | None) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
    if reply.status != 304:
        headers.append((b"Content-Length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body[:cut], "more_body": cut is not None})


async def _drop(scope: Message, receive: Receive, sent: int = 0, length: int = 0) -> None:
    """Break the exchange off: close the server's connection, or in process raise what a client would meet."""
    close = scope.get("extensions", {}).get(CLOSE_CONNECTION)
    if close is None:
        raise DroppedConnectionError(sent, length)
    close()
    while (await receive())["type"] != "http.disconnect":
        pass
