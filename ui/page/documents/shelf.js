// The room of the Documents tab: collections at the side, what is in the chosen one beside them.
import {call} from "../shell/api.js";
import {DocumentList} from "./document_list.js";
import {documentsLook} from "./documents_look.js";
import {h, icon, redraw} from "../shell/dom.js";
import {leavingMark} from "./leaving_mark.js";
import {explain, number, settings, t} from "../shell/settings.js";
import {Uploads} from "./uploads.js";

const KEPT = "collection-shown";

export class Shelf {
  constructor(host) {
    this.host = host;
    host.shadowRoot.adoptedStyleSheets = [documentsLook];
    this.stores = [];
    this.store = null;
    this.complaints = 0;
    this.nav = h("ul", {class: "stores"});
    this.problem = h("p", {class: "problem", role: "alert", hidden: true});
    this.heading = h("h1", {});
    this.about = h("p", {class: "about"});
    this.tools = h("div", {class: "tools"});
    this.empty = h("div", {class: "nothing", hidden: true}, icon("folder"), h("p", {}, t("no_collections")));
    this.list = new DocumentList(this);
    this.uploads = new Uploads(this);
    this.main = h("section", {class: "files"}, h("header", {class: "top"}, h("div", {}, this.heading, this.about), this.tools),
      this.problem, this.empty, this.uploads.element, this.list.element);
    const create = h("button", {type: "button", class: "plain wide", onclick: () => this.dialog("openNewCollection")}, icon("plus"), t("new_collection"));
    host.shadowRoot.append(h("div", {class: "shelf"}, h("nav", {"aria-label": t("collections")}, h("h2", {}, t("collections")), this.nav, create), this.main));
  }

  see(isSeen) {
    this.isSeen = isSeen;
    if (isSeen) this.refresh();
    else this.list.rest();
  }

  get canWrite() { return Boolean(this.store) && this.store.can_write !== false; }

  async attempt(action) {
    const before = this.complaints;
    try {
      const done = await action();
      if (this.complaints === before) this.complain("");   // one attempt may hold another, which has just complained
      return done;
    } catch (error) {
      this.complaints += 1;
      if (error.name !== "AbortError") this.complain(error instanceof TypeError ? t("connection_lost") : explain(error));
    }
  }

  complain(sentence) {
    this.problem.replaceChildren(sentence && icon("alert"), sentence);
    this.problem.hidden = !sentence;
  }

  refresh() { return this.choose(this.store?.id ?? sessionStorage.getItem(KEPT)); }

  choose(id) {
    return this.attempt(async () => {
      this.stores = await this.allStores();
      this.store = this.stores.find(store => store.id === id) ?? this.stores[0] ?? null;
      if (this.store) sessionStorage.setItem(KEPT, this.store.id);
      this.draw();
      await this.list.show(this.store);
    });
  }

  async allStores() {
    const stores = [];
    for (let after = ""; ;) {
      const page = await call(`/v1/vector_stores?limit=100&order=asc${after}`);
      stores.push(...page.data);
      if (!page.has_more || !page.data.length) return stores;
      after = `&after=${page.data.at(-1).id}`;
    }
  }

  /** counts: of the chosen collection, as the list knows them now. */
  counted(counts) {
    if (!this.store) return;
    this.store.file_counts = counts;
    this.draw();
  }

  draw() {
    redraw(this.nav, ...this.stores.map(store => h("li", {}, h("button", {type: "button", "data-act": store.id, "aria-current": store === this.store ? "true" : null, onclick: () => this.choose(store.id)},
      icon(store.owner === "user" && store.can_manage !== false ? "folder" : "people"), h("span", {}, store.name || "–"), h("small", {}, documents(store.file_counts?.total ?? 0), signOf(store))))));
    const store = this.store, canManage = store?.can_manage !== false;
    this.heading.textContent = store?.name ?? t("collections");
    this.empty.hidden = Boolean(store);
    this.about.replaceChildren(...store ? [h("span", {class: "badge"}, audience(store)), this.canWrite ? null : h("span", {class: "badge"}, t("read_only")), leavingMark(store), documents(store.file_counts?.total ?? 0)].filter(Boolean) : []);
    this.uploads.element.hidden = !this.canWrite;
    const tool = (name, label, deed) => h("button", {type: "button", class: "quiet", title: label, "aria-label": label, onclick: deed}, icon(name));
    const focused = this.tools.contains(this.host.shadowRoot.activeElement);
    if (focused) return;
    this.tools.replaceChildren(...store ? [
      h("button", {type: "button", class: "plain", onclick: () => this.trySearch()}, icon("search"), h("span", {}, t("search_test"))),
      canManage ? h("button", {type: "button", class: "plain", onclick: () => this.dialog("openSharing", store)}, icon("share"), h("span", {}, t("share"))) : null,
      settings.role === "admin" || store.may_leave && canManage ? tool(store.may_leave ? "lock" : "cloud", t(store.may_leave ? "collection_keep" : "collection_let"), () => this.turnMark(store)) : null,
      canManage ? tool("pencil", t("rename_collection"), () => this.dialog("openRename", store)) : null,
      canManage ? tool("trash", t("delete_collection"), () => this.dialog("openDeletion", store)) : null,
    ].filter(Boolean) : []);
  }

  // Loaded when it is wanted ---------------------------------------------------------------------------------

  dialog(name, ...given) {
    return this.attempt(async () => (await import(name === "openSharing" ? "./sharing.js" : "./collection_dialogs.js"))[name](this, ...given));
  }

  turnMark(store) { return this.attempt(async () => (await import("./leaving_mark.js")).letLeave(store, !store.may_leave, () => this.choose(store.id))); }

  trySearch() { return this.attempt(async () => (await import("./search_test.js")).openSearchTest(this)); }

  view(place) { return this.attempt(async () => (await import("./viewer.js")).openViewer({...place, mayWrite: id => this.stores.find(store => store.id === id)?.can_write ?? false, onChange: () => this.list.reload()})); }
}

/** A sign for whether it may leave the box, told to those who do not see it. */
function signOf(store) {
  const told = t(store.may_leave ? "collection_may_leave" : "collection_stays"), sign = icon(store.may_leave ? "cloud" : "lock");
  return h("span", {title: told}, sign, h("span", {class: "unseen"}, ` ${told}`));
}

export function documents(count) { return count === 1 ? t("files_count_one") : t("files_count", {count: number.format(count)}); }

/** Who may see a collection, in a few words. */
export function audience(store) {
  if (store.owner === "everybody") return t("seen_by_everybody");
  if (store.owner?.startsWith("group:")) return t("seen_by_group", {group: store.owner_name ?? ""});
  return store.can_manage === false ? t("shared_by", {owner: store.owner_name ?? ""}) : t("seen_by_me");
}
