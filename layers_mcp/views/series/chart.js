/* The chart of one metric: a line in SVG, stretched to its box, with words beside it; nothing is drawn anew on resize. */

const [WIDTH, HEIGHT] = [1000, 100]; // units of the drawing, not pixels: strokes keep their width

/** A chart of `points`, from which `onPick(index)` tells the bucket under a finger, a mouse or the arrow keys. */
function chartOf(metric, points, granularity) {
  const values = points.map((point) => point.value).filter(isNumber);
  const ticks = ticksOf(values);
  const [low, high] = [ticks[0], ticks.at(-1)];
  const x = (index) => (points.length > 1 ? (index / (points.length - 1)) * WIDTH : WIDTH / 2);
  const y = (value) => HEIGHT - ((value - low) / (high - low)) * HEIGHT;
  const across = (index) => `${(x(index) / WIDTH) * 100}%`;
  const down = (value) => `${(y(value) / HEIGHT) * 100}%`;
  const newest = points.findLastIndex((point) => isNumber(point.value));

  const drawing = svg(
    "svg",
    {
      part: "chart",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      tabindex: "0",
      role: "slider",
      "aria-label": `${label(metric)}, by ${granularity}`,
      "aria-orientation": "horizontal",
      "aria-valuemin": 1,
      "aria-valuemax": points.length,
      on: { keydown: keyed, pointermove: pointed, pointerdown: pointed, pointerleave: left, focus: () => pick(current), blur: left },
    },
    ticks.map((tick) => svg("path", { class: tick === 0 ? "grid zero" : "grid", d: `M0 ${y(tick)}H${WIDTH}` })),
    linesOf(points, x, y),
    points.map((point, index) => isNumber(point.value) && (point.partial || isAlone(points, index)) && dot(index, point)),
  );
  const cursor = h("i", { class: "cursor", hidden: true });
  const tooltip = h("div", { part: "tooltip", hidden: true });
  let current = Math.max(0, newest);
  announce();

  function dot(index, point, names = "") {
    const at = `M${x(index)} ${y(point.value)}h0`;
    return [svg("path", { class: `dot ${names}`, d: at }), point.partial && svg("path", { class: "hole", d: at })];
  }

  /** The words of a bucket: what it is, what it counts, and whether it is whole. */
  function announce() {
    const { bucket, value, partial } = points[current];
    drawing.setAttribute("aria-valuenow", current + 1);
    drawing.setAttribute("aria-valuetext", `${bucketWords(bucket, granularity)}: ${isNumber(value) ? written(metric, value) : "no value"}${partial ? ", not a whole bucket" : ""}`);
  }

  function pick(index) {
    current = Math.min(points.length - 1, Math.max(0, index));
    announce();
    const { bucket, value, partial } = points[current];
    const place = x(current) / WIDTH;
    tooltip.replaceChildren(h("span", null, bucketWords(bucket, granularity)), h("b", null, written(metric, value)), ...present([partial && h("span", null, `not a whole ${granularity}`)]));
    tooltip.style.setProperty("--at", across(current));
    tooltip.style.setProperty("--shift", `${-place * 100}%`);
    tooltip.classList.toggle("low", isNumber(value) && y(value) < HEIGHT * 0.45);
    cursor.style.setProperty("--at", across(current));
    cursor.style.setProperty("--down", isNumber(value) ? down(value) : "");
    cursor.classList.toggle("empty-bucket", !isNumber(value));
    tooltip.hidden = cursor.hidden = false;
  }

  function left() {
    if (document.activeElement === drawing && drawing.matches(":focus-visible")) return pick(current);
    tooltip.hidden = cursor.hidden = true;
  }

  function pointed(event) {
    const box = drawing.getBoundingClientRect();
    pick(Math.round(((event.clientX - box.left) / box.width) * (points.length - 1)));
  }

  function keyed(event) {
    const steps = { ArrowRight: current + 1, ArrowUp: current + 1, ArrowLeft: current - 1, ArrowDown: current - 1, Home: 0, End: points.length - 1 };
    if (!Object.hasOwn(steps, event.key)) return;
    event.preventDefault();
    pick(steps[event.key]);
  }

  const every = Math.max(1, Math.ceil(points.length / 7));
  const labelled = points.map((_, index) => index).filter((index) => (points.length - 1 - index) % every === 0);
  return h(
    "div",
    { class: "plot", dir: "ltr" },
    ticks.map((tick) => h("span", { class: "tick", "aria-hidden": "true", style: { "--share": 1 - (tick - low) / (high - low) } }, tickWords(metric, tick))),
    h("div", { class: "field" }, drawing, cursor, newest >= 0 && newestLabel(), tooltip),
    h("div", { class: "days", "aria-hidden": "true" }, labelled.map((index) => h("span", { style: { "--at": across(index), "--shift": `${(-x(index) / WIDTH) * 100}%` } }, bucketLabel(points[index].bucket, granularity)))),
  );

  function newestLabel() {
    const { value } = points[newest];
    const place = { "--at": `${100 - (x(newest) / WIDTH) * 100}%`, "--down": down(value) };
    const before = points[newest - 1]?.value;
    const below = y(value) < HEIGHT * 0.2 || (before > value && y(value) < HEIGHT * 0.8);
    return h("span", { class: below ? "newest low" : "newest", "aria-hidden": "true", style: place }, written(metric, value));
  }
}

/** A point with no neighbour on either side, which no line would show. */
const isAlone = (points, index) => ![points[index - 1], points[index + 1]].some((point) => isNumber(point?.value));

/** The line, broken where a value is missing, dashed where it leads to or from a bucket that is not whole. */
function linesOf(points, x, y) {
  const paths = { whole: "", partial: "" };
  points.forEach((point, index) => {
    const before = points[index - 1];
    if (!isNumber(point.value) || !isNumber(before?.value)) return;
    paths[point.partial || before.partial ? "partial" : "whole"] += `M${x(index - 1)} ${y(before.value)}L${x(index)} ${y(point.value)}`;
  });
  return Object.entries(paths).map(([names, d]) => d && svg("path", { class: `line ${names}`, d }));
}

/** A small line without words, for a tile. */
function sparkline(points) {
  const values = points.map((point) => point.value).filter(isNumber);
  if (values.length < 2) return false;
  const [low, high] = [Math.min(0, ...values), Math.max(...values, 0) || 1];
  const x = (index) => (index / (points.length - 1)) * WIDTH;
  const y = (value) => HEIGHT - ((value - low) / (high - low)) * HEIGHT;
  return svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, linesOf(points, x, y));
}
