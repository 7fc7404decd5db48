/* A person's decision on one piece: a press asks, another one decides, and that is final. */

const LONGEST_REASON = 1_024;

const isDecision = (decision) => (data) => typeof data.container_id === "string" && data.approval_status === decision;

/** The two buttons, and the questions that replace them. `decided(status, data)` is called when it is done. */
function decisionOf(item, { unplayed, decided }) {
  const region = h("div", { class: "act" });
  const approve = button("approve", "Approve…", () => ask(approval()), { class: "primary" });
  const reject = button("reject", "Reject…", () => ask(rejection()), { class: "refuse" });
  const buttons = h("div", { class: "buttons" }, approve, reject);

  function ask({ node, focus = node }) {
    swap(region, node, focus, true);
    say("Press once more to decide, or go back.");
  }

  const backTo = (opener) => () => {
    swap(region, buttons, opener, true);
    say("");
  };

  const decide = (decision, note) =>
    host.call("decide_content", { container_id: item.container_id, decision, ...(note && { note }) }, isDecision(decision === "approve" ? "approved" : "rejected"));

  function approval() {
    const node = question({
      title: [h("b", null, "Approve this piece? "), "It can go live from then on, and that is final."],
      lines: unplayed() && h("p", { class: "meta" }, "You have not played its video here."),
      back: backTo(approve),
      confirm: {
        part: "confirm-approve",
        label: "Yes, approve for good",
        busy: "Approving…",
        call: () => decide("approve"),
        done: (data) => {
          tellDone(`approved ${item.container_id}; it is ${data.approval_status}${data.publication ? `, publication ${statusOf(data.publication)}` : ""}.`);
          decided(data);
        },
      },
    });
    return { node };
  }

  function rejection() {
    const id = freshId();
    const reason = h("textarea", { part: "reason", id, rows: "3", maxlength: LONGEST_REASON, dir: "auto", required: true, "aria-describedby": `${id}-help` });
    const node = question({
      against: true,
      title: [h("b", null, "Reject this piece? "), "That is final."],
      lines: [
        h("label", { class: "label", for: id }, "Reason, kept with the piece"),
        reason,
        h("small", { id: `${id}-help` }, `Needed. At most ${formats.count(LONGEST_REASON)} characters.`),
      ],
      back: backTo(reject),
      confirm: {
        part: "confirm-reject",
        label: "Reject for good",
        busy: "Rejecting…",
        problem: () => {
          if (reason.value.trim()) return "";
          reason.focus();
          return "Give a reason first.";
        },
        call: () => decide("reject", reason.value.trim()),
        done: (data) => {
          tellDone(`rejected ${item.container_id} with the reason ${JSON.stringify(reason.value.trim())}; it is ${data.approval_status}.`);
          decided(data);
        },
      },
    });
    return { node, focus: reason };
  }

  region.append(buttons);
  return region;
}
