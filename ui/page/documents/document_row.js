// A line of the list: what a document is, how far it is, why it was not read, and what can be done about it.
import {h, icon} from "../shell/dom.js";
import {fileSize, language, number, settings, t} from "../shell/settings.js";
import {clock, isRecording, languageName} from "./spoken.js";

const STAGES = {parsing: t("stage_parsing"), hearing: t("stage_hearing"), embedding: t("stage_embedding"), indexing: t("stage_indexing")};
const day = new Intl.DateTimeFormat(language, {dateStyle: "medium"});
const MOST_ATTRIBUTES = 4;

/** list: its actions are told the file. isOpen: what lies inside is shown below. Depth counts from 1, as for trees. */
export function documentRow(list, file, isOpen = false) {
  const isInside = Boolean(file.parent_id) && !list.isFlat;
  return h("div", {class: `row${isInside ? " inside" : ""}`, role: "row", "data-id": file.id},
    h("div", {role: "cell", class: "name"}, unfold(list, file, isOpen), h("div", {class: "title"}, title(list, file, isInside), attributes(file), notes(file))),
    h("div", {role: "cell", class: "state"}, state(file)),
    h("div", {role: "cell", class: "size"}, file.bytes ? fileSize(file.bytes) : ""),
    h("div", {role: "cell", class: "added"}, file.created_at ? day.format(file.created_at * 1000) : ""),
    h("div", {role: "cell", class: "actions"}, list.canWrite ? actions(list, file) : null));
}

export const dateOf = seconds => day.format(seconds * 1000);

export function badge(kind, label) { return h("span", {class: `badge ${kind}`}, label); }

export function bar(share, label) { return h("progress", {...share === null ? {} : {value: share, max: 1}, "aria-label": label}); }

export function quietButton(sign, label, act, onclick) {
  return h("button", {type: "button", class: "quiet", title: label, "aria-label": label, "data-act": act, onclick}, icon(sign));
}

/** What the owner is told of a document, in the page's language where the server says by which code. */
export function noteSentences({notes = [], note_codes = []}) {
  return notes.map((sentence, at) => note_codes[at] && settings.texts[`told.${note_codes[at].code}`] ? t(`told.${note_codes[at].code}`, note_codes[at].values) : sentence);
}

/** Why it was not read, and what to do. OpenAI's last_error has few codes; our own is in `reason`. */
export function reason(error) { return settings.texts[`error.${error?.reason ?? error?.code}`] ?? error?.message ?? ""; }

function unfold(list, file, isOpen) {
  if (!file.inside || list.isFlat) return h("span", {class: "sign"}, icon(file.parent_id ? "document" : signOf(file.filename)));
  const label = isOpen ? t("inside_hide") : t("inside_show", {count: file.inside});
  return h("button", {type: "button", class: "sign unfold", "aria-expanded": String(isOpen), title: label, "aria-label": `${label}: ${file.filename}`, "data-act": "unfold", onclick: () => list.unfold(file)}, icon("right"));
}

const signOf = name => /\.(eml|msg)$/i.test(name) ? "mail" : /\.zip$/i.test(name) ? "archive" : isRecording(name) ? "wave" : "document";

function title(list, file, isInside) {
  const name = file.filename ?? file.id, shown = isInside ? name.slice(name.indexOf("/") + 1) : name;
  return file.status === "completed" && file.pages > 0
    ? h("button", {type: "button", class: "open", title: t("open_document", {filename: name}), "data-act": "open", onclick: () => list.shelf.view({fileId: file.id, storeId: list.store.id})}, shown)
    : h("span", {class: "unopened"}, shown);
}

function attributes(file) {
  const named = Object.entries(file.attributes ?? {});
  return named.length ? h("span", {class: "attributes"}, ...named.slice(0, MOST_ATTRIBUTES).map(([name, value]) => h("span", {}, `${name}: ${value}`)), named.length > MOST_ATTRIBUTES ? "…" : "") : null;
}

function notes(file) {
  if (file.status === "failed" || file.status === "in_progress") return null;
  const told = noteSentences(file);
  if (file.duplicate_of) told.push(t("same_content"));
  if (!told.length) return null;
  return h("details", {class: "notes"}, h("summary", {}, told.length === 1 ? t("notes_count_one") : t("notes_count", {count: told.length})), ...told.map(note => h("p", {class: "reason"}, note)));
}

function state(file) {
  const inside = file.inside_failed ? h("p", {class: "reason"}, t("inside_failed", {count: file.inside_failed})) : file.inside_in_progress ? h("p", {class: "reason"}, bar(null, t("filter_reading")), t("filter_reading")) : null;
  if (file.status === "completed") return [badge("ready", t("state_ready")), recording(file), file.inside ? h("span", {class: "speed count"}, t("inside_count", {count: file.inside})) : null, inside];
  if (file.status === "failed") return [badge("failed", t("state_failed")), h("p", {class: "reason"}, reason(file.last_error)), ...noteSentences(file).map(note => h("p", {class: "reason"}, note))];
  if (file.status === "cancelled") return badge("", t("state_cancelled"));
  if (!file.stage || file.stage === "waiting") {
    const place = file.place_in_line ? t("state_place", {place: number.format(file.place_in_line)}) : t("state_queued");
    return [h("span", {class: "waiting"}, place), ...noteSentences(file).map(note => h("p", {class: "reason"}, note))];
  }
  const share = t("stage_share", {stage: STAGES[file.stage], percent: Math.floor(file.progress * 100)});
  const speed = file.stage === "hearing" ? h("span", {class: "speed"}, t("stage_heard", {heard: clock(file.pages_done)})) : file.pages_per_s ? h("span", {class: "speed"}, t("stage_speed", {pages: number.format(file.pages_per_s)})) : null;
  return [bar(file.progress, share), h("span", {class: "doing"}, share), speed];
}

// How long it is and what is spoken in it.
function recording({recording: told}) {
  return told ? h("span", {class: "speed recording"}, clock(told.duration_s), told.language ? badge("spoken", languageName(told.language)) : null) : null;
}

function actions(list, file) {
  const filename = file.filename;
  return [
    file.status === "in_progress" ? quietButton("stop", t("cancel_file", {filename}), "cancel", () => list.act("POST", `/files/${file.id}/cancel`)) : null,
    file.status === "failed" || file.status === "cancelled" ? quietButton("again", t("retry_file", {filename}), "retry", () => list.act("POST", `/files/${file.id}/retry`)) : null,
    file.parent_id ? null : quietButton("trash", t("remove_file", {filename}), "remove", () => list.shelf.dialog("openRemoval", file)),
  ];
}
