// What is in a collection: found, filtered and sorted by the server, in slices as one scrolls, and kept up to date.
import {call} from "../shell/api.js";
import {documentRow} from "./document_row.js";
import {h, icon, redraw} from "../shell/dom.js";
import {number, t} from "../shell/settings.js";

const POLL_MS = 1500, TYPING_MS = 250, SLICE = 100, MOST = 500, WATCHED = 200;
const FIRST = {name: "asc", added: "desc", size: "desc", state: "asc"};   // how a column is sorted when it is first chosen
const FILTERS = [["", "filter_all", "total"], ["in_progress", "filter_reading", "in_progress"], ["completed", "state_ready", "completed"], ["failed", "state_failed", "failed"], ["cancelled", "state_cancelled", "cancelled"]];

export class DocumentList {
  constructor(shelf) {
    this.shelf = shelf;
    this.query = {q: "", status: "", sort: "added", order: "desc"};
    this.rows = new Map();              // id -> {file, element}
    this.inside = new Map();            // id of an unfolded document -> the element with what lies in it
    this.find = h("input", {type: "search", placeholder: t("find_document"), "aria-label": t("find_document"), oninput: () => this.typed()});
    this.filters = h("div", {class: "filters", role: "group", "aria-label": t("column_state")});
    this.failed = h("p", {class: "dead", hidden: true});
    this.heads = h("div", {class: "row heads", role: "row"});
    this.slices = h("div", {class: "slices", role: "presentation"});
    this.table = h("div", {class: "table", role: "table"}, h("div", {role: "rowgroup"}, this.heads), this.slices);
    this.end = h("div", {class: "end"});
    this.hint = h("p", {class: "hint nothing-fits", role: "status"});
    this.bar = h("div", {class: "list-bar"}, h("label", {class: "find"}, icon("search"), this.find), this.filters);
    this.element = h("div", {class: "list"}, this.bar, this.failed, this.table, this.hint, this.end);
    new IntersectionObserver(([seen]) => seen.isIntersecting && this.more(), {rootMargin: "600px", scrollMargin: "600px"}).observe(this.end);
  }

  get canWrite() { return this.shelf.canWrite; }

  /** Where something is looked for, what lies inside of documents is listed beside them. */
  get isFlat() { return Boolean(this.query.q || this.query.status); }

  async show(store) {
    if (store?.id !== this.store?.id) {
      this.query = {...this.query, q: "", status: ""};
      this.find.value = "";
      this.inside.clear();
      this.slices.replaceChildren();
    }
    this.store = store;
    this.element.hidden = !store;
    this.table.setAttribute("aria-label", t("documents_list", {name: store?.name ?? ""}));
    this.drawHeads();
    if (store) await this.reload();
  }

  /** Ask for nothing until it is shown again. */
  rest() {
    clearTimeout(this.timer);
    this.asked = null;
    this.shelf.uploads.rest();
  }

  address(more) {
    const wanted = new URLSearchParams();
    for (const [name, value] of Object.entries({...this.query, ...more})) if (value !== "") wanted.set(name, value);
    return `/api/collections/${this.store.id}/documents?${wanted}`;
  }

  /** Ask for everything that is shown again, in one go. */
  async reload() {
    clearTimeout(this.timer);
    if (!this.store) return;
    const asked = this.asked = Symbol("asked");
    const limit = Math.min(Math.max(SLICE, this.rows.size), MOST);
    const page = await call(this.address({limit}));
    if (asked !== this.asked) return;
    const before = this.attention();
    this.rows.clear();
    this.slices.replaceChildren();
    this.take(page);
    for (const id of [...this.inside.keys()]) if (this.rows.has(id) && !this.isFlat) await this.showInside(id); else this.inside.delete(id);
    this.attend(before);
    this.follow();
  }

