/* Ordering variants of a post: the price first, one more press orders. */

const MODES = {
  fork: "Keeps hook, influencer and pacing; new visuals.",
  reimagine: "Keeps only the premise: more variance, a chance to beat it.",
};
const MOST_VARIATIONS = 10;
const FIRST_VARIATIONS = 2; // as in the guide's breakout response

const isPrice = (data) => typeof data.status === "string" && typeof data.replayed === "boolean";
const isOrder = (data) => isPrice(data) && textOf(data.commission_id) !== "" && data.status !== "not_ordered";

/** The panel in an opened row, or why nothing can be ordered from it. */
function orderPanel(item, projectId) {
  const because = whyNotOrder(item, projectId);
  if (because) return h("p", { class: "why-not" }, because);
  const name = freshId();
  const answer = h("div", { class: "answer" });
  let asked = 0; // the number of the last price that was asked for; an older answer says nothing any more

  const radios = Object.entries(MODES).map(([mode, words], place) =>
    h(
      "label",
      { class: "choice" },
      h("input", { part: "mode", type: "radio", name, value: mode, checked: place === 0, on: { change: reset } }),
      h("span", null, capital(mode), h("small", null, words)),
    ),
  );
  const counts = Array.from({ length: MOST_VARIATIONS }, (_, index) => h("option", { selected: index + 1 === FIRST_VARIATIONS }, index + 1));
  const variations = h("select", { part: "variations", name: "variations", on: { change: reset } }, counts);
  const choices = h("fieldset", null, h("legend", { class: "unseen" }, "How close to stay"), h("div", { class: "choices" }, radios));

  const order = () => ({
    project_id: projectId,
    source_platform_post_id: idOf(item),
    mode: choices.querySelector(":checked").value,
    variations: Number(variations.value),
  });

  const priceButton = () => button("order", "See the price", askPrice, { class: "primary" });

  function reset() {
    asked += 1;
    swap(answer, h("div", { class: "buttons" }, priceButton()));
    say("");
  }

  /** Say what came of it, and offer the price again. */
  function turnedDown(text) {
    const words = spoken("p", { class: "problem", dir: "auto" }, text);
    swap(answer, [words, h("div", { class: "buttons" }, priceButton())], words);
    say(text);
  }

  function lock(locked) {
    for (const control of [...choices.querySelectorAll("input"), variations]) control.disabled = locked;
  }

  async function askPrice({ currentTarget }) {
    if (currentTarget.ariaDisabled) return;
    const mine = (asked += 1);
    const wanted = order();
    currentTarget.setAttribute("aria-disabled", "true");
    currentTarget.textContent = "Asking for the price…";
    say("Asking for the price. Nothing is ordered.");
    const settle = (reply) => {
      if (mine === asked) showPrice(wanted, reply);
    };
    const reply = await host.call("clone_post", { ...wanted, dry_run: true }, isPrice);
    settle(reply);
    reply.late?.then(settle);
  }

  function showPrice(wanted, { data, refused, unknown }) {
    if (!data) return turnedDown(refused ?? `${unknown} No price came, and nothing was ordered.`);
    if (data.replayed || data.status !== "not_ordered") return alreadyOrdered(data);
    if (!isNumber(data.estimated_credits)) return turnedDown("No price is known for this order, so it is not offered here. Nothing was ordered.");
    const node = priceQuestion(wanted, data);
    say(`Price: ${priceOf(data)}. Nothing is ordered yet.`);
    return swap(answer, node, node);
  }

  function priceQuestion(wanted, data) {
    return question({
      title: h("p", { class: "strong" }, capital(priceOf(data))),
      lines: [
        h("p", null, `${variantsOf(wanted)}. ${balanceOf(data)} It cannot be undone.`),
        h("p", null, heldWords(data.held_for_approval)),
        list("meta", strings(data.notes)),
      ],
      backLabel: "Not now",
      back: () => {
        reset();
        answer.querySelector("button").focus();
      },
      confirm: {
        part: "confirm-order",
        label: `Order for ${priceOf(data)}`,
        busy: "Ordering…",
        call: async () => {
          lock(true);
          const reply = await host.call("clone_post", { ...wanted, max_credits: data.estimated_credits }, isOrder);
          lock(false);
          return reply;
        },
        done: (order) => ordered(wanted, order),
        refused: turnedDown,
      },
    });
  }

  function alreadyOrdered(data) {
    const words = spoken("p", { class: "done" }, `This is ordered already: ${plain(data.status)}. Nothing new is charged.`);
    swap(answer, [words, commissionLine(data), followOrder(data), list("meta", strings(data.notes))], words);
    say("This is ordered already.");
  }

  function ordered(wanted, data) {
    const lead = ORDERED[data.status] ?? `The order is ${plain(data.status)}.`;
    const words = spoken("p", { class: "done" }, `${lead} ${variantsOf(wanted)}, ${priceOf(data)}.`);
    swap(answer, [words, commissionLine(data), followOrder(data), list("meta", strings(data.notes))], words);
    say(lead);
    tellDone(
      `ordered with clone_post: mode ${wanted.mode}, variations ${wanted.variations}, source ${wanted.source_platform_post_id}, ` +
        `project ${wanted.project_id}; commission ${data.commission_id}, status ${data.status}` +
        `${textOf(data.job_id) && `, job ${data.job_id}`}${isNumber(data.estimated_credits) ? `, up to ${data.estimated_credits} credits` : ""}` +
        `${data.replayed ? ", an order that existed before" : ""}.`,
    );
  }

  reset();
  return h(
    "section",
    { class: "order-panel", "aria-label": "Order variants of this post" },
    h("h2", null, "Order variants of this post"),
    choices,
    h("label", { class: "variations-label" }, h("span", { class: "label" }, "Variants, each charged"), variations),
    answer,
  );
}

const ORDERED = {
  running: "Ordered: it is being made.",
  completed: "Ordered, and finished.",
  unknown: "Sent, and not answered: whether it was placed is not known. Asking for the price again tells.",
  failed: "The order failed.",
  canceled: "The order was canceled.",
};

function whyNotOrder(item, projectId) {
  const because = whyNot();
  if (because) return because;
  if (!idOf(item)) return "Nothing can be ordered from this row: it names no post.";
  return projectId ? "" : "Nothing can be ordered here: this view was not told which project the post is of.";
}

const variantsOf = ({ mode, variations }) => `${plural(variations, "variant")}, ${mode}`;
const priceOf = (data) => (isNumber(data.estimated_credits) ? `up to ${plural(data.estimated_credits, "credit")}` : "price not known");

function balanceOf({ credits_available: available, estimated_credits: price }) {
  if (!isNumber(available)) return "The balance is not known.";
  return `You have ${plural(available, "credit")}${available < price ? ", which is less than this can cost" : ""}.`;
}

function heldWords(held) {
  if (held === true) return "Finished pieces wait for your approval.";
  return held === false ? "Finished pieces can go live without approval." : "Whether finished pieces wait for approval is not known: they may go live without it.";
}

const commissionLine = (data) =>
  textOf(data.commission_id) && h("p", { class: "meta" }, "Commission ", h("span", { class: "id" }, data.commission_id));

const followOrder = (data) =>
  textOf(data.commission_id) &&
  followUp("Ask the chat to follow it", `Follow the order ${data.commission_id}${textOf(data.job_id) && ` (job ${data.job_id})`} and show me what was made when it is finished.`);
