"""The tools of a server: their definitions as data, their functions loaded when first called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from layers_mcp.protocol.arguments import validate
from layers_mcp.protocol.result import Result
from layers_mcp.protocol.tool import ToolFunction, ToolSpec, spec_of


@dataclass(frozen=True)
class Tool:
    """One tool as it is served."""

    definition: Mapping[str, Any]
    load: Callable[[], ToolFunction]

    @property
    def name(self) -> str:
        return self.definition["name"]

    @property
    def read_only(self) -> bool:
        return self.definition["annotations"]["readOnlyHint"]

    @property
    def spec(self) -> ToolSpec:
        """What its function says about itself; loads the function."""
        return spec_of(self.load())

    async def call(self, context: object, arguments: Mapping[str, Any] | None) -> Result:
        """Check the arguments, then run the function. Raises ToolError, and whatever the function raises."""
        values = validate(self.definition["inputSchema"], arguments)
        return await self.load()(context, **values)


class Catalog:
    """Tools in the order in which they are listed."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    @classmethod
    def of(cls, *functions: ToolFunction) -> Catalog:
        """Return a catalog straight from functions marked with `@tool`; definitions are made now."""
        from layers_mcp.protocol.schema import describe

        def loaded(function: ToolFunction) -> Callable[[], ToolFunction]:
            return lambda: function

        return cls(Tool(describe(function), loaded(function)) for function in functions)

    def __iter__(self) -> Iterator[Tool]:
        return iter(self._tools.values())

    def __getitem__(self, name: str) -> Tool:
        return self._tools[name]

    def get(self, name: str) -> Tool | None:
        """Return the tool of that name, if there is one."""
        return self._tools.get(name)

    @property
    def definitions(self) -> list[Mapping[str, Any]]:
        """What `tools/list` answers."""
        return [tool.definition for tool in self._tools.values()]
