/* Publishing a piece: an account, now or a time; both times are shown before one more press publishes. */

const CHANGED_MS = 300; // after the last change of a choice, before the outcome of the new one is asked for

const isReadiness = (data) => Array.isArray(data.accounts);
const isPublication = (data) => typeof data.status === "string" && Array.isArray(data.scheduled_posts);
const isPublished = (data) => isPublication(data) && textOf(data.publication_id) !== "" && data.status !== "not_published";

const accountName = (account) => [textOf(account.handle) || textOf(account.social_account_id), textOf(account.platform) && plain(account.platform)].filter(Boolean).join(" on ");

/** The button that opens the choices. `published(data)` is called when it is done. */
function publishOf(item, { published }) {
  const region = h("div", { class: "act" });
  const opener = button("publish", "Publish…", open, { class: "primary" });
  const closed = h("div", { class: "buttons" }, opener);

  async function open() {
    if (opener.ariaDisabled) return;
    opener.setAttribute("aria-disabled", "true");
    say("Reading the project's accounts…");
    const { data, refused, unknown } = await host.call("check_readiness", { project_id: item.project_id }, isReadiness);
    opener.removeAttribute("aria-disabled");
    const problem = data ? noAccount(data.accounts) : (refused ?? `${unknown} The accounts could not be read.`);
    if (problem) {
      const words = spoken("p", { class: "problem", dir: "auto" }, problem);
      return swap(region, [words, closed], words);
    }
    const form = choicesOf(item, data.accounts.filter(isConnected), { close, published });
    say("");
    return swap(region, form, form, true);
  }

  function close() {
    swap(region, closed, opener, true);
    say("");
  }

  region.append(closed);
  return region;
}

const isConnected = (account) => isObject(account) && account.status === "connected" && textOf(account.social_account_id) !== "";
const noAccount = (accounts) => (accounts.some(isConnected) ? "" : "No account of this project is connected, so there is nowhere to publish.");

function choicesOf(item, accounts, { close, published }) {
  const name = freshId();
  const preview = h("div", { class: "answer" });
  const boxes = accounts.map((account, index) =>
    h("label", { class: "choice" }, h("input", { part: "account", type: "checkbox", value: account.social_account_id, checked: index === 0, data: { id: account.social_account_id }, on: { change: changed } }), own(accountName(account))),
  );
  const at = h("input", { part: "at", type: "datetime-local", name: "at", disabled: true, "aria-label": "Date and time, in the project's time zone", on: { input: changed } });
  const when = ["now", "at"].map((value) =>
    h("label", { class: "choice" }, h("input", { part: "when", type: "radio", name, value, checked: value === "now", on: { change: changed } }), h("span", null, value === "now" ? "Now" : ["At a time", h("small", null, "local, in the project's time zone")])),
  );
  const form = h(
    "section",
    { class: "publish-panel", "aria-label": "Publish this piece", tabindex: "-1" },
    h("fieldset", null, h("legend", null, "Accounts"), h("div", { class: "choices" }, boxes)),
    h("fieldset", null, h("legend", null, "When"), h("div", { class: "choices" }, when), at),
    preview,
  );
  let asked = 0;
  let timer;

  function wanted() {
    const ids = boxes.map((box) => box.firstChild).filter((box) => box.checked).map((box) => box.value);
    const later = form.querySelector('[value="at"]').checked;
    return { container_id: item.container_id, social_account_ids: ids, ...(later && { at: at.value }) };
  }

  /** A choice changed: what was shown for another one goes, and the outcome of this one is asked for. */
  function changed() {
    asked += 1;
    at.disabled = !form.querySelector('[value="at"]').checked;
    clearTimeout(timer);
    const choice = wanted();
    const missing = choice.social_account_ids.length === 0 ? "Choose an account." : choice.at === "" ? "Choose a date and a time." : "";
    wait(missing || "Looking up what this choice does…");
    if (!missing) timer = setTimeout(ask, CHANGED_MS, choice, asked);
  }

  const wait = (words) => swap(preview, [h("p", { class: "meta" }, words), h("div", { class: "buttons" }, button("cancel", "Back", close))]);

  async function ask(choice, mine) {
    const settle = ({ data, refused, unknown }) => {
      if (mine !== asked) return;
      if (!data) tellProblem(refused ?? `${unknown} Nothing was published.`);
      else if (data.replayed || data.status !== "not_published") published(data);
      else swap(preview, publishQuestion(choice, data));
    };
    const reply = await host.call("publish_content", { ...choice, dry_run: true }, isPublication);
    settle(reply);
    reply.late?.then(settle);
  }

  function tellProblem(text) {
    swap(preview, [h("p", { class: "problem", dir: "auto" }, text), h("div", { class: "buttons" }, button("cancel", "Back", close))]);
    say(text);
  }

  function lock(locked) {
    for (const control of form.querySelectorAll("input")) control.disabled = locked || (control === at && !form.querySelector('[value="at"]').checked);
  }

  function publishQuestion(choice, data) {
    const names = accounts.filter((account) => choice.social_account_ids.includes(account.social_account_id)).map(accountName);
    say("Nothing is published yet. Press once more to publish.");
    return question({
      title: h("p", { class: "strong" }, choice.at ? "Publish at this time?" : "Publish now?"),
      lines: [
        own(`On ${names.join(", ")}.`, "p"),
        timesOf(data),
        h("p", null, "What has gone out can only be removed on the platform itself."),
        list("meta", strings(data.notes)),
      ],
      back: close,
      confirm: {
        part: "confirm-publish",
        label: choice.at ? "Schedule it" : "Publish it now",
        busy: "Publishing…",
        call: async () => {
          lock(true);
          const reply = await host.call("publish_content", choice, isPublished);
          lock(false);
          return reply;
        },
        done: (answer) => {
          tellDone(
            `published ${item.container_id} with publish_content on ${choice.social_account_ids.join(", ")}: publication ${answer.publication_id}, ` +
              `status ${answer.status}${textOf(answer.at) && `, at ${answer.at}`}.`,
          );
          published(answer);
        },
      },
    });
  }

  changed();
  return form;
}

/** Both times of a publication, the project's and UTC. */
function timesOf(data) {
  return factsOf([
    ["Local time", textOf(data.at_local)],
    ["UTC", textOf(data.at) && formats.utc(data.at)],
  ]);
}
