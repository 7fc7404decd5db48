/* What was made, and what shall become of it? For get_content: this is where a person decides. */

const FIRST_PIECES = 8;

let fresh = freshPieces();

/** What happened to pieces in this view: kept while it lives, for a host may hand it an old result again. */
const outcomes = new Map(); // by container id: { approval_status, publication, words }

function freshPieces() {
  return { all: false, regions: new Map(), played: new Set() };
}

const itemsOf = (data) => data.items.filter((item) => isObject(item) && textOf(item.container_id));
const statusOf = (publication) => textOf(isObject(publication) ? publication.status : publication);

/** An item as it is by now: as the result says, and as what was done here since. */
const current = (item) => ({ ...item, ...outcomes.get(item.container_id) });
const waits = (item) => item.approval_status === "pending" && ["completed", undefined].includes(item.status);

function drawApproval(data) {
  const items = itemsOf(data);
  const body = h("div");
  const title = h("h1");
  const context = h("p", { class: "context" });
  const follow = h("div");

  function head() {
    const open = items.map(current).filter(waits).length;
    title.textContent = open ? `${plural(open, "piece waits", "pieces wait")} for your decision` : `${plural(items.length, "piece")} of content`;
    const act = open > 0 && !whyNot();
    context.textContent = [act && "A decision is final. Approving can put a piece live.", whyNot()].filter(Boolean).join(" ");
    follow.replaceChildren(...present([doings.length > 0 && followUp("Tell the chat to go on", "I have decided in the Layers view. Please go on from there.")]));
  }

  function fill() {
    const visible = fresh.all ? items : items.slice(0, FIRST_PIECES);
    const cards = visible.map((item) => cardOf(item, head));
    body.replaceChildren(...present([h("ul", { class: "cards" }, cards), visible.length < items.length && button("more", `Show all ${formats.count(items.length)}`, showAll)]));
  }

  function showAll() {
    fresh.all = true;
    fill();
    body.querySelectorAll(".row")[FIRST_PIECES]?.focus({ preventScroll: true });
  }

  head();
  fill();
  return [h("header", null, title, context), body, textOf(data.next_cursor) && h("p", { class: "meta" }, "There are more: ask for the next page in the chat."), follow];
}

function cardOf(item, changed) {
  if (!fresh.regions.has(item.container_id)) fresh.regions.set(item.container_id, pieceOf(item));
  const piece = fresh.regions.get(item.container_id);
  piece.changed = changed;
  return piece.node;
}

/** One piece. Its card is made once and told of changes, so that a question or a playing video outlives a redraw. */
function pieceOf(item) {
  const id = freshId();
  const videos = (Array.isArray(item.assets) ? item.assets : []).some((asset) => isObject(asset) && isVideo(asset));
  const playing = () => fresh.played.add(item.container_id);
  const unplayed = () => videos && !fresh.played.has(item.container_id);
  const region = h("div");
  const media = mediaOf(item, playing);
  const node = h(
    "li",
    { part: "row", class: media ? "" : "bare", data: { id: item.container_id }, tabindex: "-1", "aria-labelledby": id },
    media && h("div", { class: "media" }, media),
    h(
      "div",
      { class: "piece" },
      own(textOf(item.hook) || "A piece without a hook", "h2", { id, class: "hook" }),
      item.hook_cut && h("p", { class: "problem" }, "The hook is longer than what is shown here."),
      textOf(item.caption) && h("div", null, h("span", { class: "label" }, "Caption"), own(item.caption, "p", { class: "caption" })),
      item.caption_cut && h("p", { class: "problem" }, "The caption is longer than what is shown here."),
      textOf(item.cta) && h("div", null, h("span", { class: "label" }, "Call to action"), own(item.cta, "p")),
      own(metaOf(item), "p", { class: "meta" }),
      h("p", { class: "meta" }, present([["Order", item.commission_id], ["Source", item.source_platform_post_id], ["Piece", item.container_id]].map(([name, value]) => textOf(value) && h("span", { class: "ref" }, `${name} `, h("span", { class: "id" }, value))))),
      region,
    ),
  );
  const piece = { node, changed: () => {} };

  function settle(outcome) {
    outcomes.set(item.container_id, { ...outcomes.get(item.container_id), ...outcome });
    draw(true);
    piece.changed();
  }

  function draw(pressed) {
    const now = current(item);
    const words = standing(now);
    const sentence = words && spoken("p", { class: `standing ${words.look}` }, words.tag && h("span", { class: `tag ${words.look}` }, words.tag), " ", own(words.text));
    node.classList.toggle("settled", !waits(now) && !mayPublish(now));
    swap(region, [sentence, actions(now)], sentence || region.querySelector("button"));
    if (pressed && words) say(`${words.tag}. ${words.text}`);
  }

  function actions(now) {
    if (whyNot()) return false;
    if (waits(now)) {
      const decided = (data) => settle({ approval_status: data.approval_status, ...(data.publication && { publication: data.publication }), here: true });
      return decisionOf(item, { unplayed, decided });
    }
    const published = (data) => settle({ publication: { status: data.status, at: data.at, at_local: data.at_local }, here: true });
    return mayPublish(now) && publishOf(now, { published });
  }

  draw(false);
  return piece;
}

