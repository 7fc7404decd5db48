"""New content with a hook: `POST /v1/projects/:projectId/content` (publish-to-learn, step 3, option B)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from layers_mcp.operations.identity import idempotency_key
from layers_mcp.operations.kinds import content
from layers_mcp.operations.kinds.base import Commission, Request, given
from layers_mcp.operations.models import Mode, Operation, Tool
from layers_mcp.operations.pricing import Prices, bound
from layers_mcp.operations.state_machine import Accepted, Observed

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


@dataclass(frozen=True, kw_only=True)
class HookOrder(Commission):
    """New content with a hook pinned in its brief. What it is later measured against is not sent."""

    tool: ClassVar[Tool] = "generate_with_hook"
    hook: str
    source_platform_post_id: str = ""
    format: str = "auto"
    cta: str = ""
    target_platforms: tuple[str, ...] = ()
    theme_tags: tuple[str, ...] = ()

    @property
    def order_mode(self) -> Mode:
        """Always hook."""
        return "hook"

    def requests(self, base_url: str) -> tuple[Request, ...]:
        """One request makes every variation."""
        brief = {
            "hook": self.hook,
            "cta": self.cta,
            "targetPlatforms": list(self.target_platforms),
            "themeTags": list(self.theme_tags),
        }
        body = {
            "format": self.format,
            "variantCount": self.variations,
            "brief": given(brief),
            **given({"projectLayerId": self.layer_id}),
        }
        request = Request(
            route="generate",
            body=body,
            variations=self.variations,
            idempotency_key=idempotency_key(base_url, self.identity),
        )
        return (request,)


class GenerateKind:
    """Content from a hook, by its rows."""

    spends = True

    def estimate(self, row: Operation, prices: Prices) -> int | None:
        """The published price of its format, for each variation."""
        return bound(prices.get(str(row.arguments["format"])), row.variations)

    async def send(self, api: LayersClient, row: Operation) -> Accepted:
        """Send it. Raises `LayersError`."""
        reply = await api.content.generate(row.project_id, row.body, idempotency_key=row.idempotency_key)
        return content.accepted(reply)

    async def observe(self, api: LayersClient, row: Operation) -> Observed | None:
        """Read its job, or its containers where that is gone."""
        return await content.observe(api, row)

    async def reconcile(self, api: LayersClient, row: Operation, others: Sequence[Operation]) -> Accepted | str:
        """Find it among the project's content by its hook."""
        return await content.find_by_hook(api, row, others)
