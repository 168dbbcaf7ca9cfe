// With whom a collection is shared, and what they may do: found by name, given with a word, taken back with a click.
import {call} from "../shell/api.js";
import {dialogsLook} from "./dialogs_look.js";
import {h, icon} from "../shell/dom.js";
import {openDialog} from "../shell/dialog.js";
import {titled} from "./titled.js";
import {explain, t} from "../shell/settings.js";

const TYPING_MS = 200;

export function openSharing(shelf, store) {
  const sharing = new Sharing(store, async () => {
    sharing.dialog.close();
    (await import("./giving.js")).openGiving(shelf, store);
  });
  sharing.dialog = openDialog({label: t("share_title", {name: store.name ?? ""}), look: dialogsLook, width: "560px", content: sharing.element, onClose: () => shelf.refresh()});
  sharing.input.focus();
  return sharing.read();
}

class Sharing {
  constructor(store, give) {
    this.store = store;
    this.path = `/api/collections/${store.id}/shares`;
    this.options = [];
    this.at = -1;
    this.input = h("input", {type: "text", role: "combobox", autocomplete: "off", placeholder: t("share_find_hint"), "aria-label": t("share_find"), "aria-expanded": "false", "aria-controls": "found-people", "aria-autocomplete": "list",
      oninput: () => this.typed(), onkeydown: event => this.onKey(event)});
    this.access = h("select", {"aria-label": t("share_access", {name: ""})}, ...this.choices());
    this.found = h("ul", {id: "found-people", role: "listbox", "aria-label": t("share_find"), hidden: true});
    this.list = h("ul", {class: "shares"});
    this.none = h("p", {class: "hint"}, t("share_none"));
    this.said = h("p", {class: "unseen", role: "status"});
    this.problem = h("p", {class: "problem", role: "alert", hidden: true});
    this.element = h("div", {class: "form"}, titled(t("share_title", {name: store.name ?? ""}), () => this.dialog.close()), h("div", {class: "picker"}, this.input, this.access, this.found), this.problem, this.list, this.none,
      h("p", {class: "hint"}, t("share_write_hint")), h("p", {class: "hint"}, store.owner_name ? `${t("share_owner", {owner: store.owner_name})} ` : "", h("button", {type: "button", class: "plain", onclick: give}, t("give_away"))), this.said);
  }

  choices(access) { return [["read", "share_read"], ["write", "share_write"]].map(([value, key]) => h("option", {value, selected: value === access}, t(key))); }

  async attempt(action) {
    try {
      await action();
      this.problem.hidden = true;
    } catch (error) {
      this.problem.replaceChildren(icon("alert"), error instanceof TypeError ? t("connection_lost") : explain(error));
      this.problem.hidden = false;
    }
  }

  read() {
    return this.attempt(async () => {
      const {data} = await call(this.path);
      this.list.replaceChildren(...data.map(share => this.row(share)));
      this.none.hidden = data.length > 0;
    });
  }

  row(share) {
    const {name} = share, isGroup = share.with.startsWith("group:");
    return h("li", {}, icon(isGroup ? "people" : "mail"), h("span", {class: "who"}, name, isGroup ? h("small", {}, t("group")) : null),
      h("select", {"aria-label": t("share_access", {name}), onchange: event => this.give(share.with, name, event.target.value)}, ...this.choices(share.access)),
      h("button", {type: "button", class: "quiet", title: t("share_take", {name}), "aria-label": t("share_take", {name}), onclick: () => this.take(share.with, name)}, icon("close")));
  }

  give(subject, name, access) {
    return this.attempt(async () => {
      await call(this.path, {method: "PUT", body: {with: subject, access}});
      this.said.textContent = t("share_given", {name});
      await this.read();
    });
  }

  take(subject, name) {
    return this.attempt(async () => {
      await call(`${this.path}?with=${encodeURIComponent(subject)}`, {method: "DELETE"});
      this.said.textContent = t("share_taken", {name});
      await this.read();
      this.input.focus();
    });
  }

  // Finding somebody ------------------------------------------------------------------------------------------

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.attempt(() => this.look()), TYPING_MS);
  }

  async look() {
    const words = this.input.value.trim();
    if (words.length < 2) return this.offer([], false);
    const {data} = await call(`${this.path}/candidates?q=${encodeURIComponent(words)}`);
    if (words === this.input.value.trim()) this.offer(data, true);
  }

  offer(options, wasAsked) {
    this.options = options;
    this.at = options.length ? 0 : -1;
    this.found.replaceChildren(...options.map((one, at) => h("li", {role: "option", id: `found-${at}`, onpointerdown: event => { event.preventDefault(); this.pick(at); }},
      icon(one.with.startsWith("group:") ? "people" : "mail"), h("span", {class: "who"}, one.name || one.label, h("small", {}, one.with.startsWith("group:") ? t("group") : one.name ? one.label : "")))),
      wasAsked && !options.length ? h("li", {class: "hint", role: "option", "aria-disabled": "true"}, t("share_nobody")) : "");
    this.found.hidden = !wasAsked;
    this.input.setAttribute("aria-expanded", String(!this.found.hidden));
    this.mark();
  }

  mark() {
    for (const [at, option] of [...this.found.children].entries()) option.setAttribute("aria-selected", String(at === this.at));
    if (this.at >= 0) this.input.setAttribute("aria-activedescendant", `found-${this.at}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  onKey(event) {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step && this.options.length) {
      event.preventDefault();
      this.at = (this.at + step + this.options.length) % this.options.length;
      this.mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.at >= 0) this.pick(this.at);
    } else if (event.key === "Escape" && !this.found.hidden) {
      event.preventDefault();
      this.offer([], false);
    }
  }

  async pick(at) {
    const one = this.options[at];
    this.input.value = "";
    this.offer([], false);
    await this.give(one.with, one.name || one.label, this.access.value);
    this.input.focus();
  }
}
