"""A clone of a post: `POST /v1/content/:containerId/clone-from-post` (publish-to-learn, step 3, option A)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from layers_mcp.operations.identity import clone_container_id, idempotency_key
from layers_mcp.operations.kinds import content
from layers_mcp.operations.kinds.base import Commission, Request, given
from layers_mcp.operations.models import Mode, Operation, Tool
from layers_mcp.operations.pricing import Prices, bound, dearest
from layers_mcp.operations.state_machine import Accepted, Observed

if TYPE_CHECKING:
    from layers_mcp.api import LayersClient


@dataclass(frozen=True, kw_only=True)
class CloneOrder(Commission):
    """Variants of a post that performed well."""

    tool: ClassVar[Tool] = "clone_post"
    source_platform_post_id: str
    mode: Literal["fork", "reimagine"] = "fork"
    caption: str = ""
    cta: str = ""
    voice_over_script: str = ""

    @property
    def order_mode(self) -> Mode:
        """fork or reimagine."""
        return self.mode

    def requests(self, base_url: str) -> tuple[Request, ...]:
        """One request makes every variation, under a new container's id that is its permanent key."""
        overrides = {"caption": self.caption, "cta": self.cta, "voiceOverScript": self.voice_over_script}
        body = {
            "projectId": self.project_id,
            "sourcePlatformPostId": self.source_platform_post_id,
            "mode": self.mode,
            "variations": self.variations,
            **given({"projectLayerId": self.layer_id, "overrides": given(overrides)}),
        }
        request = Request(
            route="clone_from_post",
            body=body,
            variations=self.variations,
            idempotency_key=idempotency_key(base_url, self.identity),
            path_container_id=clone_container_id(base_url, self.identity),
        )
        return (request,)


class CloneKind:
    """Clones by their rows."""

    spends = True

    def estimate(self, row: Operation, prices: Prices) -> int | None:
        """A clone has no published price: the dearest format's, for each variation."""
        return bound(dearest(prices), row.variations)

    async def send(self, api: LayersClient, row: Operation) -> Accepted:
        """Send it. Raises `LayersError`."""
        reply = await api.content.clone_from_post(row.path_container_id, row.body, idempotency_key=row.idempotency_key)
        return content.accepted(reply)

    async def observe(self, api: LayersClient, row: Operation) -> Observed | None:
        """Read its job, or its containers where that is gone."""
        return await content.observe(api, row)

    async def reconcile(self, api: LayersClient, row: Operation, others: Sequence[Operation]) -> Accepted | str:
        """Never needed: under its path id a clone can be sent again for ever."""
        raise NotImplementedError
