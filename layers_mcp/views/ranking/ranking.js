/* Which posts are winning, and which are only lucky? For rank_top_performers and find_breakouts. */

const FIRST_ROWS = 8;

let shown = freshView();

/** What a person chose in the view; forgotten with the result it was chosen for. */
function freshView() {
  return { sort: "", all: false, opened: new Set(), panels: new Map() };
}

const itemsOf = (data) => (data.items ?? data.breakouts).filter(isObject);
const isPaid = (data) => ["roas", "conversions"].includes(data.metric);
const isRound = (data) => Array.isArray(data.breakouts);

function drawRanking(data, args) {
  const items = itemsOf(data);
  const fields = fieldsOf(items, data);
  const first = isRound(data) ? ["engagement_times_median", "engagement_rate"].find((field) => fields.includes(field)) : data.metric;
  const field = shown.sort || first || fields[0];
  const body = h("div", { class: "ranking" });

  function fill() {
    const current = shown.sort || field;
    const scale = scaleOf(items, current, data);
    const order = shown.sort ? sorted(items, shown.sort, data, args.order === "worst") : items;
    const visible = shown.all ? order : order.slice(0, FIRST_ROWS);
    const place = new Map(items.map((item, index) => [item, index]));
    const setting = { data, scale, opened: shown.opened, panel: (item) => panelOf(item, args) };
    const rows = visible.map((item) => rowOf(item, place.get(item), setting));
    body.replaceChildren(
      ...present([
        keyOf(visible, scale),
        scale.median && axisOf(scale),
        h("ol", { class: scale.median ? "rows" : "rows plain" }, rows),
        visible.length < order.length && button("more", `Show all ${formats.count(order.length)}`, showAll),
      ]),
    );
  }

  function showAll() {
    shown.all = true;
    fill();
    body.querySelectorAll(".toggle")[FIRST_ROWS]?.focus({ preventScroll: true });
  }

  const choose = ({ currentTarget }) => {
    shown.sort = currentTarget.value;
    fill();
    say(`Sorted by ${label(shown.sort).toLowerCase()}, small samples last.`);
  };
  const options = fields.map((name) => h("option", { value: name, selected: name === field }, label(name)));
  fill();
  return [
    h(
      "header",
      { class: "head" },
      h("div", null, h("h1", null, titleFor(data, items, args)), h("p", { class: "context" }, contextFor(data, items))),
      h("label", null, h("span", { class: "label" }, "Show and sort by"), h("select", { part: "sort", on: { change: choose } }, options)),
    ),
    body,
    isRound(data) && quietOf(data.quiet),
  ];
}

/** The panel of a row: made once, so that a price on show outlives a new order of the rows. */
function panelOf(item, args) {
  if (!shown.panels.has(item)) shown.panels.set(item, orderPanel(item, textOf(item.project_id) || textOf(args.project_id)));
  return shown.panels.get(item);
}

function titleFor(data, items, args) {
  const sure = items.filter((item) => kindOf(item).look === "sure").length;
  const thin = items.filter((item) => kindOf(item).look === "thin").length;
  const found = [sure && plural(sure, "likely breakout"), thin && `${formats.count(thin)} on thin evidence`].filter(Boolean).join(", ");
  if (isRound(data)) return `${capital(found)} across your projects`;
  const by = label(data.metric).toLowerCase();
  if (isPaid(data)) return args.order === "worst" ? `Which creatives earn least, by ${by}` : `Which creatives earn their keep, by ${by}`;
  return `${args.order === "worst" ? "Weakest posts" : "Posts"} by ${by}: ${found || "no breakout"}`;
}

const WINDOWS = { "7d": "last 7 days", "30d": "last 30 days", "90d": "last 90 days" };

function contextFor(data, items) {
  const considered = isNumber(data.rows_considered) && data.rows_considered > items.length ? ` of ${formats.count(data.rows_considered)}` : "";
  const parts = [
    WINDOWS[data.window],
    `${formats.count(items.length)}${considered} ${isPaid(data) ? "creative" : "post"}${items.length === 1 && !considered ? "" : "s"}`,
    isRound(data) && "likeliest first",
    isNumber(data.median_engagement_rate) && `median engagement rate ${written("engagement_rate", data.median_engagement_rate)}`,
    textOf(data.as_of) && `as of ${formats.moment(data.as_of)}`,
  ];
  return capital(parts.filter(Boolean).join(" · "));
}

const KEY = {
  sure: "likely breakout",
  thin: "breakout, thin evidence",
  other: "other",
  small: "small sample",
};

function keyOf(items, scale) {
  const looks = new Set(items.map((item) => kindOf(item).look));
  const small = items.some((item) => item.low_sample && isNumber(item.expected_roas)) ? "" : ", under 50 views";
  const entry = (look, words) => h("li", null, h("i", { class: `swatch ${look}`, "aria-hidden": "true" }), words);
  if (looks.size === 1 && looks.has("other")) looks.clear();
  return h(
    "ul",
    { class: "key" },
    Object.entries(KEY).map(([look, words]) => looks.has(look) && entry(look, look === "small" ? words + small : words)),
    items.some((item) => isNumber(expectedOn(item, scale.field))) && entry("expected", "what to expect of more like it"),
  );
}

function axisOf(scale) {
  const at = (value) => ({ "--at": scale.at(value) });
  return h(
    "div",
    { class: "axis", "aria-hidden": "true" },
    h("div", { class: "track" }, h("span", { class: "median", style: at(scale.median) }, "median"), h("span", { class: "twice", style: at(2 * scale.median) }, "2x median")),
  );
}

const QUIET = {
  not_connected: "no account connected",
  reauth_required: "an account needs a new login",
  not_synced: "not synced yet",
  no_posts: "no posts",
  too_few_posts: "too few posts to judge",
  no_breakout: "no breakout",
  unreadable: "could not be read",
};

/** The projects without a breakout, and why, folded away. */
function quietOf(quiet) {
  const projects = (Array.isArray(quiet) ? quiet : []).filter(isObject);
  return (
    projects.length > 0 &&
    h(
      "details",
      { class: "quiet" },
      h("summary", null, `${plural(projects.length, "project")} without a breakout`),
      h("dl", null, projects.map((one) => h("div", null, own(textOf(one.project_name) || textOf(one.project_id), "dt"), own(QUIET[one.reason] ? `${capital(QUIET[one.reason])}. ${textOf(one.detail)}` : textOf(one.reason), "dd")))),
    )
  );
}

run({
  name: "ranking",
  waiting: "The ranking is on its way",
  accepts: (data) => Array.isArray(data.items ?? data.breakouts),
  nothing: (data) => (itemsOf(data).length > 0 ? "" : isRound(data) ? "No breakout in these projects" : "Nothing is ranked here yet"),
  draw: drawRanking,
  forget: () => {
    shown = freshView();
  },
});
