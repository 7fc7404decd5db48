"""Agno: the toolkit, its functions called as an agent calls them."""

import asyncio

from snippet import layers
from walk import walk


async def main() -> None:
    async with layers:

        async def call(name: str, arguments: dict[str, object]) -> str:
            result = await layers.functions[name].entrypoint(**arguments)
            return result.content

        await walk(list(layers.functions), call)


asyncio.run(main())