const UNPUBLISHED = new Set(["", "not_published", "failed", "canceled"]);

/** Approved, or in no need of it; finished; and not on its way already. */
function mayPublish(item) {
  const free = ["approved", "not_required"].includes(item.approval_status) && ["completed", undefined].includes(item.status);
  return free && UNPUBLISHED.has(statusOf(item.publication)) && textOf(item.project_id) !== "";
}

function metaOf(item) {
  return [
    textOf(item.format) && capital(plain(item.format)),
    textOf(item.variation) && `variant ${item.variation}`,
    textOf(item.project_name),
    textOf(item.created_at) && `made ${formats.moment(item.created_at)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

const STATUS = {
  not_found: ["Not found", "Nothing with this id is in the organization."],
  queued: ["Queued", "It is not being made yet."],
  generating: ["Being made", "There is nothing to decide yet."],
  running: ["Being made", "There is nothing to decide yet."],
  failed: ["Failed", "It was not made."],
  canceled: ["Canceled", "It was not made."],
};

const PUBLICATION = {
  scheduled: "scheduled",
  blocked_on_approval: "scheduled, and waits for approval",
  publishing: "being published",
  published: "published",
  draft: "a draft on the platform",
  failed: "publishing failed",
  canceled: "its publication was canceled",
  unknown: "sent to be published, and not answered: whether it goes out is not known",
};

/** How a piece is by now, as a tag and a sentence; undefined where it only waits. */
function standing(item) {
  const failed = ["failed", "canceled", "not_found"].includes(item.status);
  if (Object.hasOwn(STATUS, item.status ?? "")) {
    const [tag, text] = STATUS[item.status];
    return { tag, text: textOf(item.error) || text, look: failed ? "bad" : "small" };
  }
  if (textOf(item.error)) return { tag: "Not readable", text: item.error, look: "bad" };
  const here = item.here ? " by you, here" : "";
  const publication = PUBLICATION[statusOf(item.publication)];
  const at = isObject(item.publication) ? textOf(item.publication.at_local) || (textOf(item.publication.at) && formats.moment(item.publication.at)) : "";
  const goes = publication ? `${capital(publication)}${at && `: ${at}`}.` : "";
  if (item.approval_status === "rejected") return { tag: "Rejected", text: `Decided${here}, for good. It will not be published.`, look: "bad" };
  if (item.approval_status === "approved") return { tag: "Approved", text: goes || `Decided${here}, for good. It can go live from now on.`, look: "sure" };
  if (item.approval_status === "not_required") return { tag: "No approval needed", text: goes || "It can be published as it is.", look: "" };
  return waits(item) && goes ? { tag: "", text: goes, look: "" } : undefined;
}

run({
  name: "approval",
  waiting: "The content is on its way",
  accepts: (data) => Array.isArray(data.items),
  nothing: (data) => (itemsOf(data).length > 0 ? "" : "There is nothing to look at"),
  draw: drawApproval,
  forget: () => {
    stopMedia();
    fresh = freshPieces();
  },
});
