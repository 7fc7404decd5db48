/* Making elements. Text only ever becomes text: nothing here, nor anywhere in a view, reads a string as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: `h("p", { part: "status", on: { click } }, "text", child, …)`. */
const h = (tag, props, ...children) => dress(document.createElement(tag), props, children);

/** The same in SVG. */
const svg = (tag, props, ...children) => dress(document.createElementNS(SVG, tag), props, children);

/**
 * Put properties and children on a node. `part` is what it is, for styles (a class) and for tests (data-testid);
 * `class`, `data`, `style` and `on` are what they say; a true value is a bare attribute, null and false are left out.
 */
function dress(node, props, children) {
  const { part, class: names, data = {}, style = {}, on = {}, ...attributes } = props ?? {};
  const classes = [part, names].filter(Boolean).join(" ");
  if (classes) node.setAttribute("class", classes);
  if (part) node.dataset.testid = part;
  for (const [name, value] of Object.entries(data)) if (value != null) node.dataset[name] = value;
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value != null && value !== false) node.setAttribute(name, value);
  }
  node.append(...present(children));
  return node;
}

/** Children without the ones left out, lists opened. */
const present = (children) => children.flat(Infinity).filter((child) => child != null && child !== false && child !== "");

/** A button. Its press is one press: neither the second click of a double click nor a key held down counts. */
function button(part, label, press, props) {
  const listener = (event) => {
    if (event.detail < 2) press(event);
  };
  return h("button", { part, type: "button", ...props, on: { click: listener } }, label);
}

addEventListener("keydown", (event) => {
  const held = event.repeat && (event.key === "Enter" || event.key === " ");
  if (held && event.target instanceof Element && event.target.closest("button, summary")) event.preventDefault();
});

/** Untrusted text in a direction of its own. */
const own = (text, tag = "span", props = {}) => h(tag, { dir: "auto", ...props }, text);

const list = (names, items) => items.length > 0 && h("ul", { class: names }, items.map((item) => own(item, "li")));

/** Facts as a definition list; those without a value are left out. */
function factsOf(pairs) {
  const known = pairs.filter(([, value]) => value || value === 0);
  return known.length > 0 && h("dl", { class: "facts" }, known.map(([name, value]) => h("div", null, h("dt", null, name), own(value, "dd"))));
}

let lastId = 0;
const freshId = () => `v${++lastId}`;

/** Words for a number of things. */
const plural = (count, one, many = `${one}s`) => `${formats.count(count)} ${count === 1 ? one : many}`;

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const strings = (value) => (Array.isArray(value) ? value.filter((one) => typeof one === "string") : []);
