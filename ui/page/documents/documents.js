// <document-shelf>: collections, the documents in them, and adding more: straight to /v1/files, with progress.
import {call, upload} from "../shell/api.js";
import {badge, bar, fileRow, quietButton} from "./document_row.js";
import {documentsLook} from "./documents_look.js";
import {h, icon} from "../shell/dom.js";
import {explain, fileSize, t} from "../shell/settings.js";

const POLL_MS = 1500;
const UPLOADS_AT_ONCE = 2;

class DocumentShelf extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    this.attachShadow({mode: "open"}).adoptedStyleSheets = [documentsLook];
    this.stores = [];
    this.chosen = null;
    this.uploads = [];             // {file, storeId, share, error}
    this.list = h("ul", {class: "stores"});
    this.form = this.newStoreForm();
    this.input = h("input", {type: "file", multiple: true, hidden: true, onchange: () => { this.addFiles([...this.input.files]); this.input.value = ""; }});
    this.drop = h("div", {class: "drop"}, icon("upload"), h("p", {}, t("drop_here"), " ", h("button", {type: "button", class: "link", onclick: () => this.input.click()}, t("choose_files"))),
      h("p", {class: "hint"}, t("drop_formats")), this.input);
    this.problem = h("p", {class: "problem", role: "alert", hidden: true});
    this.heading = h("h2", {});
    this.files = [];
    this.onlyFailed = false;       // the list shows what was not read, and nothing else
    this.failed = h("p", {class: "dead", hidden: true});
    this.rows = h("tbody", {});
    this.table = h("table", {}, h("thead", {}, h("tr", {}, h("th", {scope: "col"}, t("column_name")), h("th", {scope: "col", class: "size"}, t("column_size")),
      h("th", {scope: "col"}, t("column_state")), h("th", {}))), this.rows);
    this.empty = h("p", {class: "hint"}, t("no_files"));
    this.main = h("section", {class: "files"}, this.heading, this.problem, this.drop, this.failed, this.table, this.empty);
    this.shadowRoot.append(h("div", {class: "shelf"}, h("nav", {"aria-label": t("collections")}, h("h2", {}, t("collections")), this.list, this.form), this.main));
    this.takeDrops();
    // Nothing is asked before the tab is opened, and nothing while it is hidden.
    new IntersectionObserver(([seen]) => { this.isSeen = seen.isIntersecting; if (this.isSeen) this.refresh(); }).observe(this);
  }

  newStoreForm() {
    const name = h("input", {type: "text", maxLength: 100, required: true, placeholder: t("collection_name"), "aria-label": t("collection_name")});
    return h("form", {class: "new", onsubmit: event => { event.preventDefault(); this.attempt(() => this.create(name)); }},
      name, h("button", {type: "submit", class: "plain", title: t("new_collection")}, icon("plus"), t("create")));
  }

  async create(input) {
    const store = await call("/v1/vector_stores", {method: "POST", body: {name: input.value.trim()}});
    input.value = "";
    await this.choose(store.id);
  }

  async attempt(action) {
    try {
      await action();
      this.problem.hidden = true;
    } catch (error) {
      this.problem.textContent = error instanceof TypeError ? t("connection_lost") : explain(error);
      this.problem.hidden = false;
    }
  }

  refresh() { return this.attempt(() => this.choose(this.chosen)); }

  async choose(id) {
    this.stores = (await call("/v1/vector_stores?limit=100")).data;
    this.chosen = this.stores.some(store => store.id === id) ? id : this.stores[0]?.id ?? null;
    this.drawStores();
    await this.readFiles();
  }

  drawStores() {
    this.list.replaceChildren(...this.stores.map(store => {
      const count = store.file_counts?.total ?? 0;
      return h("li", {}, h("button", {type: "button", "aria-current": store.id === this.chosen ? "true" : null, onclick: () => this.attempt(() => this.choose(store.id))},
        icon("folder"), h("span", {}, store.name || "–"), h("small", {}, count === 1 ? t("files_count_one") : t("files_count", {count}))));
    }));
    const store = this.stores.find(one => one.id === this.chosen);
    this.heading.textContent = store?.name ?? "";
    this.canWrite = Boolean(store) && store.can_write !== false;
    this.drop.hidden = !this.canWrite;
    this.empty.textContent = store ? t("no_files") : t("no_collections");
  }

  async readFiles() {
    clearTimeout(this.timer);
    const id = this.chosen;
    const files = id ? await this.allFiles(id) : [];
    if (id !== this.chosen) return;
    this.files = files;
    this.drawFiles();
    if (this.isSeen && files.some(file => file.status === "in_progress")) this.timer = setTimeout(() => this.refresh(), POLL_MS);
  }

  async allFiles(id) {
    const files = [];
    for (let after = ""; ;) {
      const page = await call(`/v1/vector_stores/${id}/files?limit=100${after}`);
      files.push(...page.data);
      if (!page.has_more || !page.data.length) return files;
      after = `&after=${page.data.at(-1).id}`;
    }
  }

  drawFiles() {
    const waiting = this.uploads.filter(one => one.storeId === this.chosen);
    this.drawFailed();
    const shown = this.onlyFailed ? this.files.filter(file => file.status === "failed") : this.files;
    this.rows.replaceChildren(...waiting.map(one => this.uploadRow(one)), ...shown.map(file => fileRow(file, this.canWrite, this.actions())));
    this.table.hidden = !this.rows.childElementCount;
    this.empty.hidden = !this.table.hidden;
  }

  uploadRow(one) {
    one.state = h("td", {class: "state"});
    this.drawShare(one);
    return h("tr", {}, h("td", {class: "name"}, icon("document"), h("span", {}, one.file.name)), h("td", {class: "size"}, fileSize(one.file.size)), one.state,
      h("td", {}, one.error ? quietButton("trash", t("remove_file", {filename: one.file.name}), () => { this.uploads = this.uploads.filter(other => other !== one); this.drawFiles(); }) : null));
  }

  drawShare(one) {
    if (one.error) one.state.replaceChildren(badge("failed", t("state_failed")), h("p", {class: "reason"}, one.error));
    else one.state.replaceChildren(bar(one.share), t("state_uploading", {percent: Math.floor(one.share * 100)}));
  }

  // What can be done with one document; each ends with the list as it is then.
  actions() {
    const act = (method, path) => this.attempt(async () => {
      await call(`/v1/vector_stores/${this.chosen}${path}`, {method});
      await this.choose(this.chosen);
    });
    return {
      remove: file => { if (confirm(t("remove_sure"))) act("DELETE", `/files/${file.id}`); },
      retry: file => act("POST", `/files/${file.id}/retry`),
      cancel: file => act("POST", `/files/${file.id}/cancel`),
      retryFailed: () => act("POST", "/retry_failed"),
    };
  }

  // The dead letters: how many, only them, all of them again.
  drawFailed() {
    const count = this.files.filter(file => file.status === "failed").length;
    if (!count) this.onlyFailed = false;
    this.failed.hidden = !count;
    this.failed.replaceChildren(icon("alert"), h("span", {}, count === 1 ? t("failed_count_one") : t("failed_count", {count})),
      h("button", {type: "button", class: "link", onclick: () => { this.onlyFailed = !this.onlyFailed; this.drawFiles(); }}, t(this.onlyFailed ? "show_all" : "show_failed")),
      this.canWrite ? h("button", {type: "button", class: "link", onclick: () => this.actions().retryFailed()}, t("retry_failed")) : "");
  }

  takeDrops() {
    let depth = 0;
    const isFiles = event => this.canWrite && event.dataTransfer?.types.includes("Files");
    const mark = change => { depth = Math.max(0, depth + change); this.drop.classList.toggle("over", depth > 0); };
    this.addEventListener("dragenter", event => isFiles(event) && mark(1));
    this.addEventListener("dragleave", () => mark(-1));
    this.addEventListener("dragover", event => { if (isFiles(event)) event.preventDefault(); });
    this.addEventListener("drop", event => {
      if (!isFiles(event)) return;
      event.preventDefault();
      mark(-depth);
      this.addFiles([...event.dataTransfer.files]);
    });
  }

  async addFiles(files) {
    const queue = files.map(file => ({file, storeId: this.chosen, share: 0, error: "", replaces: this.olderVersion(file)}));
    this.uploads.push(...queue);
    this.drawFiles();
    await Promise.all(Array.from({length: UPLOADS_AT_ONCE}, async () => { while (queue.length) await this.send(queue.shift()); }));
    await this.refresh();
  }

  // A document of the same name may be an older version of this one: whoever adds it decides.
  olderVersion(file) {
    const same = this.files.find(one => one.filename === file.name && one.status === "completed" && !one.parent_id);
    return same && confirm(t("replace_sure", {filename: file.name})) ? same.id : null;
  }

  async send(one) {
    try {
      const sent = await upload(one.file, share => { one.share = share; if (one.state?.isConnected) this.drawShare(one); });
      await call(`/v1/vector_stores/${one.storeId}/files`, {method: "POST", body: {file_id: sent.id, ...(one.replaces ? {replaces: one.replaces} : {})}});
      this.uploads = this.uploads.filter(other => other !== one);
      await this.refresh();
    } catch (error) {
      one.error = error instanceof TypeError ? t("connection_lost") : explain(error);
      this.drawFiles();
    }
  }
}

customElements.define("document-shelf", DocumentShelf);
