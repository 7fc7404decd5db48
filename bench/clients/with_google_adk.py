"""Google ADK: the toolset, its tools run as an agent's turn runs them."""

import asyncio
from unittest.mock import MagicMock

from google.adk.tools.tool_context import ToolContext
from snippet import layers
from walk import walk


async def main() -> None:
    tools = {tool.name: tool for tool in await layers.get_tools()}
    turn = MagicMock(spec=ToolContext)  # what an agent's turn would bring
    turn.function_call_id = "call_1"  # of which a view beside the answer takes its id

    async def call(name: str, arguments: dict[str, object]) -> str:
        result = await tools[name].run_async(args=arguments, tool_context=turn)
        return result["content"][0]["text"]

    try:
        await walk(list(tools), call)
    finally:
        await layers.close()


asyncio.run(main())