  // What somebody is looking at: unfolded notes, and the button that has the focus.
  attention() {
    const focused = this.shelf.host.shadowRoot.activeElement, row = this.slices.contains(focused) ? focused.closest("[data-id]") : null;
    return {told: [...this.slices.querySelectorAll("details[open]")].map(one => one.closest("[data-id]").dataset.id), id: row?.dataset.id, act: focused?.dataset.act};
  }

  attend({told, id, act}) {
    for (const one of told) this.rows.get(one)?.element.querySelector("details")?.setAttribute("open", "");
    const row = id ? this.rows.get(id)?.element : null;
    if (row) (row.querySelector(`[data-act="${act}"]`) ?? row.querySelector("button"))?.focus({preventScroll: true});
  }

  async more() {
    if (!this.hasMore || this.isLoading || !this.shelf.isSeen) return;
    this.isLoading = true;
    const asked = this.asked;
    const page = await this.shelf.attempt(() => call(this.address({offset: this.offset, limit: SLICE})));
    this.isLoading = false;
    if (page && asked === this.asked) this.take(page, this.offset);
  }

  take(page, offset = 0) {
    const slice = h("div", {class: "slice", role: "rowgroup"});
    for (const file of page.data) if (!this.rows.has(file.id)) slice.append(this.row(file));
    this.slices.append(slice);
    this.offset = offset + page.data.length;
    this.hasMore = page.has_more;
    this.told(page);
    this.hint.textContent = this.rows.size ? "" : t(this.isFlat ? "nothing_fits" : "no_files");
    this.table.hidden = !this.rows.size;
  }

  row(file) {
    const element = documentRow(this, file, this.inside.has(file.id));
    this.rows.set(file.id, {file, element});
    return element;
  }

  told({counts, as_of}) {
    this.counts = counts;
    this.asOf = as_of;
    this.bar.hidden = !counts.total;
    redraw(this.filters, ...FILTERS.filter(([status, , name]) => !status || counts[name] || status === this.query.status).map(([status, key, name]) =>
      h("button", {type: "button", class: "filter", "aria-pressed": String(status === this.query.status), "data-act": `filter-${status}`, onclick: () => this.filter(status)}, t(key), h("small", {}, number.format(counts[name])))));
    this.drawFailed(counts.failed);
    this.shelf.counted(counts);
  }

  // What cannot be read: how many, only them, all of them again.
  drawFailed(count) {
    this.failed.hidden = !count;
    if (!count) return;
    const isOnly = this.query.status === "failed";
    redraw(this.failed, icon("alert"), h("span", {}, count === 1 ? t("failed_count_one") : t("failed_count", {count: number.format(count)})),
      h("button", {type: "button", class: "link", "data-act": "show-failed", onclick: () => this.filter(isOnly ? "" : "failed")}, t(isOnly ? "show_all" : "show_failed")),
      this.canWrite ? h("button", {type: "button", class: "link", "data-act": "retry-failed", onclick: () => this.act("POST", "/retry_failed")}, t("retry_failed")) : "");
  }

  drawHeads() {
    const head = (name, key, isSorted = true) => {
      const isOwn = this.query.sort === name;
      return h("div", {role: "columnheader", class: name, "aria-sort": isSorted ? isOwn ? this.query.order === "asc" ? "ascending" : "descending" : "none" : null},
        isSorted ? h("button", {type: "button", "data-act": `sort-${name}`, onclick: () => this.sort(name)}, t(key), isOwn ? h("span", {class: "arrow", "aria-hidden": "true"}, this.query.order === "asc" ? "↑" : "↓") : null) : h("span", {class: "unseen"}, t(key)));
    };
    this.heads.replaceChildren(head("name", "column_name"), head("state", "column_state"), head("size", "column_size"), head("added", "column_added"), head("actions", "column_actions", false));
  }

  // Finding, filtering, sorting ----------------------------------------------------------------------------

