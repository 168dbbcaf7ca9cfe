// Who may ask a database: people, groups, everybody.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {say} from "./data_words.js";
import {choice, field} from "../shell/parts.js";

export class Shares {
  constructor(room, one) {
    Object.assign(this, {room, path: `/api/data/sources/${one.id}/shares`, shares: one.shares});
    this.list = h("ul", {class: "chips", "aria-label": say("share")});
    this.adding = h("form", {class: "bar", onsubmit: event => { event.preventDefault(); this.give(); }});
    this.element = h("div", {class: "stack tight"}, this.list, this.adding);
    this.draw();
    this.offer();
  }

  /** Groups first: they outlive who comes and goes. */
  offer() {
    return this.room.attempt(async () => {
      const [{data: groups}, {data: people}] = await Promise.all([call("/api/groups"), call("/api/users?limit=1000")]);
      this.whom = choice([["everybody", say("share_everybody")], ...groups.map(({id, name}) => [`group:${id}`, name]), ...people.map(({id, email}) => [`user:${id}`, email])], groups.length ? `group:${groups[0].id}` : "everybody");
      this.adding.replaceChildren(field(say("share_with"), this.whom), h("button", {type: "submit", class: "plain"}, icon("plus"), say("share_add")));
    });
  }

  draw() {
    const named = one => one.kind === "everybody" ? say("share_everybody") : one.name;
    this.list.replaceChildren(...this.shares.length ? this.shares.map(one => h("li", {class: "chip"}, h("span", {}, named(one)),
      h("button", {type: "button", class: "quiet", title: say("share_take", {name: named(one)}), "aria-label": say("share_take", {name: named(one)}), onclick: () => this.take(one)}, icon("close"))))
      : [h("li", {class: "hint"}, say("share_nobody"))]);
  }

  give() {
    return this.room.attempt(async () => {
      await call(this.path, {method: "PUT", body: {with: this.whom.value}});
      await this.again();
    });
  }

  take(one) {
    return this.room.attempt(async () => {
      await call(`${this.path}?with=${encodeURIComponent(one.with)}`, {method: "DELETE"});
      await this.again();
    });
  }

  async again() {
    this.shares = (await call(this.path)).data;
    this.draw();
    this.whom?.focus();
  }
}
