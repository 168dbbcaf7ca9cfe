// The line above a chat: its name, also in the browser's tab, and the switch to a chat that is not kept.
import {keyHint} from "../conversations/shortcuts.js";
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

export class ChatHead {
  /** room: {sidebar, goTo(id or null), isTemporary, conversationId, composer}. */
  constructor(room) {
    this.room = room;
    const tool = (name, label, id, onclick) => h("button", {class: "quiet", type: "button", title: `${label} (${keyHint(id)})`, "aria-label": label, onclick}, icon(name));
    this.tools = h("div", {class: "head-tools"}, tool("sidebar", t("show_sidebar"), "sidebar", () => room.sidebar.toggle(true, {byPerson: true})), tool("plus", t("new_question"), "new_chat", () => room.goTo(null)));
    this.title = h("h1", {class: "chat-title", hidden: true});
    this.badge = h("span", {class: "badge"}, t("temporary"));
    this.temporary = h("button", {type: "button", class: "temporary", "aria-pressed": "false", title: t("temporary_hint"), onclick: () => this.switchTemporary()}, icon("temporary"), h("span", {}, t("temporary")));
    this.element = h("div", {class: "chat-head"}, this.tools, this.title, this.badge, this.temporary);
    new MutationObserver(() => this.name()).observe(document.head, {childList: true, subtree: true, characterData: true});
    this.show({});
  }

  show({title = "", temporary}) {
    this.chat = title;
    this.title.textContent = title;
    this.title.hidden = !title;
    this.draw(temporary ?? this.room.isTemporary);
    this.name();
  }

  draw(isTemporary) {
    const isNew = !this.room.conversationId;
    this.badge.hidden = !isTemporary || isNew;
    this.temporary.hidden = !isNew;
    this.temporary.setAttribute("aria-pressed", String(isTemporary));
    this.room.toggleAttribute("data-temporary", isTemporary);
  }

  // Only before the first question: a chat that is kept stays kept.
  switchTemporary() {
    this.room.isTemporary = !this.room.isTemporary;
    this.draw(this.room.isTemporary);
    this.room.starters.showTemporary(this.room.isTemporary);
    this.room.composer.focus();
  }

  showTools(areShown) { this.tools.hidden = !areShown; }

  /** The dot in the browser's tab: an answer has ended that nobody has looked at. */
  answered() { this.isNews = document.hidden; this.name(); }

  looked() { if (!document.hidden) { this.isNews = false; this.name(); } }

  // Gradio writes its own name there when it is drawn.
  name() {
    const name = `${this.isNews ? "● " : ""}${this.chat ? `${this.chat} · ` : ""}${t("product")}`;
    if (document.title !== name) document.title = name;
  }
}