  typed() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.ask({q: this.find.value.trim()}), TYPING_MS);
  }

  filter(status) { return this.ask({status}); }

  sort(sort) { return this.ask({sort, order: sort === this.query.sort ? this.query.order === "asc" ? "desc" : "asc" : FIRST[sort]}); }

  async ask(change) {
    const act = this.shelf.host.shadowRoot.activeElement?.dataset.act;
    this.query = {...this.query, ...change};
    this.rows.clear();
    this.drawHeads();
    await this.shelf.attempt(() => this.reload());
    if (act) this.element.querySelector(`[data-act="${act}"]`)?.focus({preventScroll: true});
  }

  // Watching -----------------------------------------------------------------------------------------------

  follow() {
    clearTimeout(this.timer);
    if (this.shelf.isSeen && this.counts?.in_progress) this.timer = setTimeout(() => this.watch(), POLL_MS);
  }

  async watch() {
    try {
      await this.poll();
      if (this.isLost) this.shelf.complain("");
      this.isLost = false;
    } catch (error) {
      if (error.status === 404) return this.shelf.refresh();
      this.isLost = true;
      this.shelf.complain(t("connection_lost"));
    }
    this.follow();
  }

  async poll() {
    const asked = this.asked, before = this.counts;
    const page = await call(`/api/collections/${this.store.id}/documents?changed_since=${encodeURIComponent(this.asOf)}&limit=${WATCHED}`);
    if (asked !== this.asked) return;
    const told = new Set(page.data.map(file => file.id));
    // What was being read and is not told of any more was finished by a transaction that began before we last asked.
    const isMissed = [...this.rows.values()].some(({file}) => file.status === "in_progress" && !told.has(file.id) && (page.data.length < WATCHED || file.stage !== "waiting"));
    for (const file of page.data) this.replace(file);
    const isOther = isMissed || page.counts.total !== before.total || this.query.status && page.counts[this.query.status] !== before[this.query.status];
    this.told(page);
    if (isOther) await this.reload();
  }

  replace(file) {
    const known = this.rows.get(file.id);
    if (!known || JSON.stringify(known.file) === JSON.stringify(file)) return;
    const focused = this.shelf.host.shadowRoot.activeElement, act = known.element.contains(focused) ? focused.dataset.act : null;
    const wasTold = known.element.querySelector("details")?.open;
    const old = known.element, fresh = this.row(file);
    old.replaceWith(fresh);
    if (wasTold) fresh.querySelector("details")?.setAttribute("open", "");
    if (act) (fresh.querySelector(`[data-act="${act}"]`) ?? fresh.querySelector("button"))?.focus({preventScroll: true});
  }

  // What lies inside, and deeds -------------------------------------------------------------------------------

  async unfold(file) {
    if (this.inside.has(file.id)) {
      for (const row of this.inside.get(file.id).children) { this.rows.delete(row.dataset.id); this.inside.get(row.dataset.id)?.remove(); this.inside.delete(row.dataset.id); }
      this.inside.get(file.id).remove();
      this.inside.delete(file.id);
    } else await this.shelf.attempt(() => this.showInside(file.id));
    const {element} = this.rows.get(file.id), fresh = this.row(file);
    element.replaceWith(fresh);
    fresh.querySelector(".unfold").focus({preventScroll: true});
  }

  async showInside(id) {
    const page = await call(`/api/collections/${this.store.id}/documents?parent=${id}&sort=name&order=asc&limit=${MOST}`);
    const group = h("div", {class: "inside-of", role: "presentation"}, ...page.data.map(file => this.row(file)));
    this.inside.get(id)?.remove();
    this.inside.set(id, group);
    const {file, element} = this.rows.get(id), fresh = this.row(file);
    element.replaceWith(fresh);
    fresh.after(group);
  }

  /** Something done to what is in the collection; ends with the list as it is then. */
  act(method, path) {
    return this.shelf.attempt(async () => {
      const told = await call(`/v1/vector_stores/${this.store.id}${path}`, {method});
      await this.reload();
      return told;
    });
  }
}
