"""LangChain's adapters: every call starts a server of its own."""

import asyncio

from snippet import layers
from walk import walk


async def main() -> None:
    tools = {tool.name: tool for tool in await layers.get_tools()}

    async def call(name: str, arguments: dict[str, object]) -> str:
        (block,) = await tools[name].ainvoke(arguments)
        return block["text"]

    await walk(list(tools), call)


asyncio.run(main())
