/* How did it go over time? For get_metrics and get_ads_metrics. */

let chosen = ""; // the metric that a person picked

function drawSeries(data, args) {
  const metrics = metricsOf(data, args.metrics);
  const granularity = granularityOf(data);
  const plot = h("div", { class: "plot-of" });
  const tiles = metrics.map((metric) => tileOf(metric, data, () => choose(metric)));

  function choose(metric) {
    chosen = metric;
    fill();
    say(`${label(metric)} is shown.`);
  }

  function fill() {
    const metric = metrics.includes(chosen) ? chosen : metrics[0];
    for (const tile of tiles) tile.setAttribute("aria-pressed", String(tile.dataset.id === metric));
    const points = pointsOf(data, metric);
    plot.replaceChildren(
      ...present([
        points.length > 0 && chartOf(metric, points, granularity),
        h("p", { class: "meta" }, captionOf(metric, points)),
        accountsOf(data.accounts, metric),
      ]),
    );
  }

  fill();
  return [
    h("header", null, h("h1", null, titleOfSeries(data, args, granularity)), h("p", { class: "context" }, contextOf(data))),
    h("div", { class: "tiles", role: "group", "aria-label": "Metric to show" }, tiles),
    plot,
    tableOf(data, metrics, granularity),
  ];
}

const SCOPES = {
  project: "the project",
  platform_post: "the post",
  social_account: "the account",
  project_layer: "the content layer",
  organization: "the organization",
  campaign: "the campaign",
  adset: "the ad set",
  ad: "the ad",
  ad_account: "the ad account",
};

const titleOfSeries = (data, args, granularity) => `How ${SCOPES[data.scope] ?? plain(data.scope ?? "it")} did, ${granularity} by ${granularity}`;

function contextOf(data) {
  const ends = ["since", "until"].map((end) => textOf(data.window?.[end])).filter(Boolean).map(formats.date);
  const posts = data.totals?.post_count;
  return [ends.length > 1 && `From ${ends.join(" to ")}`, isNumber(posts) && plural(posts, "post"), textOf(data.as_of) && `as of ${formats.moment(data.as_of)}`].filter(Boolean).join(" · ");
}

function tileOf(metric, data, press) {
  const change = (Array.isArray(data.changes) ? data.changes : []).find((one) => one?.metric === metric && isNumber(one.ratio));
  return button(
    "metric",
    [
      h("span", { class: "label" }, label(metric)),
      h("span", { class: "strong" }, written(metric, data.totals?.[metric])),
      h("small", null, AVERAGES.has(metric) ? "over the window" : "in all"),
      change && changeWords(change),
      sparkline(pointsOf(data, metric)),
    ],
    press,
    { data: { id: metric }, "aria-pressed": "false" },
  );
}

/** A change against the week before, beside how much this customer's weeks swing anyway. */
function changeWords({ ratio, usual_low: low, usual_high: high, unusual }) {
  const swing = isNumber(low) && isNumber(high) ? `usual swing ${formats.ratio(low)} to ${formats.ratio(high)}` : "usual swing not known";
  const verdict = unusual ? `Unusual ${ratio < 1 ? "drop" : "rise"}` : "No change to speak of";
  return h(
    "small",
    { class: unusual ? "change unusual" : "change" },
    h("b", null, `x${formats.ratio(ratio)}`),
    ` on the week before. ${verdict}: ${swing}.`,
  );
}

function captionOf(metric, points) {
  const partial = points.some((point) => point.partial && isNumber(point.value));
  const gaps = points.some((point) => !isNumber(point.value));
  return [
    `${label(metric)}.`,
    partial && "Dashed: a bucket that is not whole, so a lower value there is no drop.",
    gaps && "The line breaks where no value was reported.",
    points.length > 1 && "Arrow keys, touch or mouse show single values.",
  ]
    .filter(Boolean)
    .join(" ");
}

/** Accounts side by side, by their totals of the chosen metric. */
function accountsOf(accounts, metric) {
  const rows = (Array.isArray(accounts) ? accounts : []).filter(isObject);
  if (rows.length === 0) return false;
  const top = Math.max(0, ...rows.map((row) => row.totals?.[metric]).filter(isNumber)) || 1;
  return h(
    "section",
    { class: "accounts" },
    h("h2", null, `${label(metric)} by account`),
    h(
      "ul",
      null,
      rows.map((row) => {
        const value = row.totals?.[metric];
        const posts = row.totals?.post_count;
        return h(
          "li",
          { class: "account", data: { id: textOf(row.social_account_id) } },
          own([textOf(row.handle) || textOf(row.social_account_id), textOf(row.platform) && plain(row.platform)].filter(Boolean).join(" · ")),
          h("span", { class: "rail", "aria-hidden": "true" }, isNumber(value) && h("i", { class: "mark", style: { "--to": `${Math.max(0, (value / top) * 100)}%` } })),
          h("b", null, written(metric, value)),
          isNumber(posts) && h("small", null, plural(posts, "post")),
        );
      }),
    ),
  );
}

function tableOf(data, metrics, granularity) {
  if (data.series.length === 0) return false;
  const points = metrics.map((metric) => pointsOf(data, metric));
  const rows = data.series.map((row, index) =>
    h(
      "tr",
      null,
      h("th", { scope: "row" }, bucketWords(textOf(row.bucket), granularity), points[0][index].partial && " (not whole)"),
      metrics.map((metric) => h("td", null, written(metric, row[metric]))),
    ),
  );
  const head = h("tr", null, h("th", { scope: "col" }, capital(granularity)), metrics.map((metric) => h("th", { scope: "col" }, label(metric))));
  return h(
    "details",
    { class: "numbers" },
    h("summary", null, "Numbers as a table"),
    h("div", { class: "sideways", tabindex: "0", role: "region", "aria-label": "Numbers as a table" }, h("table", null, h("thead", null, head), h("tbody", null, rows))),
  );
}

run({
  name: "series",
  waiting: "The numbers are on their way",
  accepts: (data) => Array.isArray(data.series) && data.series.every(isObject),
  nothing: (data) => (metricsOf(data, []).length > 0 ? "" : "There are no numbers in this window"),
  draw: drawSeries,
  forget: () => {
    chosen = "";
  },
});
