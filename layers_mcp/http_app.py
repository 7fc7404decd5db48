"""Put the HTTP server together: the endpoint, authentication, the tenants' workspaces, servers over the catalog."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from ssl import SSLContext
from typing import Any, Literal, Protocol

import anyio
from httpx2 import AsyncBaseTransport, create_ssl_context
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from opentelemetry.metrics import Meter
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from layers_mcp.config import ServerConfig
from layers_mcp.context import ToolContext
from layers_mcp.http_auth import HttpAuthentication
from layers_mcp.http_config import HttpConfig
from layers_mcp.operations.errors import JournalError
from layers_mcp.protocol.elicitation import Principal
from layers_mcp.protocol.errors import NOTHING_CHANGED, ToolError
from layers_mcp.protocol.request import ClientRequest, Resolve
from layers_mcp.telemetry import CallMetrics
from layers_mcp.tenancy.authentication import Caller
from layers_mcp.tenancy.pool import PoolExhausted, WorkspacePool
from layers_mcp.tenancy.resources import ProcessResources
from layers_mcp.tenancy.signing_keys import SigningKeys
from layers_mcp.tenancy.tenants_file import TenantsFileError
from layers_mcp.tenancy.workspace import Workspace
from layers_mcp.text.secret import Secret
from layers_mcp.tools import load_catalog
from layers_mcp.transports.http import CALLER, CallLimiter, McpEndpoint
from layers_mcp.transports.http_origins import Origins
from layers_mcp.transports.http_routes import MetadataEndpoint, create_http_app
from layers_mcp.transports.http_telemetry import ObservedCalls

logger = logging.getLogger(__name__)

BUSY_SECONDS = 5
"""After which a caller that found no place may try again."""


class BuildServer(Protocol):
    """Builds the SDK's server over the catalog."""

    def __call__(
        self,
        resolve: Resolve,
        config: ServerConfig,
        *,
        read_only: bool,
        cache_scope: Literal["public", "private"],
        principal: Principal,
    ) -> Server[Any]: ...


def _principal(context: ServerRequestContext[Any]) -> str | None:
    """Name the tenant that a state belongs to, without giving its key away."""
    request: Any = context.request
    caller: Caller = request.scope[CALLER]
    credentials = caller.credentials
    return Secret(f"{credentials.api_key} {credentials.organization}").fingerprint()


