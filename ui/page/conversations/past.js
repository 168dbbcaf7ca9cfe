// The person's earlier conversations, newest first, grouped by day; each has its own address.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const DAY_MS = 24 * 3600 * 1000;

function period(moment, now = new Date()) {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const at = new Date(moment).getTime();
  if (at >= midnight) return "today";
  if (at >= midnight - DAY_MS) return "yesterday";
  return at >= midnight - 6 * DAY_MS ? "this_week" : "earlier";
}

export class PastConversations {
  /** room: {goTo(id or null)}. */
  constructor(room) {
    this.room = room;
    this.list = h("div", {class: "past-list"});
    this.element = h("nav", {class: "past", "aria-label": t("past")},
      h("button", {class: "plain wide", type: "button", onclick: () => room.goTo(null)}, icon("plus"), t("new_question")), this.list);
  }

  async refresh(currentId) {
    this.currentId = currentId;
    const {data} = await call("/api/conversations?limit=100");
    const groups = Map.groupBy ? Map.groupBy(data, one => period(one.updated_at)) : groupBy(data);
    this.list.replaceChildren(...(data.length ? [...groups].map(([name, ones]) => this.group(name, ones))
      : [h("p", {class: "hint"}, t("past_empty"))]));
  }

  group(name, conversations) {
    return h("section", {}, h("h3", {}, t(name)), h("ul", {}, conversations.map(one => this.row(one))));
  }

  row({id, title}) {
    const open = event => { if (event.metaKey || event.ctrlKey) return; event.preventDefault(); this.room.goTo(id); };
    return h("li", {class: id === this.currentId ? "current" : ""},
      h("a", {href: `/c/${id}`, onclick: open, "aria-current": id === this.currentId ? "page" : null}, title || t("untitled_chat")),
      h("button", {class: "quiet", type: "button", title: t("delete"), "aria-label": t("delete_conversation", {title: title || t("untitled_chat")}), onclick: () => this.forget(id)}, icon("trash")));
  }

  async forget(id) {
    if (!confirm(t("delete_sure"))) return;
    await call(`/api/conversations/${id}`, {method: "DELETE"});
    if (id === this.currentId) this.room.goTo(null);
    else await this.refresh(this.currentId);
  }
}

function groupBy(data) {
  const groups = new Map();
  for (const one of data) groups.set(period(one.updated_at), [...(groups.get(period(one.updated_at)) ?? []), one]);
  return groups;
}
