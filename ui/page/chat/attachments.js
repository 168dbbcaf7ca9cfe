// The files of this chat, above the question box: dropped or chosen, followed while they are sent and read, taken out again.
import {call, upload} from "../shell/api.js";
import {clock} from "../documents/spoken.js";
import {h, icon} from "../shell/dom.js";
import {explain, settings, t} from "../shell/settings.js";

const POLL_MS = 700;

export class Attachments {
  /** room: an element with conversation(), the chat's id, made where there is none. onChange: after every change. */
  constructor(room, onChange) {
    this.room = room;
    this.onChange = onChange;
    this.chatId = null;
    this.files = [];          // {id?, filename, status, progress, error?, sending?: AbortController}
    this.fresh = new Set();   // those of which nothing has been asked yet
    this.input = h("input", {type: "file", multiple: true, hidden: true, onchange: () => { this.add([...this.input.files]); this.input.value = ""; }});
    this.button = h("button", {class: "quiet attach", type: "button", title: t("attach"), "aria-label": t("attach"), onclick: () => this.input.click()}, icon("clip"));
    this.list = h("ul", {class: "attached", "aria-label": t("attached"), hidden: true});
    this.takeDrops();
  }

  get isSending() { return this.files.some(file => file.sending); }

  /** Show what a chat has; null: a new one, which has nothing. */
  async show(chatId) {
    clearTimeout(this.timer);
    for (const file of this.files) file.sending?.abort();
    this.chatId = chatId;
    this.files = [];
    this.fresh.clear();
    this.draw();
    if (chatId) await this.refresh();
  }

  async refresh() {
    clearTimeout(this.timer);
    const chatId = this.chatId;
    const {data} = await call(`/api/conversations/${chatId}/files`).catch(error => ({data: error.status === 404 ? [] : null}));
    if (chatId !== this.chatId) return;
    if (data) this.files = [...data, ...this.files.filter(file => !file.id)];
    this.draw();
    if (!data || data.some(file => file.status === "in_progress")) this.timer = setTimeout(() => this.refresh(), POLL_MS);
  }

  /** The names of what was added since the last question. */
  take() {
    const names = this.files.filter(file => this.fresh.has(file.id)).map(file => file.filename);
    this.fresh.clear();
    return names;
  }

  async add(chosen) {
    const files = chosen.map(file => ({file, filename: file.name, status: "sending", progress: 0, sending: new AbortController()}));
    this.files.push(...files);
    this.draw();
    for (const one of files) await this.send(one);
  }

  async send(one) {
    if (!this.files.includes(one)) return;
    try {
      this.chatId = await this.room.conversation();
      const progress = share => { one.progress = share; this.draw(); };
      const kept = await upload(one.file, progress, one.sending.signal, `/api/conversations/${this.chatId}/files`);
      if (!this.files.includes(one)) return;
      this.files[this.files.indexOf(one)] = kept;
      this.fresh.add(kept.id);
      await this.refresh();
    } catch (error) {
      one.sending = null;
      one.isLost = !(error.status < 500);                   // not refused: trying again may help
      one.status = "failed";
      one.problem = error instanceof TypeError ? t("connection_lost") : explain(error);
      this.draw();
    }
  }

  sendAgain(one) {
    Object.assign(one, {status: "sending", progress: 0, problem: null, isLost: false, sending: new AbortController()});
    this.draw();
    return this.send(one);
  }

  async remove(one) {
    one.sending?.abort();
    this.files = this.files.filter(other => other !== one);
    this.fresh.delete(one.id);
    this.draw();
    if (one.id) await call(`/api/conversations/${this.chatId}/files/${one.id}`, {method: "DELETE"}).catch(() => this.refresh());
  }

  draw() {
    this.list.hidden = !this.files.length;
    this.list.replaceChildren(...this.files.map(one => this.chip(one)));
    this.onChange();
  }

  chip(one) {
    const problem = one.problem ?? (one.status === "failed" ? settings.texts[`error.${one.error?.code}`] ?? one.error?.message ?? "" : "");
    const isBusy = one.sending || one.status === "in_progress";
    return h("li", {class: `file ${one.status}`},
      icon(one.status === "failed" ? "alert" : "document"),
      h("span", {class: "file-name"}, one.filename),
      h("span", {class: "file-state"}, this.state(one)),
      isBusy ? h("progress", {value: one.progress, max: 1, "aria-label": one.filename}) : null,
      one.isLost ? h("button", {class: "link", type: "button", onclick: () => this.sendAgain(one)}, t("try_again")) : null,
      h("button", {class: "quiet", type: "button", title: t(isBusy ? "cancel" : "delete"), "aria-label": t("remove_attached", {filename: one.filename}), onclick: () => this.remove(one)}, icon("close")),
      problem ? h("p", {class: "file-problem"}, problem) : null);
  }

  state(one) {
    const percent = Math.floor((one.progress ?? 0) * 100);
    if (one.sending) return t("state_uploading", {percent});
    if (one.status === "in_progress") return percent ? t("state_reading", {percent}) : t("state_queued");
    if (one.recording) return clock(one.recording.duration_s);
    if (one.status === "completed") return one.pages > 1 ? t("attached_pages", {pages: one.pages}) : t("state_ready");
    return t(one.status === "cancelled" ? "state_cancelled" : "state_failed");
  }

  // A folder arrives as a file that cannot be read.
  withoutFolders({items, files}) {
    const isFolder = [...items].filter(({kind}) => kind === "file").map(item => item.webkitGetAsEntry?.()?.isDirectory ?? false);
    if (isFolder.includes(true)) this.room.composer.complain(t("folder_dropped"));
    return [...files].filter((_, at) => !isFolder[at]);
  }

  takeDrops() {
    let depth = 0;
    const isFiles = event => event.dataTransfer?.types.includes("Files");
    const mark = change => { depth = Math.max(0, depth + change); this.room.toggleAttribute("data-dropping", depth > 0); };
    this.room.addEventListener("dragenter", event => isFiles(event) && mark(1));
    this.room.addEventListener("dragleave", event => isFiles(event) && mark(-1));
    this.room.addEventListener("dragover", event => { if (isFiles(event)) event.preventDefault(); });
    this.room.addEventListener("drop", event => {
      if (!isFiles(event)) return;
      event.preventDefault();
      mark(-depth);
      this.add(this.withoutFolders(event.dataTransfer));
    });
  }
}
