// Everybody who has an account: found by name, address or group, a page at a time, with what may be done about them.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {action, choice, download, field, nothing, table, when} from "../shell/parts.js";
import {number, t} from "../shell/settings.js";

const SLICE = 50, READ = 1000;

const plainly = text => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

/** Everybody, however many pages of the server's that takes. */
export async function everybody() {
  const found = [];
  for (;;) {
    const {data} = await call(`/api/users?${new URLSearchParams({limit: READ, after: found.at(-1)?.email ?? ""})}`);
    found.push(...data);
    if (data.length < READ) return found;
  }
}

export function open(room) { return new People(room); }

class People {
  constructor(room) {
    this.room = room;
    this.from = 0;
    this.find = h("input", {type: "search", autocomplete: "off", placeholder: t("people_find_hint"), oninput: () => this.draw(0)});
    this.which = choice([["", t("people_all")], ["admin", t("people_admins")], ["auditor", t("people_auditors")], ["suspended", t("people_suspended")]], "", {onchange: () => this.draw(0)});
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

  refresh() {
    return this.room.attempt(async () => {
      const [people, groups] = await Promise.all([everybody(), call("/api/groups")]);
      this.people = people;
      this.groups = groups.data;
      this.draw();
    });
  }

  groupsOf(person) { return this.groups.filter(group => person.group_ids.includes(group.id)); }

  fitting() {
    const words = plainly(this.find.value).split(/\s+/).filter(Boolean), which = this.which.value;
    return this.people.filter(person => {
      if (which && which !== (person.is_suspended ? "suspended" : person.role)) return false;
      const told = plainly([person.name, person.email, ...this.groupsOf(person).map(({name}) => name)].join(" "));
      return words.every(word => told.includes(word));
    });
  }

  draw(from = this.from) {
    if (!this.people) return;
    const found = this.fitting();
    this.from = Math.min(from, Math.max(0, Math.floor((found.length - 1) / SLICE) * SLICE));
    const shown = found.slice(this.from, this.from + SLICE);
    const told = {from: number.format(this.from + 1), to: number.format(this.from + shown.length), count: number.format(found.length)};
    this.list.replaceChildren(
      shown.length ? table(t("admin_people"), [[t("me_name")], [t("people_role")], [t("admin_groups"), "soft"], [t("people_last"), "soft"]], shown.map(person => this.row(person))) : nothing("people", t("people_none")),
      h("div", {class: "pages"}, h("span", {role: "status"}, shown.length ? t("people_range", told) : ""), found.length > SLICE ? h("span", {class: "buttons"},
        action(t("page_before"), "left", () => this.turn(-SLICE, 0), {disabled: this.from === 0}), action(t("page_after"), "right", () => this.turn(SLICE, 1), {disabled: this.from + SLICE >= found.length})) : null));
  }

  turn(step, at) {
    this.draw(this.from + step);
    const buttons = this.list.querySelectorAll(".pages button");
    (buttons[at].disabled ? buttons[1 - at] : buttons[at]).focus();
  }

  row(person) {
    const isInvited = !person.last_login_at;
    return [[h("button", {type: "button", class: "link", onclick: () => this.dialog("openPerson", person)}, person.name || person.email), person.name ? h("small", {}, person.email) : null].filter(Boolean),
      [h("span", {class: person.role === "user" ? "" : "badge ready"}, t(`role_${person.role}`)), person.is_suspended ? h("span", {class: "badge failed"}, t("people_is_suspended")) : null].filter(Boolean).flatMap(part => [part, " "]),
      this.groupsOf(person).map(({name}) => name).join(", "), isInvited ? t("people_never") : when(person.last_login_at)];
  }
}
