// The official TypeScript SDK.

import { layers } from "./snippet.mjs";
import { walk } from "./walk.mjs";

const { tools } = await layers.listTools();
await walk(
  tools.map((tool) => tool.name),
  async (name, args) => (await layers.callTool({ name, arguments: args })).content[0].text,
);
await layers.close();
