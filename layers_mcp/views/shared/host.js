/* The host: JSON-RPC over postMessage, as MCP Apps 2026-01-26 writes it. Heard from the parent window alone. */

const PROTOCOL = "2026-01-26";
const SILENT_MS = 5_000;
const UNANSWERED_MS = 60_000; // a server's call ends within 45 s, and hosts give up at about 60

/**
 * Meet the host. `on` has `start(context)`, `silent()`, `refused(text)`, `context(changes)`, `stop()` and one listener
 * for each notification of the tool call: `input(args)`, `result(result)`, `cancelled()`.
 */
function meet(name, version, on) {
  const waiting = new Map();
  let lastRequest = 0;
  let capabilities = {};

  const post = (message) => window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  const notify = (method, params) => post({ method, params });

  /** Ask the host. Resolves to its answer, `{ result }` or `{ error }`, whenever that comes. */
  function request(method, params) {
    const id = ++lastRequest;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      post({ id, method, params });
    });
  }

  const notifications = {
    "ui/notifications/tool-input": (params) => on.input(isObject(params.arguments) ? params.arguments : {}),
    "ui/notifications/tool-result": (params) => on.result(params),
    "ui/notifications/tool-cancelled": () => on.cancelled(),
    "ui/notifications/host-context-changed": (params) => on.context(params),
  };

  const requests = { ping: () => {}, "ui/resource-teardown": () => on.stop() };

  addEventListener("message", ({ source, data }) => {
    if (source !== window.parent || !isObject(data) || data.jsonrpc !== "2.0") return;
    const { id, method, params } = data;
    if (typeof method !== "string") {
      waiting.get(id)?.(data);
      waiting.delete(id);
    } else if (id == null) {
      if (Object.hasOwn(notifications, method)) notifications[method](isObject(params) ? params : {});
    } else if (Object.hasOwn(requests, method)) {
      requests[method]();
      post({ id, result: {} });
    } else {
      post({ id, error: { code: -32601, message: "A view has no such method" } });
    }
  });

  async function start() {
    const silence = setTimeout(on.silent, SILENT_MS);
    const { result, error } = await request("ui/initialize", {
      appInfo: { name, version },
      appCapabilities: { availableDisplayModes: ["inline"] },
      protocolVersion: PROTOCOL,
    });
    clearTimeout(silence);
    if (error) return on.refused(textOf(error.message));
    capabilities = isObject(result?.hostCapabilities) ? result.hostCapabilities : {};
    notify("ui/notifications/initialized", {});
    on.start(isObject(result?.hostContext) ? result.hostContext : {});
  }

  /** Whether the host offers something; one that names no capability at all is tried. */
  const offers = (capability) => Object.keys(capabilities).length === 0 || capability in capabilities;

  /**
   * Call a tool of the server. Resolves to `{ data }` where the answer has the tool's own shape, to `{ refused: text }`
   * where it is an error, else to `{ unknown: text }`; `late` is then a promise of the answer that may come yet.
   */
  async function call(tool, args, isOurs) {
    const answer = request("tools/call", { name: tool, arguments: args }).then((message) => outcome(message, isOurs));
    const patience = new Promise((resolve) => setTimeout(resolve, UNANSWERED_MS, { unknown: "There is no answer yet.", late: answer }));
    return Promise.race([answer, patience]);
  }

  return {
    start,
    notify,
    offers,
    call,
    /** Whether the host did it. Only whole web addresses are opened. */
    async open(url) {
      const { result } = await request("ui/open-link", { url });
      return isObject(result) && result.isError !== true;
    },
    async say(text) {
      const { result } = await request("ui/message", { role: "user", content: [{ type: "text", text }] });
      return isObject(result) && result.isError !== true;
    },
    /** Tell the model, in place of what it was told before; that a host does not take it is no matter. */
    tell: (text) => request("ui/update-model-context", { content: [{ type: "text", text }] }),
  };
}

const textOf = (value) => (typeof value === "string" ? value : "");

function outcome({ result, error }, isOurs) {
  if (error) return { unknown: `The app says: ${textOf(error.message) || "the call failed"}.` };
  const { data, text } = readResult(result);
  if (result?.isError === true) return { refused: text || "The call failed." };
  return isObject(data) && isOurs(data) ? { data } : { unknown: "The app gave another answer than the outcome." };
}

/** A tool result's facts and its text. Some hosts pass one of the two alone: the text is the same as JSON. */
function readResult(result) {
  const blocks = Array.isArray(result?.content) ? result.content : [];
  const text = blocks.filter((block) => block?.type === "text").map((block) => textOf(block.text)).join("\n");
  if (isObject(result?.structuredContent)) return { data: result.structuredContent, text };
  try {
    return { data: JSON.parse(text), text };
  } catch {
    return { data: undefined, text };
  }
}
