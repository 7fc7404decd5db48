"""The official Python SDK."""

import anyio
from mcp.types import TextContent
from snippet import layers
from walk import walk


async def main() -> None:
    async with layers:

        async def call(name: str, arguments: dict[str, object]) -> str:
            (block,) = (await layers.call_tool(name, arguments)).content
            assert isinstance(block, TextContent)
            return block.text

        await walk([tool.name for tool in (await layers.list_tools()).tools], call)


anyio.run(main)
