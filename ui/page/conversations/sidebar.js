// The conversations beside the chat: pinned, then by age; renamed, pinned, put away, deleted and brought back here.
import {h, icon} from "../shell/dom.js";
import {explain, t} from "../shell/settings.js";
import {ConversationRow} from "./conversation_row.js";
import {KnownConversations} from "./known_conversations.js";
import {keyHint} from "./shortcuts.js";

const DAY_MS = 24 * 3600 * 1000, NARROW = "(max-width: 860px)", OPEN = "sidebar";
const PERIODS = ["pinned", "today", "yesterday", "last_week", "last_month", "older"];

/** Which heading a moment stands under, by the days of the calendar here. */
export function period(moment, now = new Date()) {
  const at = new Date(moment);
  const days = Math.round((midnight(now) - midnight(at)) / DAY_MS);
  if (days <= 0) return "today";
  if (days === 1) return "yesterday";
  return days < 7 ? "last_week" : days < 30 ? "last_month" : "older";
}

const midnight = day => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();

export class Sidebar {
  /** room: {element, goTo(id or null), onConversations(known)}; it carries the class `with-sidebar` while this is open. */
  constructor(room) {
    this.room = room;
    this.rows = new Map();
    this.known = new KnownConversations(() => this.draw());
    this.list = h("div", {class: "conversations"});
    this.end = h("div", {class: "list-end", "aria-hidden": "true"});
    this.scroller = h("div", {class: "sidebar-scroll", onkeydown: event => this.onArrow(event)}, this.list, this.end);
    this.head = h("div", {class: "sidebar-head"});
    this.element = h("nav", {class: "sidebar", "aria-label": t("conversations")},
      h("div", {class: "sidebar-top"},
        h("button", {class: "new-chat", type: "button", title: `${t("new_question")} (${keyHint("new_chat")})`, onclick: () => room.goTo(null)}, icon("plus"), h("span", {}, t("new_question"))),
        this.tool("search", t("search_conversations"), "search", () => this.search()),
        this.tool("sidebar", t("hide_sidebar"), "sidebar", () => this.toggle(false))),
      this.head, this.scroller,
      h("div", {class: "sidebar-foot"}, h("button", {type: "button", class: "foot", onclick: () => this.showArchive(true)}, icon("archive"), h("span", {}, t("archive"))),
        this.tool("keyboard", t("keys_title"), "keys", () => this.showKeys())));
    new IntersectionObserver(seen => seen.some(one => one.isIntersecting) && this.shown.more(), {root: this.scroller, rootMargin: "300px"}).observe(this.end);
    this.narrow = matchMedia(NARROW);
    this.narrow.addEventListener("change", () => this.toggle(this.shouldOpen()));
  }

  tool(name, label, deed, onclick) {
    return h("button", {class: "quiet", type: "button", title: `${label} (${keyHint(deed)})`, "aria-label": label, onclick}, icon(name));
  }

  /** The list that is looked at: the usual one, or what was put away. */
  get shown() { return this.archive ?? this.known; }

  // Open and closed ------------------------------------------------------------------------------------

  shouldOpen() { return !this.narrow.matches && localStorage.getItem(OPEN) !== "closed"; }

  get isOpen() { return this.room.element.classList.contains("with-sidebar"); }

  /** On a narrow page it lies over the chat, which then cannot be reached. */
  toggle(isOpen = !this.isOpen, {byPerson = false} = {}) {
    this.room.element.classList.toggle("with-sidebar", isOpen);
    this.element.inert = !isOpen;
    const covers = isOpen && this.narrow.matches;
    this.room.talk.inert = covers;
    if (byPerson && !this.narrow.matches) localStorage.setItem(OPEN, isOpen ? "open" : "closed");
    if (covers) this.element.querySelector(".new-chat").focus();
    this.room.onSidebar(isOpen);
  }

  /** Left for a chat: a drawer closes, a column stays. */
  leave() { if (this.narrow.matches && this.isOpen) this.toggle(false); }

  // The list -------------------------------------------------------------------------------------------

  async refresh(currentId) {
    this.known.currentId = currentId;
    this.draw();
    await this.known.refresh();
  }

  draw() {
    if (!this.shown.isRead) return;
    const groups = new Map(PERIODS.map(name => [name, []]));
    for (const one of this.shown.all) groups.get(one.pinned && !this.archive ? "pinned" : period(one.updated_at)).push(one);
    const filled = [...groups].filter(([, ones]) => ones.length);
    const order = JSON.stringify(filled.map(([name, ones]) => [name, ones.map(one => one.id)]));
    for (const one of this.shown.all) this.row(one.id).show(one, one.id === this.known.currentId);
    for (const id of this.rows.keys()) if (!this.shown.get(id)) this.rows.delete(id);
    const isRenaming = [...this.rows.values()].some(row => row.field);
    if (order !== this.order && !isRenaming) this.lay(filled, order);
    this.room.onConversations(this.known);
  }

