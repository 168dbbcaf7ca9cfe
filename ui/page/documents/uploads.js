// Adding documents: dropped or chosen, with folders; each with its progress, a reason where it fails, and a way to stop it.
import {call, upload} from "../shell/api.js";
import {badge, bar, quietButton} from "./document_row.js";
import {chosen, dropped, holdsFiles, sha256} from "./folders.js";
import {h, icon} from "../shell/dom.js";
import {explain, fileSize, number, settings, t} from "../shell/settings.js";

// Half of a character, as some systems' names have, is no JSON text.
const wellFormed = text => text.toWellFormed?.() ?? text;
const AT_ONCE = 3, ASKED_AT_ONCE = 500, FAILED_SHOWN = 50, LOOK_MS = 2000;

export class Uploads {
  constructor(shelf) {
    this.shelf = shelf;
    this.queue = [];                 // {file, path, storeId, state: waiting|sending|done|same|failed, share, problem, stop}
    this.running = 0;
    this.files = this.input();
    const link = (key, choose) => h("button", {type: "button", class: "link", onclick: choose}, t(key));
    this.formats = h("p", {class: "hint"});
    this.drop = h("div", {class: "drop"}, icon("upload"), h("p", {}, t("drop_here"), " ", link("choose_files", () => this.files.click()), " ", t("or"), " ", link("choose_folder", () => this.input({webkitdirectory: true}).click())), this.formats, this.files);
    this.tray = h("section", {class: "tray", hidden: true, "aria-label": t("uploads")});
    this.said = h("p", {class: "unseen", role: "status"});
    this.element = h("div", {class: "adding"}, this.drop, this.tray, this.said);
    this.takeDrops();
    this.tellFormats();
    addEventListener("beforeunload", event => this.left && event.preventDefault());
  }

  input(more = {}) {
    return h("input", {type: "file", multiple: true, hidden: true, ...more, "aria-label": t("choose_files"), onchange: event => { this.add(chosen(event.target.files)); event.target.value = ""; }});
  }

  /** Uploads that have not come to an end. */
  get left() { return this.queue.filter(one => one.state === "waiting" || one.state === "sending").length; }

  async tellFormats() {
    const formats = await call("/api/formats").catch(() => null);
    if (!formats) return;
    const kinds = [...new Set(formats.data.map(one => one.kind))].filter(kind => settings.texts[`format.${kind}`]);
    const endings = formats.data.filter(one => !one.kind).flatMap(one => one.suffixes);
    this.formats.textContent = t("drop_formats", {formats: [...kinds.map(kind => t(`format.${kind}`)), ...endings].join(", ")});
  }

