// A host for the views: the official AppBridge, in front of a sandboxed frame in headless Chromium.
//
// Once (Debian; elsewhere any Chromium, and Node.js 20 or later):
//
//     apt-get install -y chromium
//     mkdir -p ~/.cache/layers-views && cp tests/e2e/views/package.json ~/.cache/layers-views
//     npm install --prefix ~/.cache/layers-views --no-audit --no-fund
//
// Then:
//
//     LAYERS_TEST_NODE_MODULES=~/.cache/layers-views/node_modules python -m pytest -m browser
//
// LAYERS_TEST_CHROMIUM names a Chromium that is not called `chromium`; LAYERS_TEST_PICTURES=1 writes docs/images anew.
//
// It is driven over its standard input and output, one JSON object a line: `{id, do, …}` in, `{id, value}` or
// `{id, error}` out, and `{event, …}` for what the view does. Tool calls are events with a `call` number; whoever
// drives answers them with `{answer: number, result}` or `{answer: number, error}`. See tests/e2e/views/browser.py.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const require = createRequire(`${process.env.LAYERS_TEST_NODE_MODULES}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { default: puppeteer } = await load("puppeteer-core");
const { AppBridge } = await load("@modelcontextprotocol/ext-apps/app-bridge");
const PATIENCE = 120_000; // milliseconds: what has not come about by then, on the busiest machine, never will
const AXE = require.resolve("axe-core/axe.min.js");

const out = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
const event = (name, fields) => out({ event: name, ...fields });

const browser = await puppeteer.launch({
  executablePath: process.argv[2],
  headless: true,
  timeout: PATIENCE,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--lang=en-US",
    "--font-render-hinting=none",
    "--hide-scrollbars",
  ],
  env: { ...process.env, TZ: "America/New_York", LANGUAGE: "en_US" },
});

/** A page that was closed has no answer any more, and nobody waits for one. */
const gone = () => {};

const HOST = "http://host.test/";
const PAGE = `<!doctype html><meta charset="utf-8"><style>html,body{margin:0}iframe{display:block;width:100%;border:0}</style>`;

/** The policy that hosts put on a view, from the four lists of its `_meta.ui.csp`. */
function policy(csp) {
  const from = (list) => (list ?? []).join(" ");
  const resources = from(csp.resourceDomains);
  return [
    "default-src 'none'",
    `script-src 'self' 'unsafe-inline' ${resources}`,
    `style-src 'self' 'unsafe-inline' ${resources}`,
    `img-src 'self' data: ${resources}`,
    `media-src 'self' data: ${resources}`,
    `font-src 'self' ${resources}`,
    `connect-src ${from(csp.connectDomains) || "'none'"}`,
    `frame-src ${from(csp.frameDomains) || "'none'"}`,
    `base-uri ${from(csp.baseUriDomains) || "'self'"}`,
    "object-src 'none'",
  ].join("; ");
}

let media = {}; // files by address, as a test serves them

function serve(request) {
  const url = request.url();
  if (url === HOST) return request.respond({ contentType: "text/html", body: PAGE });
  if (url.endsWith("/favicon.ico")) return request.respond({ status: 204 });
  if (url.startsWith("about:") || url.startsWith("data:")) return request.continue();
  event("request", { url, type: request.resourceType() });
  const file = media[url];
  if (!file) return request.respond({ status: 404, body: "" });
  return request.respond({ contentType: file.type, body: Buffer.from(file.base64, "base64") });
}

let view;
const page = await browser.newPage();
page.setDefaultTimeout(PATIENCE);
page.on("console", (line) => event("console", { level: line.type(), text: line.text() }));
page.on("pageerror", (error) => event("console", { level: "exception", text: String(error) }));
await page.setRequestInterception(true);
page.on("request", serve);
await page.exposeFunction("fromView", (message) => view.hear(message));

const timers = (speed) =>
  speed === 1 ? "" : `<script>setTimeout = ((real) => (work, ms, ...more) => real(work, ms / ${speed}, ...more))(setTimeout)</script>`;

/** One view in a frame of the page, with its bridge. */
class ViewFrame {
  held = []; // what the view posted before the bridge listened
  bridge = null;
  answers = new Map();
  calls = 0;
  flushed = () => {};

