// A row of the shelf: how far a document is, why it was not read, and what can be done about it.
import {h, icon} from "../shell/dom.js";
import {fileSize, number, settings, t} from "../shell/settings.js";

const STAGES = {parsing: t("stage_parsing"), embedding: t("stage_embedding"), indexing: t("stage_indexing")};

/** actions: {remove, retry, cancel}, each told the file; none of them where the person may only read. */
export function fileRow(file, canWrite, actions) {
  const name = file.filename ?? file.id;
  return h("tr", {class: file.parent_id ? "inside" : null}, h("td", {class: "name"}, icon("document"), h("span", {}, name)),
    h("td", {class: "size"}, file.usage_bytes ? fileSize(file.usage_bytes) : ""), h("td", {class: "state"}, state(file)),
    h("td", {class: "actions"}, canWrite ? buttons(file, name, actions) : null));
}

export function badge(kind, label) { return h("span", {class: `badge ${kind}`}, label); }

export function bar(share) { return h("progress", share === null ? {} : {value: share, max: 1}); }

export function quietButton(sign, label, onclick) {
  return h("button", {type: "button", class: "quiet", title: label, "aria-label": label, onclick}, icon(sign));
}

function buttons(file, filename, {remove, retry, cancel}) {
  return [
    file.status === "in_progress" ? quietButton("stop", t("cancel_file", {filename}), () => cancel(file)) : null,
    file.status === "failed" || file.status === "cancelled" ? quietButton("again", t("retry_file", {filename}), () => retry(file)) : null,
    quietButton("trash", t("remove_file", {filename}), () => remove(file)),
  ];
}

function state(file) {
  const notes = (file.notes ?? []).map(note => h("p", {class: "reason"}, note));
  if (file.duplicate_of) notes.push(h("p", {class: "reason"}, t("same_content")));
  if (file.status === "completed") return [badge("ready", t("state_ready")), ...notes];
  if (file.status === "failed") return [badge("failed", t("state_failed")), h("p", {class: "reason"}, reason(file.last_error)), ...notes];
  if (file.status === "cancelled") return [badge("", t("state_cancelled"))];
  if (!file.stage || file.stage === "waiting") return [bar(file.progress || 0), t("state_queued")];
  const share = t("stage_share", {stage: STAGES[file.stage], percent: Math.floor(file.progress * 100)});
  const speed = file.pages_per_s ? h("span", {class: "speed"}, t("stage_speed", {pages: number.format(file.pages_per_s)})) : null;
  return [bar(file.progress), share, speed];
}

// OpenAI's last_error has few codes; our own is in `reason` where the server gives it.
function reason(error) {
  return settings.texts[`error.${error?.reason ?? error?.code}`] ?? error?.message ?? "";
}