  // Anew only where the order has changed: what is pointed at or focused stays.
  lay(filled, order) {
    this.order = order;
    const focused = this.element.getRootNode().activeElement;
    const empty = this.archive ? "archive_empty" : "past_empty";
    this.list.replaceChildren(...filled.length ? filled.map(([name, ones]) => this.group(name, ones)) : [h("p", {class: "hint"}, t(empty))]);
    if (focused && this.list.contains(focused)) focused.focus({preventScroll: true});
  }

  group(name, ones) {
    const id = `group-${name}`;
    return h("section", {"aria-labelledby": id}, h("h3", {id}, t(name)), h("ul", {}, ones.map(one => this.rows.get(one.id).element)));
  }

  row(id) {
    if (!this.rows.has(id)) this.rows.set(id, new ConversationRow({
      open: one => this.open(one), remove: one => this.remove(one), rename: (one, title) => this.attempt(this.shown.change(one, {title})),
      showMenu: async (row, x, y) => (await import("./row_menu.js")).showMenu(this, row, x, y)}));
    return this.rows.get(id);
  }

  onArrow(event) {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    const links = [...this.list.querySelectorAll("a")], at = links.indexOf(event.target.closest("a"));
    if (!step || at < 0) return;
    event.preventDefault();
    links[at + step]?.focus();
  }

  // What is done with them -----------------------------------------------------------------------------

  open(id) { this.leave(); this.room.goTo(id); }

  /** A refusal is said; returns undefined then. */
  async attempt(doing) {
    try { return await doing; } catch (error) { (await this.toasts()).say(error instanceof TypeError ? t("connection_lost") : explain(error)); return undefined; }
  }

  pin(id, pinned) { return this.attempt(this.shown.change(id, {pinned})); }

  async putAway(id, archived) {
    const title = this.row(id).title;
    if (!await this.attempt(this.shown.change(id, {archived}))) return;
    this.shown.drop(id);
    this.focusNear();
    if (!archived) await this.known.refresh();
    else (await this.toasts()).offer(t("archived_toast", {title}), t("undo"), 10_000, async () => { await this.known.change(id, {archived: false}); await this.known.refresh(); });
  }

  async remove(id) {
    const {title} = this.row(id), wasCurrent = id === this.known.currentId, list = this.shown;
    const toasts = await this.toasts();
    try {
      const until = await list.remove(id);
      this.focusNear();
      toasts.offerUndo({id, title, until}, () => this.bringBack(id, wasCurrent, list));
      if (wasCurrent) this.room.goTo(null);
    } catch (error) {
      toasts.say(error instanceof TypeError ? t("connection_lost") : explain(error));
    }
  }

  async bringBack(id, wasCurrent, list = this.known) {
    if (await this.attempt(list.restore(id)) && wasCurrent && !this.known.currentId) this.room.goTo(id);
  }

  // Whoever deletes by keyboard stays in the list.
  focusNear() {
    const focused = this.element.getRootNode().activeElement;
    if (!focused || focused === this.element) this.list.querySelector("a")?.focus({preventScroll: true});
  }

  async toasts() {
    const {UndoToasts} = await import("./undo.js");
    if (!this.notes) {
      this.notes = new UndoToasts();
      this.room.element.append(this.notes.element);
    }
    return this.notes;
  }

  /** What was deleted shortly before a reload can still be brought back. */
  async remindOfDeleted() {
    if (sessionStorage.getItem("deleted")) (await this.toasts()).remind(id => this.bringBack(id, true));
  }

  showArchive(isShown) {
    this.archive?.close();
    this.archive = isShown ? new KnownConversations(() => this.draw(), {archived: true}) : null;
    this.rows.clear();
    this.order = null;
    this.head.replaceChildren(...isShown ? [h("button", {type: "button", class: "quiet", "aria-label": t("archive_back"), title: t("archive_back"), onclick: () => this.showArchive(false)}, icon("back")), h("h2", {}, t("archive"))] : []);
    if (isShown) { this.list.replaceChildren(); this.attempt(this.archive.refresh()); this.head.querySelector("button").focus(); } else this.draw();
  }

  async search() {
    const {openSearch} = await import("./search.js");
    openSearch({open: id => this.open(id), newChat: () => this.open(null)});
  }

  async showKeys() { (await import("./key_list.js")).openKeyList(); }
}
