// Everybody who has an account: found by name, address or group, a page at a time, with what may be done about them.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {action, choice, download, field, nothing, table, when} from "../shell/parts.js";
import {number, t} from "../shell/settings.js";

const SLICE = 50, TYPING_MS = 250;

export function open(room) { return new People(room); }

class People {
  constructor(room) {
    this.room = room;
    this.starts = [""];                        // behind whom each page begins, as far as one has leafed
    this.find = h("input", {type: "search", autocomplete: "off", placeholder: t("people_find_hint"), oninput: () => this.findSoon()});
    this.which = choice([["", t("people_all")], ["admin", t("people_admins")], ["auditor", t("people_auditors")], ["suspended", t("people_suspended")]], "", {onchange: () => this.findNow()});
    const wide = field(t("people_find"), this.find);
    wide.classList.add("grow");
    this.list = h("div", {class: "stack"});
    this.element = h("div", {class: "stack"}, h("div", {class: "bar"}, wide, field(t("people_which"), this.which)), this.list);
    this.tools = [action(t("invite"), "plus", () => this.dialog("openInvite")), action(t("import_people"), "upload", () => this.dialog("openImport")), download("/api/users")];
  }

  async dialog(name, ...rest) {
    await this.room.attempt(async () => (await import(name === "openPerson" ? "./person.js" : "./inviting.js"))[name](this, ...rest));
  }

  see(isSeen) { return isSeen ? this.refresh() : null; }

  findSoon() {
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.findNow(), TYPING_MS);
  }

  findNow() {
    clearTimeout(this.typing);
    this.starts = [""];
    return this.refresh();
  }

  /** The page that is shown, read again. */
  refresh() {
    const asked = this.asked = Symbol("asked");
    return this.room.attempt(async () => {
      const [page, groups] = await Promise.all([call(`/api/users?${this.query()}`), call("/api/groups")]);
      if (asked !== this.asked) return;        // somebody typed on
      this.groups = groups.data;
      if (!page.data.length && this.starts.length > 1) { this.starts.pop(); await this.refresh(); return; }
      this.draw(page);
    });
  }

  query() {
    const which = this.which.value, query = new URLSearchParams({limit: SLICE, after: this.starts.at(-1)});
    if (this.find.value.trim()) query.set("q", this.find.value.trim());
    if (which) query.set("suspended", String(which === "suspended"));
    if (which && which !== "suspended") query.set("role", which);
    return query;
  }

  groupsOf(person) { return this.groups.filter(group => person.group_ids.includes(group.id)); }

  draw({data, total, next}) {
    this.next = next;
    const from = (this.starts.length - 1) * SLICE, told = {from: number.format(from + 1), to: number.format(from + data.length), count: number.format(total)};
    this.list.replaceChildren(
      data.length ? table(t("admin_people"), [[t("me_name")], [t("people_role")], [t("admin_groups"), "soft"], [t("people_last"), "soft"]], data.map(person => this.row(person))) : nothing("people", t("people_none")),
      h("div", {class: "pages"}, h("span", {role: "status"}, data.length ? t("people_range", told) : ""), total > SLICE ? h("span", {class: "buttons"},
        action(t("page_before"), "left", () => this.turn(0), {disabled: !from}), action(t("page_after"), "right", () => this.turn(1), {disabled: !next})) : null));
  }

  /** at: 0 back, 1 on. */
  async turn(at) {
    if (at) this.starts.push(this.next); else this.starts.pop();
    await this.refresh();
    const buttons = this.list.querySelectorAll(".pages button");
    (buttons[at]?.disabled ? buttons[1 - at] : buttons[at])?.focus();
  }

  row(person) {
    const isInvited = !person.last_login_at;
    return [[h("button", {type: "button", class: "link", onclick: () => this.dialog("openPerson", person)}, person.name || person.email), person.name ? h("small", {}, person.email) : null].filter(Boolean),
      [h("span", {class: person.role === "user" ? "" : "badge ready"}, t(`role_${person.role}`)), person.is_suspended ? h("span", {class: "badge failed"}, t("people_is_suspended")) : null].filter(Boolean).flatMap(part => [part, " "]),
      this.groupsOf(person).map(({name}) => name).join(", "), isInvited ? t("people_never") : when(person.last_login_at)];
  }
}
