"""Two tenants in one process: two keys, one journal, and nothing of one ever met by the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from layers_mcp.api.errors import RateLimited
from layers_mcp.app import open_resources
from layers_mcp.config import ServerConfig
from layers_mcp.context import ToolContext
from layers_mcp.operations import OperationError
from layers_mcp.sandbox import Fault, Sandbox
from layers_mcp.tenancy.credentials import Credentials
from layers_mcp.tenancy.policy import Policy
from layers_mcp.tenancy.workspace import Workspace
from layers_mcp.tools.generate_with_hook import generate_with_hook
from layers_mcp.tools.get_content import get_content
from layers_mcp.tools.list_projects import list_projects
from layers_mcp.tools.review_commissions import review_commissions
from layers_mcp.tools.wait_job import wait_job
from tests.support import BASE_URL, LoopClock

pytestmark = pytest.mark.jumping


class Upstream(httpx2.AsyncBaseTransport):
    """One Layers API with two organizations, each a sandbox that knows its own key alone.

    They are twins down to the ids of their projects, but for the organization's own.
    """

    def __init__(self, **organizations: Sandbox) -> None:
        self._ways = {
            f"Bearer {sandbox.api_key}": (f"org_{name}", sandbox.transport()) for name, sandbox in organizations.items()
        }
        self.requests: list[tuple[str, str]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        key = request.headers["Authorization"]
        self.requests.append((key, f"{request.method} {request.url.path}"))
        organization, way = self._ways[key]
        answer = await way.handle_async_request(request)
        if request.url.path == "/v1/whoami":
            await answer.aread()
            return httpx2.Response(200, json={**answer.json(), "organizationId": organization})
        return answer

    def asked_by(self, sandbox: Sandbox, request: str) -> int:
        return self.requests.count((f"Bearer {sandbox.api_key}", request))


@dataclass
class Two:
    """The tenants' organizations, and a context of each."""

    upstream: Upstream
    acme: Sandbox
    globex: Sandbox
    as_acme: ToolContext
    as_globex: ToolContext


@asynccontextmanager
async def two_tenants(state_dir: Path, **limits: int) -> AsyncGenerator[Two]:
    clock = LoopClock()
    with Sandbox(clock=clock, seed=1) as acme, Sandbox(clock=clock, seed=2) as globex:
        upstream = Upstream(acme=acme, globex=globex)
        config, policy = ServerConfig(base_url=BASE_URL, state_dir=state_dir), Policy(**limits)
        async with (
            open_resources(config, transport=upstream, clock=clock) as resources,
            Workspace(resources, Credentials(api_key=acme.api_key), policy) as ours,
            Workspace(resources, Credentials(api_key=globex.api_key), policy) as theirs,
        ):
            contexts = [ToolContext(workspace=workspace, policy=policy) for workspace in (ours, theirs)]
            yield Two(upstream, acme, globex, *contexts)


async def test_a_cooldown_of_one_keeps_the_other_waiting_for_nothing(tmp_path: Path) -> None:
    async with two_tenants(tmp_path) as two:
        two.acme.faults.append(Fault(endpoint="*", kind="status", status=429, seconds=300))
        with pytest.raises(RateLimited):
            await list_projects(two.as_acme)
        started = anyio.current_time()
        await list_projects(two.as_globex)
        assert anyio.current_time() - started < 1
        sent = len(two.upstream.requests)
        with pytest.raises(RateLimited):
            await list_projects(two.as_acme)
        assert len(two.upstream.requests) == sent


async def test_equal_reads_at_once_are_one_request_of_a_tenant_and_never_one_of_both(tmp_path: Path) -> None:
    async with two_tenants(tmp_path) as two:
        async with anyio.create_task_group() as calls:
            for context in (two.as_acme, two.as_acme, two.as_globex):
                calls.start_soon(list_projects, context)
        assert two.upstream.asked_by(two.acme, "GET /v1/projects") == 1
        assert two.upstream.asked_by(two.globex, "GET /v1/projects") == 1


async def order(context: ToolContext, sandbox: Sandbox) -> Any:
    return await generate_with_hook(context, project_id=sandbox.project_id("acme-todo"), hook="Plan less.")


async def test_a_job_is_polled_with_the_key_of_each_that_waits_and_a_strangers_is_not_found(tmp_path: Path) -> None:
    async with two_tenants(tmp_path) as two:
        job_id = (await order(two.as_acme, two.acme)).job_id or ""
        outcomes: dict[str, str] = {}

        async def wait(name: str, context: ToolContext) -> None:
            outcomes[name] = (await wait_job(context, job_ids=(job_id,), timeout_seconds=5)).jobs[0].status

        async with anyio.create_task_group() as waits:
            waits.start_soon(wait, "acme", two.as_acme)
            waits.start_soon(wait, "globex", two.as_globex)
        assert outcomes == {"acme": "running", "globex": "not_found"}
        assert two.upstream.asked_by(two.globex, f"GET /v1/jobs/{job_id}") == 1


async def test_orders_limits_and_containers_of_one_are_unknown_to_the_other_on_one_journal(tmp_path: Path) -> None:
    async with two_tenants(tmp_path, daily_credit_limit=200) as two:
        ours = await order(two.as_acme, two.acme)
        assert ours.estimated_credits
        assert ours.estimated_credits > 100, "two of them pass the limit"
        assert (await review_commissions(two.as_globex)).commissions == []
        theirs = await order(two.as_globex, two.globex)
        assert (theirs.replayed, theirs.similar_orders) == (False, [])
        with pytest.raises(OperationError, match="DAILY_LIMIT"):
            await generate_with_hook(two.as_acme, project_id=two.acme.project_id("acme-todo"), hook="Do more.")
        for context, own, sandbox in ((two.as_acme, ours, two.acme), (two.as_globex, theirs, two.globex)):
            assert [row.commission_id for row in (await review_commissions(context)).commissions] == [own.commission_id]
            shown = await get_content(context, project_id=sandbox.project_id("acme-todo"), limit=50)
            assert {row.commission_id for row in shown.items if row.commission_id} == {own.commission_id}
    assert len(list(tmp_path.glob("orders.db"))) == 1
