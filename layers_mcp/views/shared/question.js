/* What is final takes two presses: one opens a question, another place confirms it. */

let unanswered = false; // whether a confirmed call has no answer yet, anywhere in this view

/** Put nodes in a region's place. The focus goes to `focus` where a press asks for that, or where it was inside. */
function swap(region, nodes, focus, pressed = false) {
  const move = pressed || region.contains(document.activeElement);
  region.replaceChildren(...present([nodes]));
  if (move) focus?.focus({ preventScroll: !pressed });
}

/** A sentence that can take the focus, for a screen reader to read after what was focused is gone. */
const spoken = (tag, props, ...children) => h(tag, { tabindex: "-1", ...props }, ...children);

/**
 * The question: `title` and `lines`, Back (`cancel`) first, then the button that confirms, lower than any press that
 * can have opened it. `confirm` has its part and label, `busy` (words while it waits), `problem()` (what is missing,
 * else ""), `call()` (asks the host), `done(data)`, and `refused(text)` where more than showing the text is to be done.
 */
function question({ against, title, lines, backLabel = "Back", back, confirm }) {
  const id = freshId();
  const answer = h("p", { class: "problem", dir: "auto", hidden: true });
  const tell = (text) => {
    answer.textContent = text;
    answer.hidden = false;
    say(text);
  };
  let settled = false;

  function settle(reply) {
    if (settled) return;
    settled = "data" in reply;
    if (settled) confirm.done(reply.data);
    else if (reply.refused == null) tell(`${reply.unknown} The outcome is not known; pressing again is safe.`);
    else if (confirm.refused) confirm.refused(reply.refused);
    else tell(reply.refused);
  }

  async function press() {
    const missing = confirm.problem?.() ?? "";
    if (missing) return tell(missing);
    if (unanswered) return say("One call is still unanswered. Wait for its answer first.");
    unanswered = true;
    answer.hidden = true;
    for (const one of [yes, no]) one.setAttribute("aria-disabled", "true");
    yes.textContent = confirm.busy;
    say(confirm.busy);
    const reply = await confirm.call();
    unanswered = false;
    for (const one of [yes, no]) one.removeAttribute("aria-disabled");
    yes.textContent = confirm.label;
    settle(reply);
    reply.late?.then(settle);
  }

  const no = button("cancel", backLabel, () => (no.ariaDisabled ? say("It was sent and cannot be called back.") : back()));
  const yes = button(confirm.part, confirm.label, press, { class: against ? "final" : "primary" });
  return h(
    "div",
    { class: against ? "question against" : "question", role: "group", "aria-labelledby": id, tabindex: "-1" },
    h("div", { id }, title),
    lines,
    answer,
    h("div", { class: "buttons" }, no, yes),
  );
}

/** Why nothing can be done in this view, else "". */
function whyNot() {
  if (config.readOnly) return "This server is read-only: it shows, and orders, decides and publishes nothing.";
  if (!host.offers("serverTools")) return "This app lets views show things, but not act. Ask in the chat instead.";
  return "";
}
