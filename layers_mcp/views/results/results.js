/* Were these orders worth it? For review_commissions. */

const FIRST_ORDERS = 8;
const MODE = { fork: "Fork", reimagine: "Reimagine", hook: "Pinned hook" };

let showsAll = false;

const ordersOf = (data) => data.commissions.filter(isObject);

function drawResults(data) {
  const orders = ordersOf(data);
  const scale = resultScale(orders);
  const body = h("div");

  function fill() {
    const visible = showsAll ? orders : orders.slice(0, FIRST_ORDERS);
    body.replaceChildren(
      ...present([
        scale && keyOfResults(visible),
        h("ol", { class: "rows" }, visible.map((order, place) => orderRow(order, place, scale))),
        visible.length < orders.length && button("more", `Show all ${formats.count(orders.length)}`, showAll),
      ]),
    );
  }

  function showAll() {
    showsAll = true;
    fill();
    body.querySelectorAll(".row")[FIRST_ORDERS]?.focus({ preventScroll: true });
  }

  fill();
  const modes = (Array.isArray(data.by_mode) ? data.by_mode : []).filter(isObject);
  return [
    h("header", null, h("h1", null, "Were these orders worth it?"), h("p", { class: "context" }, contextOfResults(data, orders))),
    modes.length > 0 && h("ul", { class: "modes" }, modes.map(modeBox)),
    body,
  ];
}

function contextOfResults({ credits }, orders) {
  const parts = [
    `${plural(orders.length, "order")}, newest first`,
    "engagement rates",
    isNumber(credits?.estimated) && `estimated ${plural(credits.estimated, "credit")}`,
    isNumber(credits?.charged) && `charged ${plural(credits.charged, "credit")}`,
  ];
  return capital(parts.filter(Boolean).join(" · "));
}

const tooEarly = (live) => (isNumber(live) ? (live > 0 ? "Too few judged to tell its lift" : "Too early: nothing is live") : "Its results could not be read");

/** A way of ordering: its lift over what its sources should be expected to earn, and its wins. */
function modeBox(mode) {
  const wins = (won, what) => isNumber(won) && isNumber(mode.judged) && `${formats.count(won)} of ${formats.count(mode.judged)} beat ${what}`;
  const range = isNumber(mode.lift_low) && isNumber(mode.lift_high) && `likely ${formats.ratio(mode.lift_low)} to ${formats.ratio(mode.lift_high)}`;
  const few = [
    [range, isNumber(mode.times_usual) && `${formats.times(mode.times_usual)} the usual rate`],
    [wins(mode.beat_source, "the source"), wins(mode.beat_median, "the median")],
    [isNumber(mode.commissions) && plural(mode.commissions, "order"), isNumber(mode.live) && `${formats.count(mode.live)} live`],
  ];
  return h(
    "li",
    { part: "by-mode", data: { id: textOf(mode.mode) } },
    h("h2", null, MODE[mode.mode] ?? sentence(mode.mode ?? "other")),
    isNumber(mode.lift) ? liftOf(mode) : h("p", { class: "verdict" }, tooEarly(mode.live)),
    few.map((words) => words.filter(Boolean).join(" · ")).map((words) => words && h("small", null, words)),
  );
}

function liftOf({ lift, lift_low: low, lift_high: high }) {
  const range = isNumber(low) && isNumber(high);
  const verdict = !range ? "its sources" : low > 1 ? "better than its sources" : high < 1 ? "weaker than its sources" : "as good as its sources";
  return h("p", { class: "verdict" }, h("span", { class: "strong" }, `${formats.ratio(lift)}x`), ` ${verdict} so far`);
}

/* One line an order: from what its source should be expected to earn to its own rate. */

const ownRate = (order) => (isNumber(order.metric_value) ? order.metric_value : undefined);
const from = (order, ratio) => (ownRate(order) > 0 && order[ratio] > 0 ? ownRate(order) / order[ratio] : undefined);
const sourceRate = (order) => from(order, "versus_expected") ?? (isNumber(order.source_value) ? order.source_value : undefined);
const medianRate = (order) => from(order, "versus_median");

/** One linear scale from 0 over all orders that can be trusted; undefined where none has a rate. */
function resultScale(orders) {
  const live = orders.filter((order) => ownRate(order) !== undefined);
  if (live.length === 0) return undefined;
  const trusted = live.some((order) => !order.low_sample) ? live.filter((order) => !order.low_sample) : live;
  const top = Math.max(...trusted.flatMap((order) => [ownRate(order), sourceRate(order), medianRate(order)]).filter(isNumber)) * 1.06 || 1;
  return (value) => `${Math.min(100, (value / top) * 100).toFixed(3)}%`;
}

/** Whether an order did at least what its source should be expected to. */
const isAbove = (order) => (isNumber(order.versus_expected) ? order.versus_expected : (order.versus_source ?? 1)) >= 1;

function orderRow(order, place, scale) {
  const own_ = ownRate(order);
  const words = earlyWords(order);
  return h(
    "li",
    { part: "row", data: { id: textOf(order.commission_id) || String(place + 1) }, tabindex: "-1" },
    h("div", { class: "what" }, nameOf(order), tagsOfOrder(order)),
    own_ === undefined ? h("p", { class: "early" }, words) : dumbbell(order, scale),
    h("div", { class: "value" }, h("b", null, written("engagement_rate", own_)), own_ !== undefined && ratiosOf(order)),
  );
}

