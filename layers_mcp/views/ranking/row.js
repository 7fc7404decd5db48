/* One post: its place, its words, its bar, and what opens under it. */

/** What kind of row it is: the words of its tag, and how its bar looks. */
function kindOf(item) {
  if (item.low_sample) return { look: "small", word: "Small sample" };
  if (item.breakout_evidence === "solid") return { look: "sure", word: "Likely breakout" };
  if (item.breakout || item.breakout_evidence) return { look: "thin", word: "Breakout, thin evidence" };
  return { look: "other", word: "" };
}

const idOf = (item) => textOf(item.platform_post_id);

/** A title, else what names the post. */
const titleOf = (item) => (textOf(item.title) ? `${item.title}${item.title_cut ? " …" : ""}` : idOf(item) || "A post without title or id");

function rowOf(item, place, { data, scale, opened, panel }) {
  const kind = kindOf(item);
  const id = freshId();
  const details = h("div", { class: "details", id, hidden: !opened.has(item) });
  const open = (now) => {
    toggle.setAttribute("aria-expanded", String(now));
    details.hidden = !now;
    if (now && !details.hasChildNodes()) details.append(...present([detailsOf(item, data), panel(item)]));
  };
  const press = () => {
    const now = !opened.has(item);
    if (now) opened.add(item);
    else opened.delete(item);
    open(now);
  };
  const toggle = button("toggle", own(titleOf(item)), press, { "aria-expanded": "false", "aria-controls": id });
  if (opened.has(item)) open(true);
  return h(
    "li",
    { part: "row", data: { id: idOf(item) || String(place + 1) } },
    h(
      "div",
      { class: "line" },
      h("span", { class: "rank" }, isNumber(item.rank) ? formats.count(item.rank) : ""),
      h("div", { class: "what" }, toggle, tagsOf(item, kind)),
      trackOf(item, scale, kind.look, data),
      valueCell(item, scale.field, data),
    ),
    details,
  );
}

function tagsOf(item, { look, word }) {
  const likely = isNumber(item.chance_real) && ["sure", "thin"].includes(look);
  return h(
    "p",
    { class: "tags" },
    word && h("span", { class: `tag ${look}` }, likely ? `${word} · ${formats.chance(item.chance_real)}` : word),
    item.already_ordered && h("span", { class: "tag" }, "Ordered before"),
    own([textOf(item.project_name), strings(item.platforms).map(plain).join(", "), isNumber(item.views) && plural(item.views, "view")].filter(Boolean).join(" · ")),
  );
}

function trackOf(item, scale, look, data) {
  const value = valueOf(item, scale.field, data);
  const expected = expectedOn(item, scale.field);
  const mark = (name, style, more = "") => h("i", { class: `mark ${name} ${more}`, data: { mark: name }, style });
  return h(
    "div",
    { class: "track", "aria-hidden": "true" },
    scale.median && [mark("median", { "--at": scale.at(scale.median) }), mark("twice", { "--at": scale.at(2 * scale.median) })],
    isNumber(value) && mark("bar", { "--to": scale.at(value) }, scale.beyond(value) ? `${look} beyond` : look),
    isNumber(expected) && mark("expected", { "--at": scale.at(expected) }),
  );
}

function valueCell(item, field, data) {
  const rate = ["engagement_rate", "engagement_times_median", "chance_real"].includes(field);
  const expected = field === "roas" ? ["expected_roas", item.expected_roas] : ["expected_rate", rate ? item.expected_rate : undefined];
  const beside = field === "engagement_rate" ? undefined : rate ? item.engagement_rate : undefined;
  return h(
    "div",
    { class: "value" },
    h("b", null, written(field, valueOf(item, field, data))),
    isNumber(beside) && h("span", null, `rate ${written("engagement_rate", beside)}`),
    isNumber(expected[1]) && h("span", null, `expect ${written(...expected)}`),
  );
}

/** The sentence that says how much of a row is luck. */
function verdictOf(item) {
  const chance = isNumber(item.chance_real) && formats.chance(item.chance_real);
  if (item.low_sample) return isNumber(item.expected_roas) ? "Too few conversions to tell luck from worth." : "Under 50 views: too few to tell anything.";
  if (item.breakout_evidence && chance) {
    const expect = isNumber(item.expected_rate) && isNumber(item.engagement_rate);
    const seen = expect ? ` Expect about ${written("expected_rate", item.expected_rate)} of more like it, not the ${written("engagement_rate", item.engagement_rate)} seen.` : "";
    return item.breakout_evidence === "solid" ? `A real breakout, ${chance} likely.${seen}` : `Thin evidence: ${chance} likely a real breakout. More views tell quality from luck.${seen}`;
  }
  if (item.breakout_evidence === "thin") return "Thin evidence: more views tell quality from luck.";
  return "";
}

const SOURCES = { content_container: "made by Layers", platform_post: "posted by people", manual: "added by hand" };

function detailsOf(item, data) {
  const fact = (field, name = label(field)) => [name, valueOf(item, field, data) === undefined ? null : written(field, valueOf(item, field, data))];
  const paid = isObject(item.paid) ? Object.keys(item.paid).filter((name) => isNumber(item.paid[name])) : [];
  const range = isNumber(item.roas_low) && isNumber(item.roas_high) && `${written("roas", item.roas_low)} to ${written("roas", item.roas_high)}`;
  return [
    verdictOf(item) && h("p", null, verdictOf(item)),
    factsOf([
      fact("engagement_rate"),
      fact("expected_rate"),
      fact("engagement_times_median", "Against the median"),
      fact("expected_times_usual", "To expect against its platforms"),
      fact("chance_real", "Chance it is real"),
      fact("views"),
      fact("watch_seconds_per_view"),
      fact("watch_time_ms"),
      ...[...new Set(["conversions", "roas", ...paid])].map((name) => fact(name)),
      fact("expected_roas"),
      ["Likely return", range],
      ["Promoted", typeof item.promoted === "boolean" ? (item.promoted ? "yes" : "no") : null],
      ["Source", SOURCES[item.source_type]],
    ]),
    h("p", { class: "meta" }, "Post ", idOf(item) ? h("span", { class: "id" }, idOf(item)) : "without an id"),
  ];
}