  takeDrops() {
    const {host} = this.shelf;
    let depth = 0;
    const mark = change => { depth = Math.max(0, depth + change); this.drop.classList.toggle("over", depth > 0); };
    const isWelcome = event => this.shelf.canWrite && holdsFiles(event);
    host.addEventListener("dragenter", event => isWelcome(event) && mark(1));
    host.addEventListener("dragleave", event => isWelcome(event) && mark(-1));
    host.addEventListener("dragover", event => holdsFiles(event) && event.preventDefault());
    host.addEventListener("drop", async event => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      mark(-depth);
      if (this.shelf.canWrite) await this.shelf.attempt(async () => this.add(await dropped(event.dataTransfer)));
    });
  }

  /** found: [{file, path}]. What is there already, or may be another version, is asked for before anything is sent. */
  add(found) {
    const store = this.shelf.store;
    return this.shelf.attempt(async () => {
      for (let at = 0; at < found.length; at += ASKED_AT_ONCE) await this.addSome(store, found.slice(at, at + ASKED_AT_ONCE));
    });
  }

  async addSome(store, found) {
    const some = found.map(({file, path}) => ({file, path, storeId: store.id, state: "waiting", share: 0, stop: new AbortController()}));
    for (const one of some) one.sha256 = await sha256(one.file).catch(() => null);
    const hashes = [...new Set(some.map(one => one.sha256).filter(Boolean))];
    const known = await call(`/api/collections/${store.id}/known`, {method: "POST", body: {sha256: hashes, filenames: some.filter(one => !one.path.includes("/")).map(one => wellFormed(one.path.slice(0, 1000)))}});
    const same = new Set(known.data.filter(one => one.status !== "failed" && one.status !== "cancelled").map(one => one.sha256));
    for (const one of some) if (one.sha256 && same.has(one.sha256)) one.state = "same";
    const older = new Map(known.named.map(one => [one.filename, one.file_id]));
    const named = some.filter(one => one.state === "waiting" && older.has(one.path));
    const choice = named.length ? await this.askVersions(named.map(one => one.path)) : "both";
    for (const one of named) {
      if (choice === "replace") one.replaces = older.get(one.path);
      if (choice === "skip") some.splice(some.indexOf(one), 1);
    }
    this.queue.push(...some);
    this.draw();
    this.pump();
  }

  async askVersions(names) {
    const {askVersions} = await import("./collection_dialogs.js");
    return askVersions(names);
  }

  pump() {
    while (this.running < AT_ONCE) {
      const one = this.queue.find(other => other.state === "waiting");
      if (!one) break;
      this.running += 1;
      this.send(one).finally(() => { this.running -= 1; this.pump(); this.lookAgain(); });
    }
    if (!this.running && this.queue.length) this.say();
  }

  async send(one) {
    one.state = "sending";
    this.draw();
    let sent;
    try {
      sent = await upload(one.file, share => { one.share = share; this.drawSoon(); }, one.stop.signal);
      const body = {file_id: sent.id, ...one.replaces ? {replaces: one.replaces} : one.path.includes("/") ? {source: one.path} : {}};
      await call(`/v1/vector_stores/${one.storeId}/files`, {method: "POST", body});
      one.state = "done";
    } catch (error) {
      if (sent) call(`/v1/files/${sent.id}`, {method: "DELETE"}).catch(() => {});     // it belongs nowhere
      if (error.name === "AbortError") this.queue.splice(this.queue.indexOf(one), 1);
      else Object.assign(one, {state: "failed", problem: error instanceof TypeError ? t("connection_lost") : explain(error)});
    }
    this.draw();
  }

  rest() {
    clearTimeout(this.looking);
    this.looking = null;
  }

  // The list is asked again soon after something has arrived, and not for every file of a thousand.
  lookAgain() {
    this.looking ??= setTimeout(() => { this.looking = null; if (this.shelf.isSeen) this.shelf.attempt(() => this.shelf.list.reload()); }, this.left ? LOOK_MS : 0);
  }

  stopAll() {
    const waiting = this.queue.filter(one => one.state === "waiting");
    this.queue = this.queue.filter(one => !waiting.includes(one));
    for (const one of this.queue) if (one.state === "sending") one.stop.abort();
    this.draw();
  }

  retry() {
    for (const one of this.queue) if (one.state === "failed") Object.assign(one, {state: "waiting", share: 0, problem: "", stop: new AbortController()});
    this.draw();
    this.pump();
  }

  // What is seen of it ------------------------------------------------------------------------------------

  drawSoon() { this.frame ??= requestAnimationFrame(() => { this.frame = null; this.draw(); }); }

  draw() {
    const of = state => this.queue.filter(one => one.state === state);
    const failed = of("failed"), sending = of("sending"), same = of("same").length, done = of("done").length;
    this.tray.hidden = !this.queue.length;
    const whole = this.queue.reduce((sum, one) => sum + one.file.size, 0), sent = this.queue.reduce((sum, one) => sum + one.file.size * (one.state === "sending" ? one.share : one.state === "waiting" ? 0 : 1), 0);
    const share = whole ? sent / whole : 1, finished = this.queue.length - this.left;
    const head = this.left
      ? [bar(share, t("uploads")), h("span", {class: "sum"}, t("uploads_of", {done: number.format(finished), total: number.format(this.queue.length), percent: Math.floor(share * 100)})), h("button", {type: "button", class: "link", onclick: () => this.stopAll()}, t("uploads_cancel"))]
      : [h("span", {class: "sum"}, this.summary(done, same, failed.length)), failed.length ? h("button", {type: "button", class: "link", onclick: () => this.retry()}, t("uploads_retry")) : null, quietButton("close", t("uploads_close"), "close", () => { this.queue = []; this.draw(); })];
    const rows = [...sending, ...failed.slice(0, FAILED_SHOWN)].map(one => h("li", {}, icon("document"), h("span", {class: "upload-name"}, one.path), h("span", {class: "size"}, fileSize(one.file.size)),
      one.state === "failed" ? h("span", {class: "upload-state"}, badge("failed", t("state_failed_upload")), h("span", {class: "reason"}, one.problem)) : h("span", {class: "upload-state"}, bar(one.share, one.path), t("state_uploading", {percent: Math.floor(one.share * 100)})),
      one.state === "sending" ? quietButton("close", t("upload_cancel", {filename: one.path}), "stop", () => one.stop.abort()) : null));
    this.tray.replaceChildren(h("div", {class: "tray-head"}, ...head.filter(Boolean)), rows.length ? h("ul", {}, ...rows) : "");
  }

  summary(done, same, failed) {
    return [
      done === 1 ? t("uploads_done_one") : done || !same && !failed ? t("uploads_done", {count: number.format(done)}) : "",
      same === 1 ? t("uploads_same_one") : same ? t("uploads_same", {count: number.format(same)}) : "",
      failed === 1 ? t("uploads_failed_one") : failed ? t("uploads_failed", {count: number.format(failed)}) : "",
    ].filter(Boolean).join(" ");
  }

  say() {
    const count = state => this.queue.filter(one => one.state === state).length;
    this.said.textContent = this.summary(count("done"), count("same"), count("failed"));
  }
}