function nameOf(order) {
  const source = textOf(order.source_platform_post_id);
  const title = textOf(order.hook) || textOf(order.source_title);
  if (title) return own(title, "p", { class: "name" });
  return h("p", { class: "name" }, `${MODE[order.mode] ?? sentence(order.mode ?? "order")} of `, source ? h("span", { class: "id" }, source) : "an unknown source");
}

function tagsOfOrder(order) {
  const state = stateOf(order);
  return h(
    "p",
    { class: "tags" },
    h("span", { class: "tag" }, [MODE[order.mode] ?? textOf(order.mode), isNumber(order.variations) && `×${formats.count(order.variations)}`].filter(Boolean).join(" ")),
    state && h("span", { class: `tag ${state[1]}` }, state[0]),
    own([textOf(order.project_name), whenOf(order)].filter(Boolean).join(" · ")),
  );
}

/** The one word for how an order stands, where it is not simply live. */
function stateOf(order) {
  const words = { failed: ["Failed", "bad"], canceled: ["Canceled", "bad"], unknown: ["Unknown", "bad"], unranked: ["Unranked", "small"], running: ["Being made", "small"] };
  if (Object.hasOwn(words, order.status ?? "")) return words[order.status];
  if (order.low_sample) return ["Small sample", "small"];
  if (ownRate(order) !== undefined) return undefined;
  if (order.approval_status === "rejected") return ["Rejected", "bad"];
  return ["Too early", "small"];
}

const EARLY = {
  failed: "It failed: there is nothing to compare.",
  canceled: "It was canceled: there is nothing to compare.",
  unknown: "Whether it was placed is not known.",
  unranked: "Below the last row of a full ranking, so it has no rate here.",
  running: "Too early: it is being made.",
};

function earlyWords({ status, approval_status: approval }) {
  if (Object.hasOwn(EARLY, status ?? "")) return EARLY[status];
  const decided = { pending: "finished, waits for a decision", approved: "approved, not live yet", rejected: "", mixed: "some of it waits for a decision", not_required: "finished, not live yet" };
  if (approval === "rejected") return "Rejected: it will not go live.";
  return `Too early: ${decided[approval] ?? "not live yet"}.`;
}

function whenOf(order) {
  const published = (Array.isArray(order.decisions) ? order.decisions : []).map((one) => textOf(one?.publication?.status)).filter(Boolean);
  return [
    textOf(order.ordered_at) && formats.date(order.ordered_at),
    order.take > 1 && `take ${formats.count(order.take)}`,
    isNumber(order.charged_credits) ? `charged ${plural(order.charged_credits, "credit")}` : isNumber(order.estimated_credits) && `up to ${plural(order.estimated_credits, "credit")}`,
    ...new Set(published.filter((status) => status !== "not_published").map(plain)),
  ]
    .filter(Boolean)
    .join(" · ");
}

function dumbbell(order, at) {
  const [mine, source, median] = [ownRate(order), sourceRate(order), medianRate(order)];
  const mark = (name, value, more = "") => value !== undefined && h("i", { class: `mark ${name} ${more}`, data: { mark: name }, style: { "--at": at(value) } });
  const look = `${isAbove(order) ? "above" : "below"}${order.low_sample ? " unsure" : ""}`;
  const ends = source === undefined ? undefined : [Math.min(mine, source), Math.max(mine, source)];
  return h(
    "div",
    { class: "track", "aria-hidden": "true" },
    mark("median", median),
    ends && h("i", { class: `mark reach ${look}`, style: { "--at": at(ends[0]), "--to": `calc(${at(ends[1])} - ${at(ends[0])})` } }),
    mark("source", source),
    mark("own", mine, look),
  );
}

function ratiosOf(order) {
  const ratio = (field, words) => isNumber(order[field]) && h("span", null, `${formats.times(order[field])} ${words}`);
  return [ratio("versus_expected", "expected"), ratio("versus_source", "source"), ratio("versus_median", "median")];
}

function keyOfResults(orders) {
  const live = orders.filter((order) => ownRate(order) !== undefined);
  const entry = (names, words) => h("li", null, h("i", { class: `swatch ${names}`, "aria-hidden": "true" }), words);
  return h(
    "ul",
    { class: "key" },
    entry("source", "what its source should earn"),
    live.some(isAbove) && entry("own above", "order, at least that"),
    live.some((order) => !isAbove(order)) && entry("own below", "order, below it"),
    live.some((order) => order.low_sample) && entry("own above unsure", "small sample, under 50 views"),
    live.some((order) => medianRate(order) !== undefined) && entry("median", "median"),
  );
}

run({
  name: "results",
  waiting: "The review is on its way",
  accepts: (data) => Array.isArray(data.commissions),
  nothing: (data) => (ordersOf(data).length > 0 ? "" : "There are no orders to review"),
  draw: drawResults,
  forget: () => {
    showsAll = false;
  },
});
