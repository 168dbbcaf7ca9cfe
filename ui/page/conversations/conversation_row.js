// One conversation in the list: its name as a link, what is going on in it, its menu, and its name as a field while it is changed.
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const MAX_TITLE = 200;

export class ConversationRow {
  /** deeds: {open(id), rename(id, title), showMenu(row, x, y), remove(id)}. */
  constructor(deeds) {
    this.deeds = deeds;
    this.name = h("span", {class: "name"});
    this.news = h("span", {class: "unseen"});
    this.link = h("a", {onclick: event => this.onClick(event), ondblclick: () => this.rename(), onkeydown: event => this.onKey(event)},
      h("span", {class: "state", "aria-hidden": "true"}), this.name, this.news);
    this.more = h("button", {class: "quiet more", type: "button", "aria-haspopup": "menu", onclick: () => this.openMenu()}, icon("dots"));
    this.element = h("li", {oncontextmenu: event => { event.preventDefault(); this.deeds.showMenu(this, event.clientX, event.clientY); }}, this.link, this.more);
  }

  get title() { return this.conversation.title || t("untitled_chat"); }

  show(conversation, isCurrent) {
    this.conversation = conversation;
    const {id, running, unread} = conversation;
    this.link.href = `/c/${id}`;
    if (isCurrent) this.link.setAttribute("aria-current", "page"); else this.link.removeAttribute("aria-current");
    this.element.className = [isCurrent && "current", running && "running", unread && !isCurrent && "unread"].filter(Boolean).join(" ");
    if (this.name.textContent !== this.title) this.name.textContent = this.title;
    this.name.title = this.title;
    this.news.textContent = running ? t("is_running") : unread && !isCurrent ? t("is_unread") : "";
    const label = t("conversation_options", {title: this.title});
    this.more.setAttribute("aria-label", label);
    this.more.title = label;
  }

  onClick(event) {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    this.deeds.open(this.conversation.id);
  }

  onKey(event) {
    if (event.key === "F2") { event.preventDefault(); this.rename(); }
    if (event.key === "Delete") { event.preventDefault(); this.deeds.remove(this.conversation.id); }
  }

  openMenu() {
    const {right, bottom} = this.more.getBoundingClientRect();
    this.deeds.showMenu(this, right, bottom);
  }

  // The field stands where the name stood; Enter and leaving it keep the new name, Esc the old one.
  rename() {
    if (this.field) return;
    const end = isKept => {
      const title = this.field?.value.trim();
      if (!this.field) return;
      const field = this.field, hadFocus = field.matches(":focus");
      this.field = null;
      field.replaceWith(this.link);
      if (hadFocus) this.link.focus();
      if (isKept && title && title !== this.conversation.title) this.deeds.rename(this.conversation.id, title);
    };
    this.field = h("input", {class: "rename", value: this.title, maxlength: String(MAX_TITLE), "aria-label": t("rename_conversation"), onblur: () => end(true),
      onkeydown: event => {
        if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
        event.preventDefault();
        event.stopPropagation();
        end(event.key === "Enter");
      }});
    this.link.replaceWith(this.field);
    this.field.focus();
    this.field.select();
  }
}
