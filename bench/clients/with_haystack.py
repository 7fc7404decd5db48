"""Haystack: the toolset, its tools invoked as a pipeline invokes them."""

import asyncio
import json

from snippet import layers
from walk import walk

tools = {tool.name: tool for tool in layers}


async def call(name: str, arguments: dict[str, object]) -> str:
    answer = json.loads(await asyncio.to_thread(tools[name].invoke, **arguments))
    return answer["content"][0]["text"]


asyncio.run(walk(list(tools), call))
layers.close()
