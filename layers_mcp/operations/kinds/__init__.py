"""What can be ordered, a module a kind: what is asked for, its price, sending it, and finding it again."""

from collections.abc import Mapping

from layers_mcp.operations.kinds.clone import CloneKind, CloneOrder
from layers_mcp.operations.kinds.content import ContentKind
from layers_mcp.operations.kinds.generate import GenerateKind, HookOrder
from layers_mcp.operations.kinds.publish import Publication, PublishKind
from layers_mcp.operations.models import ToolName

Order = CloneOrder | HookOrder | Publication
Kind = ContentKind | PublishKind

KINDS: Mapping[ToolName, Kind] = {
    "clone_post": CloneKind(),
    "generate_with_hook": GenerateKind(),
    "publish_content": PublishKind(),
}
"""By the tool that orders it."""

__all__ = ["KINDS", "CloneOrder", "HookOrder", "Kind", "Order", "Publication"]
