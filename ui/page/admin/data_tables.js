// Which tables and columns of a database are offered, and what people wrote about them.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h, icon} from "../shell/dom.js";
import {say, telling} from "./data_words.js";
import {field, nothing, small, table, whole} from "../shell/parts.js";
import {t} from "../shell/settings.js";

const MOST = 40;

export class Tables {
  /** changed(whole): after the choice was saved. */
  constructor(room, one, readable, changed) {
    Object.assign(this, {room, one, readable, changed});
    this.wanted = new Set(readable.filter(each => each.is_chosen).map(each => each.name));
    this.find = h("input", {type: "search", autocomplete: "off", oninput: () => this.draw()});
    this.list = h("div", {});
    const gone = one.tables.filter(each => !readable.some(({name}) => name === each.name));
    this.lost = gone.length;
    this.element = readable.length
      ? h("form", {class: "stack", onsubmit: event => { event.preventDefault(); this.save(); }}, readable.length > 12 ? field(say("choose_find"), this.find) : "", this.list, h("div", {class: "buttons"}, h("button", {type: "submit", class: "main"}, say("choose_save"))))
      : nothing("search", say("choose_none"));
    this.draw();
  }

  draw() {
    const words = this.find.value.trim().toLowerCase(), found = this.readable.filter(each => each.name.toLowerCase().includes(words)).sort((one, other) => other.is_chosen - one.is_chosen);
    const rows = found.slice(0, MOST).map(each => [
      h("label", {class: "tick"}, h("input", {type: "checkbox", checked: this.wanted.has(each.name), "aria-label": say("choose_of", {table: each.name}), onchange: event => this.wanted[event.target.checked ? "add" : "delete"](each.name)})),
      [h("span", {}, each.name), each.description ? h("small", {}, each.description) : null].filter(Boolean),
      each.is_chosen ? say("columns_of", {offered: each.columns.filter(column => column.is_offered).length, count: each.columns.length}) : whole(each.columns.length),
      each.rows === null ? "–" : whole(each.rows),
      each.is_chosen ? small(say("columns_edit", {table: each.name}), "pencil", () => this.edit(each)) : ""]);
    this.list.replaceChildren(
      table(say("tables"), [[say("offered")], [say("table")], [say("columns"), "figure"], [say("rows"), "figure"], [t("column_actions"), "acts"]], rows),
      found.length > MOST ? h("p", {class: "hint"}, say("choose_more", {count: found.length - MOST})) : "");
  }

  save() {
    return this.room.attempt(() => telling(async () => {
      const tables = this.readable.filter(each => this.wanted.has(each.name)).map(({name}) => ({name}));
      await this.changed(await call(`/api/data/sources/${this.one.id}/tables`, {method: "PUT", body: {tables}}));
      this.room.say(t("saved"));
    }));
  }

  edit(chosen) {
    const known = chosen.columns.filter(column => column.is_known);
    const description = h("textarea", {rows: "2", maxLength: 2000});
    description.value = chosen.description;
    const rows = known.map(column => {
      const named = label => `${column.name}: ${say(label)}`;
      const offered = h("input", {type: "checkbox", checked: column.is_offered, "aria-label": named("offered")});
      const personal = h("input", {type: "checkbox", checked: column.is_personal, "aria-label": named("personal"), onchange: () => {
        if (personal.checked) offered.checked = false;
        samples.disabled = personal.checked;
      }});
      const said = h("input", {type: "text", maxLength: 2000, value: column.description, "aria-label": named("description")});
      const samples = h("input", {type: "text", value: column.samples.join(", "), disabled: column.is_personal, "aria-label": `${named("samples")}. ${say("samples_hint")}`});
      return {column, offered, personal, said, samples};
    });
    formDialog({
      title: say("columns_edit", {table: chosen.name}), action: t("save"), cancel: t("cancel"), width: "980px",
      body: [field(say("description"), description, say("description_hint")),
        table(say("columns_edit", {table: chosen.name}), [[say("column")], [say("type"), "soft"], [say("offered")], [say("personal")], [say("description")], [say("samples")]], rows.map(({column, offered, personal, said, samples}) => [
          column.name, column.type || column.kind, offered, [personal, column.because ? h("small", {}, say(`because.${column.because}`)) : null].filter(Boolean), said, samples]))],
      submit: () => telling(async () => {
        const columns = rows.map(({column, offered, personal, said, samples}) => ({
          name: column.name, is_offered: offered.checked, is_personal: personal.checked, description: said.value.trim(),
          ...personal.checked ? {} : {samples: samples.value.split(",").map(value => value.trim()).filter(Boolean)},
        }));
        const path = `/api/data/sources/${this.one.id}`;
        await call(`${path}/tables`, {method: "PATCH", body: {table: chosen.name, description: description.value.trim(), columns}});
        await this.changed(await call(path));
        this.room.say(t("saved"));
      }),
    });
    description.focus();
  }
}
