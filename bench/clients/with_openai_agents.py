"""OpenAI Agents SDK: the server object that its agents call through."""

import asyncio

from snippet import layers
from walk import walk


async def main() -> None:
    async with layers:

        async def call(name: str, arguments: dict[str, object]) -> str:
            return (await layers.call_tool(name, arguments)).content[0].text

        await walk([tool.name for tool in await layers.list_tools()], call)


asyncio.run(main())
