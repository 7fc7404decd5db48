// The AI SDK: its tools, executed as a model's tool call executes them.

import { layers } from "./snippet.mjs";
import { walk } from "./walk.mjs";

const tools = await layers.tools();
await walk(Object.keys(tools), async (name, args) => {
  const answer = await tools[name].execute(args, { toolCallId: name, messages: [] });
  return answer.content[0].text;
});
await layers.close();
