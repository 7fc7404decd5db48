/* The page around a view: one state at a time, what the model is told, and how high the page is. */

const config = JSON.parse(root.dataset.config);

const content = h("div", { part: "content", hidden: true });
const empty = h("section", { part: "empty" });
const status = h("p", { part: "status", role: "status" });
document.querySelector("main").append(empty, content, status);

/** Say one thing in the status line. */
const say = (text) => {
  status.textContent = text;
};

/** Show a state in place of the content. */
function showState(state, title, ...lines) {
  content.hidden = true;
  content.replaceChildren();
  empty.hidden = false;
  empty.dataset.state = state;
  empty.replaceChildren(h("h1", null, title), ...present(lines));
  say("");
}

/** Show the view itself. */
function showContent(nodes) {
  empty.hidden = true;
  delete empty.dataset.state;
  empty.replaceChildren();
  content.replaceChildren(...present(nodes));
  content.hidden = false;
}

const notesOf = (data) => list("notes", strings(data.notes));

let host;
let result; // the facts on show
let input = {}; // the arguments of the call that brought them

/**
 * Run a view: `name`, `waiting` (a sentence), `accepts(data)` (is it the answer of its tools?), `nothing(data)` (the
 * sentence for an empty one, else ""), `draw(data, input)` (its nodes), and `forget()`, called before another result.
 */
function run(view) {
  let context = {};
  const waitFor = () => showState("waiting", view.waiting);

  function draw() {
    if (!result) return;
    const sentence = view.nothing(result);
    if (sentence) showState("empty", sentence, notesOf(result), own(textOf(result.next_step), "p"));
    else showContent([view.draw(result, input), notesOf(result)]);
  }

  function look(changes) {
    const before = `${context.locale} ${context.timeZone}`;
    context = { ...context, ...changes };
    applyTheme(context);
    if (`${context.locale} ${context.timeZone}` !== before) draw();
  }

  host = meet(`layers-${view.name}`, config.version, {
    start(given) {
      look(given);
      reportHeight();
      if (result) draw();
      else if (["no-host", "waiting"].includes(empty.dataset.state)) waitFor();
    },
    silent() {
      if (!result) showState("no-host", "No app answers here", h("p", null, "This page is a view of the Layers server: it shows what a chat app hands to it."));
    },
    refused: (text) => showState("error", "The app did not start this view", own(text, "p")),
    context: look,
    stop: stopMedia,
    input(args) {
      input = args;
      if (!result) return;
      view.forget?.();
      draw();
    },
    result(given) {
      view.forget?.();
      const { data, text } = readResult(given);
      result = undefined;
      if (given.isError === true) return showState("error", "The call failed", own(text, "p"));
      if (!isObject(data) || !view.accepts(data)) return showState("error", "This answer cannot be shown", own(isObject(data) ? "" : text, "p"));
      result = data;
      say("");
      return draw();
    },
    cancelled() {
      view.forget?.();
      result = undefined;
      showState("cancelled", "The call was cancelled", h("p", null, "There is nothing to show. Ask again for it in the chat."));
    },
  });

  systemIsDark.addEventListener("change", () => applyTheme(context));
  applyTheme(context);
  waitFor();
  host.start();
}

function stopMedia() {
  for (const media of document.querySelectorAll("video, audio")) media.pause();
}

/** Tell the host the document's own height: at most once a frame, and only when it changed. */
function reportHeight() {
  let told = 0;
  let asked = false;
  const tell = () => {
    asked = false;
    const height = Math.ceil(root.getBoundingClientRect().height);
    if (height !== told) host.notify("ui/notifications/size-changed", { height: (told = height) });
  };
  new ResizeObserver(() => {
    if (!asked) requestAnimationFrame(tell);
    asked = true;
  }).observe(root);
}

/* What was done in this view so far, for the model: ids, numbers and a person's own reason, never a title or a caption. */

const doings = [];

/** Note what a person did, and tell the model everything done so far: hosts keep only the last that they were told. */
function tellDone(sentence) {
  doings.push(sentence);
  host.tell(`Done by the person in the Layers view, so far:\n${doings.map((one) => `- ${one}`).join("\n")}`);
}

/** A button that sends a message to the chat, in the person's name, by a press of its own. */
function followUp(words, message) {
  if (!host.offers("message")) return false;
  return button("follow", words, async () => say((await host.say(message)) ? "Sent to the chat." : "The app did not send it."), { class: "link" });
}
