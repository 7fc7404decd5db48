"""The ASGI application: one request in, its faults, its answer, one response out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import count
from typing import NamedTuple

import anyio

from layers_mcp.sandbox.asgi import (
    ClientDisconnect,
    Message,
    Receive,
    Request,
    Send,
    drop_connection,
    send_response,
)
from layers_mcp.sandbox.auth import authenticate, require_scope
from layers_mcp.sandbox.context import RequestContext
from layers_mcp.sandbox.faults import Fault, FaultPlan, Kind
from layers_mcp.sandbox.idempotency import run_once
from layers_mcp.sandbox.rate_limit import Bucket, RateLimits
from layers_mcp.sandbox.responses import ApiError, Response, encode, invalid, not_found
from layers_mcp.sandbox.routes import Route, find
from layers_mcp.sandbox.schemas import Query, validate
from layers_mcp.sandbox.simulation.engine import Engine
from layers_mcp.sandbox.simulation.rng import ulid
from layers_mcp.sandbox.store import Store
from layers_mcp.sandbox.vintages import Dialect

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


class RecordedRequest(NamedTuple):
    """A request that came in; `status` is 0 where the connection was dropped."""

    method: str
    path: str
    status: int


@dataclass
class App:
    """The sandbox behind the ASGI interface."""

    store: Store
    engine: Engine
    plan: FaultPlan
    now: Callable[[], float]
    dialect: Dialect
    rate_limits: RateLimits | None
    requests: deque[RecordedRequest] = field(default_factory=lambda: deque[RecordedRequest](maxlen=5_000))
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _answered: count[int] = field(default_factory=lambda: count(1))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError("the sandbox speaks HTTP only")
        try:
            request = await Request.read(scope, receive)
        except ClientDisconnect:
            return None  # half a request does nothing
        faults = self.plan.faults_for(request.method, request.segments, {name for name, _ in request.query})
        if "drop_before" in faults:
            self._record(request, 0)
            return await drop_connection(scope, receive)
        if "html_502" in faults:
            page = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
            response = Response(502, page, {"Content-Type": "text/html"})
        elif "status" in faults:
            response = self._fail(request, faults["status"][0])
        else:
            response = self.answer(request, faults)
        if "latency" in faults:
            await anyio.sleep(_seconds(faults["latency"][0]))
        dropped = "drop_after" in faults
        self._record(request, 0 if dropped else response.status)
        if dropped:
            return await drop_connection(scope, receive)
        cut = len(response.body) // 2 if "truncate" in faults else None
        await send_response(send, response, cut)
        if cut is not None:
            await drop_connection(scope, receive, cut, len(response.body))
        return None

    def _record(self, request: Request, status: int) -> None:
        self.requests.append(RecordedRequest(request.method, request.path, status))

    def _fail(self, request: Request, fault: Fault) -> Response:
        status = fault.status or 500
        code = fault.code or FAULT_CODES.get(status, "INTERNAL")
        headers = {"Retry-After": str(round(_seconds(fault)))} if status == 429 or fault.seconds is not None else {}
        bucket = _bucket(request, find(request.method, request.segments, self.dialect.vintage))
        details = {"endpointClass": bucket} if status == 429 else None
        error = ApiError(code, "A fault was asked for.", details=details, headers=headers, status=status)
        return self._refusal(error, bucket)

    # --- answering ---------------------------------------------------------------------------------------------

    def answer(self, request: Request, faults: Mapping[Kind, Sequence[Fault]]) -> Response:
        """Return the response to one request; what it changes is kept only if it succeeds."""
        found = find(request.method, request.segments, self.dialect.vintage)
        bucket = _bucket(request, found)
        try:
            return self._with_headers(self._answer(request, found, faults), bucket)
        except ApiError as error:
            return self._refusal(error, bucket)

    def _answer(
        self, request: Request, found: tuple[Route, dict[str, str]] | None, faults: Mapping[Kind, Sequence[Fault]]
    ) -> Response:
        now = self.now()
        self.catch_up(now)
        with self.store.transaction(write=request.method != "GET") as db:
            principal = authenticate(db, request.headers)
            if found is None:
                raise not_found("Endpoint")
            route, ids = found
            if self.rate_limits is not None:
                self.rate_limits.take(principal.key_id, route.bucket, now)
            require_scope(principal, route.scope)
            ctx = RequestContext(
                db=db,
                engine=self.engine,
                now=now,
                principal=principal,
                path=ids,
                headers=request.headers,
                dialect=self.dialect,
                number=next(self._answered),
                faults=faults,
            )
            if issubclass(route.form, Query):
                form = route.form.parse(request.query)
                return _to_response(ctx, route.answer(ctx, form))
            if request.query:
                raise invalid(request.query[0][0], "This endpoint takes no query.")
            body = request.json()
            form = validate(route.form, body)
            endpoint = f"{route.method} {'/'.join(route.segments)}"
            return run_once(ctx, endpoint, request.path, body, lambda: _to_response(ctx, route.answer(ctx, form)))

    def catch_up(self, now: float) -> None:
        """Let happen what should have happened by now."""
        with self.store.transaction(write=False) as db:
            behind = self.engine.behind(db, now)
        if behind:
            with self.store.transaction(write=True) as db:
                self.engine.catch_up(db, now)

    def _refusal(self, error: ApiError, bucket: Bucket) -> Response:
        request_id = self._request_id()
        envelope: dict[str, object] = {"code": error.code, "message": error.message, "requestId": request_id}
        if error.details is not None:
            envelope["details"] = self.dialect.translate(error.details)
        response = Response(error.status, encode({"error": envelope}), dict(error.headers))
        return self._with_headers(response, bucket, request_id)

    def _request_id(self) -> str:
        return f"req_{ulid(self.now(), self.engine.seed, 'request', next(self._numbers))}"

    def _with_headers(self, response: Response, bucket: Bucket, request_id: str = "") -> Response:
        headers = {
            "X-RateLimit-Endpoint-Class": bucket,
            "X-Request-Id": request_id or self._request_id(),
            "Date": formatdate(self.now(), usegmt=True),
            **response.headers,
        }
        if response.body:
            headers["Content-Type"] = "application/json"
        return Response(response.status, response.body, headers)


def _seconds(fault: Fault) -> float:
    return 1.0 if fault.seconds is None else fault.seconds


def _bucket(request: Request, found: tuple[Route, dict[str, str]] | None) -> Bucket:
    if found is not None:
        return found[0].bucket
    return "read-light" if request.method == "GET" else "write-light"


def _to_response(ctx: RequestContext, value: object) -> Response:
    return value if isinstance(value, Response) else ctx.response(200, value)
