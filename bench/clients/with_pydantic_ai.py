"""Pydantic AI: the toolset, called as an agent's run calls it."""

import asyncio
import json

from snippet import layers
from walk import walk


async def main() -> None:
    async with layers:

        async def call(name: str, arguments: dict[str, object]) -> str:
            return json.dumps(await layers.direct_call_tool(name, arguments))

        await walk([tool.name for tool in await layers.list_tools()], call)


asyncio.run(main())
