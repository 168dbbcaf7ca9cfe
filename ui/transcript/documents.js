// <document-shelf>: collections, the documents in them, and adding more: straight to /v1/files, with progress.
import {call, upload} from "./api.js";
import {documentsLook} from "./documents_look.js";
import {h, icon} from "./dom.js";
import {explain, fileSize, settings, t} from "./settings.js";

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
    this.rows = h("tbody", {});
    this.table = h("table", {}, h("thead", {}, h("tr", {}, h("th", {scope: "col"}, t("column_name")), h("th", {scope: "col", class: "size"}, t("column_size")),
      h("th", {scope: "col"}, t("column_state")), h("th", {}))), this.rows);
    this.empty = h("p", {class: "hint"}, t("no_files"));
    this.main = h("section", {class: "files"}, this.heading, this.problem, this.drop, this.table, this.empty);
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
    this.rows.replaceChildren(...waiting.map(one => this.uploadRow(one)), ...this.files.map(file => this.fileRow(file)));
    this.table.hidden = !this.rows.childElementCount;
    this.empty.hidden = !this.table.hidden;
  }

  uploadRow(one) {
    one.state = h("td", {class: "state"});
    this.drawShare(one);
    return h("tr", {}, h("td", {class: "name"}, icon("document"), h("span", {}, one.file.name)), h("td", {class: "size"}, fileSize(one.file.size)), one.state,
      h("td", {}, one.error ? this.removeButton(one.file.name, () => { this.uploads = this.uploads.filter(other => other !== one); this.drawFiles(); }) : null));
  }

  drawShare(one) {
    if (one.error) one.state.replaceChildren(this.badge("failed", t("state_failed")), h("p", {class: "reason"}, one.error));
    else one.state.replaceChildren(this.bar(one.share), t("state_uploading", {percent: Math.floor(one.share * 100)}));
  }

  fileRow(file) {
    const name = file.filename ?? file.id;
    const remove = () => this.attempt(async () => {
      if (!confirm(t("remove_sure"))) return;
      await call(`/v1/vector_stores/${this.chosen}/files/${file.id}`, {method: "DELETE"});
      await this.choose(this.chosen);
    });
    return h("tr", {}, h("td", {class: "name"}, icon("document"), h("span", {}, name)), h("td", {class: "size"}, file.usage_bytes ? fileSize(file.usage_bytes) : ""),
      h("td", {class: "state"}, this.state(file)), h("td", {}, this.canWrite ? this.removeButton(name, remove) : null));
  }

  state(file) {
    if (file.status === "completed") return [this.badge("ready", t("state_ready")), ...(file.notes ?? []).map(note => h("p", {class: "reason"}, note))];
    if (file.status === "failed") return [this.badge("failed", t("state_failed")), h("p", {class: "reason"}, this.reason(file.last_error))];
    if (file.status === "cancelled") return [this.badge("", t("state_cancelled"))];
    const share = typeof file.progress === "number" ? file.progress : null;
    if (share === null) return [this.bar(null), t("state_reading_unknown")];
    return [this.bar(share), share > 0 ? t("state_reading", {percent: Math.floor(share * 100)}) : t("state_queued")];
  }

  // OpenAI's last_error has few codes; our own is in `reason` where the server gives it.
  reason(error) {
    return settings.texts[`error.${error?.reason ?? error?.code}`] ?? error?.message ?? "";
  }

  badge(kind, label) { return h("span", {class: `badge ${kind}`}, label); }

  bar(share) { return h("progress", share === null ? {} : {value: share, max: 1}); }

  removeButton(filename, onclick) {
    return h("button", {type: "button", class: "quiet", title: t("delete"), "aria-label": t("remove_file", {filename}), onclick}, icon("trash"));
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
    const queue = files.map(file => ({file, storeId: this.chosen, share: 0, error: ""}));
    this.uploads.push(...queue);
    this.drawFiles();
    await Promise.all(Array.from({length: UPLOADS_AT_ONCE}, async () => { while (queue.length) await this.send(queue.shift()); }));
    await this.refresh();
  }

  async send(one) {
    try {
      const sent = await upload(one.file, share => { one.share = share; if (one.state?.isConnected) this.drawShare(one); });
      await call(`/v1/vector_stores/${one.storeId}/files`, {method: "POST", body: {file_id: sent.id}});
      this.uploads = this.uploads.filter(other => other !== one);
      await this.refresh();
    } catch (error) {
      one.error = error instanceof TypeError ? t("connection_lost") : explain(error);
      this.drawFiles();
    }
  }
}

customElements.define("document-shelf", DocumentShelf);