class HttpApp:
    """The ASGI application of one process. It serves between its lifespan's start and end."""

    def __init__(
        self,
        config: HttpConfig,
        resources: ProcessResources,
        build_server: BuildServer,
        *,
        meter: Meter | None = None,
        issuer_transport: AsyncBaseTransport | None = None,
    ) -> None:
        """`meter` makes the metrics' instruments, else the process's own; `issuer_transport` is the way to the issuer.

        Raises ConfigError for a bad tenants file.
        """
        self._config = config
        self._resources = resources
        self._build_server = build_server
        self._metrics = CallMetrics(lambda: len(self._pool), meter)
        resources.clients.verify, resources.clients.observe = _tls_context(), self._metrics.upstream_answered
        resources.observe_order = self._metrics.ordered
        self._pool = WorkspacePool(self._open_workspace, is_busy=lambda workspace: workspace.busy)
        self._calls = CallLimiter(config.max_calls)
        self._tenant_calls: dict[Caller, int] = {}
        self._keys = SigningKeys(config.oauth_issuer, transport=issuer_transport) if config.auth == "oauth" else None
        self._authentication = HttpAuthentication(config, self._keys)
        self._managers = {read_only: self._make_manager(read_only) for read_only in (False, True)}
        self._origins = Origins.of(
            loopback_port=config.port if config.on_loopback else None,
            public_url=config.public_url,
            hosts=config.allowed_hosts,
            origins=config.allowed_origins,
        )
        self._application = self._make_application()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)

    @property
    def busy(self) -> bool:
        """Whether a call runs, or an order whose caller has left."""
        return bool(self._calls.running) or self._pool.busy

    @property
    def calls_running(self) -> int:
        """How many POSTs run now."""
        return self._calls.running

    @property
    def tenants_open(self) -> int:
        """How many tenants' workspaces are open."""
        return len(self._pool)

    def drain(self) -> None:
        """Take no more calls; those that run go on."""
        self._calls.drain()

    def reload(self) -> None:
        """Read the tenants file again; a bad one changes nothing. Without OAuth there is nothing to read."""
        try:
            callers = self._authentication.reload()
        except TenantsFileError as error:
            logger.error("%s; the old one stays in force", error)
        else:
            if callers is not None:
                self._pool.retain(callers)
                logger.info("the tenants file was read again")

    # --- what it is made of

    def _make_manager(self, read_only: bool) -> StreamableHTTPSessionManager:
        scope: Literal["public", "private"] = "private" if self._config.auth == "oauth" else "public"
        read_only = read_only or self._config.policy.read_only
        server = self._build_server(
            self._resolve, self._config.server, read_only=read_only, cache_scope=scope, principal=_principal
        )
        tools = frozenset(tool.name for tool in load_catalog(read_only=read_only))
        server.middleware[:1] = [ObservedCalls(self._metrics, tools, lambda request: request.scope[CALLER].short_hash)]
        return StreamableHTTPSessionManager(app=server, stateless=True)

    def _make_application(self) -> Starlette:
        metadata = None
        if self._config.auth == "oauth":
            metadata = MetadataEndpoint(
                origins=self._origins,
                resource=self._config.resource,
                issuer=self._config.oauth_issuer,
                scopes=self._authentication.scopes,
            )
        endpoint = McpEndpoint(
            origins=self._origins,
            authenticate=self._authentication.authenticate,
            calls=self._calls,
            manager_of=lambda caller: self._managers[caller.policy.read_only],
        )
        return create_http_app(endpoint=endpoint, ready=self._ready, lifespan=self._lifespan, metadata=metadata)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncGenerator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._resources)
            await stack.enter_async_context(self._pool)
            for manager in self._managers.values():
                await stack.enter_async_context(manager.run())
            if self._config.auth != "none" and not self._config.server.journal_url.startswith("postgres"):
                logger.warning(
                    "the journal is SQLite, for this process alone; replicas share a PostgreSQL --journal-url"
                )
            group = await stack.enter_async_context(anyio.create_task_group())
            if self._keys is not None:
                group.start_soon(self._keys.run)
            yield
            group.cancel_scope.cancel()

    async def _ready(self) -> str:
        """Return one word for what keeps calls from being taken.

        A journal that hangs is late: the caller sees to that.
        """
        if self._calls.draining:
            return "draining"
        try:
            await self._resources.store.check()
        except JournalError:
            return "journal"
        return ""

    # --- what a call is given

    @asynccontextmanager
    async def _resolve(self, request: ClientRequest) -> AsyncGenerator[ToolContext]:
        """Yield the context of a call: its tenant's workspace, kept open until it has ended.

        Raises ToolError (BUSY).
        """
        caller: Caller = request.http.scope[CALLER]
        with self._tenant_slot(caller.workspace_key):
            try:
                async with self._pool.workspace(caller.workspace_key) as workspace:
                    try:
                        yield ToolContext(
                            workspace=workspace,
                            policy=caller.policy,
                            deadline=request.deadline,
                            progress=request.progress,
                            asker=request.ask,
                        )
                    finally:
                        if workspace.key_refused:  # a key that Layers refuses keeps nothing open
                            self._pool.retire(caller.workspace_key)
            except PoolExhausted:
                raise _busy("The server is busy with as many tenants as it can serve") from None

    @contextmanager
    def _tenant_slot(self, key: Caller) -> Generator[None]:
        running = self._tenant_calls.get(key, 0)
        if running >= self._config.tenant_calls:
            raise _busy(f"{running} of your calls are running, as many as one tenant may have at once")
        self._tenant_calls[key] = running + 1
        try:
            yield
        finally:
            self._tenant_calls[key] -= 1
            if not self._tenant_calls[key]:
                del self._tenant_calls[key]

    def _open_workspace(self, key: Caller) -> Workspace:
        confirmed = self._config.auth != "none"
        return Workspace(self._resources, key.credentials, key.policy, must_be_confirmed=confirmed)


def _tls_context() -> SSLContext | None:
    """Return a TLS context for all tenants: each costs most of a megabyte.

    Where there is none to be had, each client says why.
    """
    try:
        return create_ssl_context()
    except (ValueError, OSError):
        return None


def _busy(reason: str) -> ToolError:
    return ToolError("BUSY", reason, effect=NOTHING_CHANGED, next_step=f"Call again in {BUSY_SECONDS} seconds.")
