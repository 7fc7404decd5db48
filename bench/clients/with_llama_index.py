"""LlamaIndex: every call starts a server of its own."""

import asyncio

from snippet import layers
from walk import walk


async def main() -> None:
    tools = {tool.metadata.name: tool for tool in await layers.to_tool_list_async()}

    async def call(name: str, arguments: dict[str, object]) -> str:
        output = await tools[name].acall(**arguments)
        return output.raw_output.content[0].text

    await walk(list(tools), call)


asyncio.run(main())