  /** Show a page in the place of another. With `speed`, its timers run that many times as fast. */
  async open({ html, csp, width = 720, height = 200, speed = 1, colorScheme = "light", reducedMotion = "no-preference" }) {
    await page.setViewport({ width, height: 800, hasTouch: true });
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: colorScheme },
      { name: "prefers-reduced-motion", value: reducedMotion },
    ]);
    await page.evaluate(
      (text, tall) => {
        const frame = document.createElement("iframe");
        frame.setAttribute("sandbox", "allow-scripts");
        frame.style.height = `${tall}px`;
        addEventListener("message", ({ source, data }) => source === frame.contentWindow && window.fromView(data));
        const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
        frame.srcdoc = text;
        document.body.append(frame);
        return loaded;
      },
      html.replace("<head>", `<head><meta http-equiv="Content-Security-Policy" content="${policy(csp)}">${timers(speed)}`),
      height,
    );
    this.frame = page.frames().find((frame) => frame !== page.mainFrame());
  }

  hear(message) {
    if (message.flush) return this.flushed();
    event("posted", { message });
    if (this.transport?.onmessage) this.transport.onmessage(message);
    else this.held.push(message);
  }

  /** Wait until everything that the view has posted so far is heard. */
  async flush() {
    const heard = new Promise((resolve) => (this.flushed = resolve));
    await this.frame.evaluate(() => parent.postMessage({ flush: true }, "*"));
    await heard;
    await new Promise(setImmediate); // the bridge hands over what it hears in promises
  }

  post(message) {
    return page.evaluate((data) => document.querySelector("iframe").contentWindow.postMessage(data, "*"), message);
  }

  /** Put the official bridge in front of the view; what it posted so far is heard now. */
  async connect({ capabilities = { serverTools: {}, openLinks: {}, updateModelContext: { text: {} }, message: { text: {} } }, context = {} }) {
    this.transport = { start: async () => {}, close: async () => {}, send: (message) => this.post(message).catch(gone) };
    const bridge = new AppBridge(null, { name: "test-host", version: "1.0.0" }, capabilities, { hostContext: context });
    bridge.onsizechange = ({ width, height }) => {
      event("size", { width, height });
      page.evaluate((tall) => (document.querySelector("iframe").style.height = `${tall}px`), height).catch(gone);
    };
    bridge.oncalltool = (params) => this.ask("call", params);
    bridge.onupdatemodelcontext = (params) => this.told("context", params);
    bridge.onmessage = (params) => this.told("message", params);
    bridge.onopenlink = (params) => this.told("open-link", params);
    const initialized = new Promise((resolve) => (bridge.oninitialized = resolve));
    await bridge.connect(this.transport);
    this.bridge = bridge;
    for (const message of this.held.splice(0)) this.transport.onmessage(message);
    await initialized;
  }

  told(name, params) {
    event(name, { params });
    return Promise.resolve({});
  }

  ask(name, params) {
    const call = (this.calls += 1);
    event(name, { call, name: params.name, arguments: params.arguments ?? {} });
    return new Promise((resolve, reject) => this.answers.set(call, { resolve, reject }));
  }

  answer({ answer, result, error }) {
    const asked = this.answers.get(answer);
    this.answers.delete(answer);
    if (error) asked?.reject(Object.assign(new Error(error.message), { code: error.code }));
    else asked?.resolve(result);
  }

  async element(selector) {
    const element = await this.frame.waitForSelector(selector, { visible: true });
    await element.scrollIntoView();
    return element;
  }
}


const commands = {
  async open(options) {
    view = { hear: gone }; // the one before is not listened to any more
    await page.goto(HOST);
    event("opened");
    view = new ViewFrame();
    media = options.media ?? {};
    await view.open(options);
  },
  flush: () => view.flush(),
  connect: (options) => view.connect(options),
  input: ({ args }) => view.bridge.sendToolInput({ arguments: args }),
  result: ({ result }) => view.bridge.sendToolResult(result),
  cancelled: () => view.bridge.sendToolCancelled({}),
  context: ({ changes }) => view.bridge.sendHostContextChange(changes),
  post: ({ message }) => view.post(message),
  evaluate: ({ script, arg }) => view.frame.evaluate(`(${script})(${JSON.stringify(arg ?? null)})`),
  until: ({ script, arg }) => view.frame.waitForFunction(`(${script})(${JSON.stringify(arg ?? null)})`, { polling: 30 }).then(() => true),
  async click({ selector, count = 1 }) {
    await (await view.element(selector)).click({ count });
  },
  async tap({ selector }) {
    await (await view.element(selector)).tap();
  },
  async at({ x, y, what = "click" }) {
    if (what === "click") await page.mouse.click(x, y);
    else await page.mouse.move(x, y);
  },
  async box({ selector }) {
    return (await view.element(selector)).boundingBox();
  },
  async focus({ selector }) {
    await (await view.element(selector)).evaluate((node) => node.focus()); // puppeteer's own focuses no SVG
  },
  async hover({ selector }) {
    await (await view.element(selector)).hover();
  },
  key: ({ key }) => page.keyboard.press(key),
  async hold({ key, times }) {
    for (let time = 0; time < times; time += 1) await page.keyboard.down(key);
    await page.keyboard.up(key);
  },
  type: ({ text }) => page.keyboard.type(text),
  async select({ selector, value }) {
    await (await view.element(selector)).select(value);
  },
  async resize({ width }) {
    await page.setViewport({ width, height: 800, hasTouch: true });
  },
  async axe() {
    const { readFile } = await import("node:fs/promises");
    await view.frame.evaluate(await readFile(AXE, "utf8"));
    const { violations } = await view.frame.evaluate(() => axe.run(document, { resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
    return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map(({ html, failureSummary }) => ({ html, failureSummary })) }));
  },
  async picture({ path }) {
    const frame = await page.$("iframe");
    await frame.screenshot({ path });
  },
};

process.on("unhandledRejection", (reason) => out({ event: "console", level: "exception", text: `host: ${reason}` }));
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if ("answer" in command) view.answer(command);
  else
    Promise.resolve()
      .then(() => commands[command.do](command))
      .then((value) => out({ id: command.id, value: value ?? null }))
      .catch((error) => out({ id: command.id, error: String(error?.stack ?? error) }));
}
await browser.close().catch(gone);
process.exit(0);
