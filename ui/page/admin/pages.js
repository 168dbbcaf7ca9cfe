// A list that comes in pages, newest first, with filters above it and a button for more below.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {action, download, nothing, table} from "../shell/parts.js";
import {t} from "../shell/settings.js";

export class Pages {
  /** path: of the API. filters: name → input or select. columns and row(one): as for a table. told(answer): elements above it. */
  constructor(room, {path, label, filters, fields, columns, row, told = () => [], empty}) {
    Object.assign(this, {room, path, label, filters, columns, row, told, empty});
    this.above = h("div", {class: "stack"});
    this.list = h("div", {});
    this.csv = h("span", {});
    this.further = h("div", {class: "buttons"});
    for (const input of Object.values(filters)) input.addEventListener("change", () => this.see(true));
    this.element = h("div", {class: "stack"}, h("div", {class: "bar"}, fields, this.csv), this.above, this.list, this.further);
  }

  query() { return Object.fromEntries(Object.entries(this.filters).map(([name, input]) => [name, input.value.trim()]).filter(([, value]) => value)); }

  see(isSeen) {
    if (!isSeen) return;
    this.found = [];
    return this.room.attempt(() => this.read({}));
  }

  async read(more) {
    const asked = this.asked = Symbol("asked");
    const answer = await call(`${this.path}?${new URLSearchParams({...this.query(), ...more})}`);
    if (asked !== this.asked) return;
    this.found.push(...answer.data);
    this.csv.replaceChildren(download(this.path, this.query()));
    this.above.replaceChildren(...this.told(answer));
    this.list.replaceChildren(this.found.length ? table(this.label, this.columns, this.found.map(this.row)) : nothing("lines", this.empty));
    this.further.replaceChildren(...answer.has_more ? [action(t("show_more"), null, () => this.room.attempt(() => this.read({before: answer.next})))] : []);
  }
}
