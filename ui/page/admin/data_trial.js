// A query by hand against the chosen tables, as the guard lets it through.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {say, told} from "./data_words.js";
import {field, table, whole} from "../shell/parts.js";
import {language} from "../shell/settings.js";

const NUMBERS = ["integer", "decimal", "float"];
const exact = new Intl.NumberFormat(language, {maximumFractionDigits: 20});

export class Trial {
  constructor(room, one) {
    Object.assign(this, {room, one});
    this.sql = h("textarea", {rows: "4", maxLength: 100000, spellcheck: "false", required: true});
    this.run = h("button", {type: "submit", class: "main"}, say("trial_run"));
    this.stop = h("button", {type: "button", class: "plain", hidden: true, onclick: () => this.asking?.abort()}, icon("stop"), say("trial_stop"));
    this.place = h("div", {class: "stack tight", "aria-live": "polite"});
    this.element = h("form", {class: "stack", onsubmit: event => { event.preventDefault(); this.ask(); }}, field("SQL", this.sql), h("div", {class: "buttons"}, this.stop, this.run), this.place);
  }

  async ask() {
    this.asking = new AbortController();
    this.run.disabled = true;
    this.stop.hidden = false;
    try {
      this.draw(await call(`/api/data/sources/${this.one.id}/query`, {method: "POST", body: {sql: this.sql.value, is_trial: true}, signal: this.asking.signal}));
    } catch (error) {
      this.place.replaceChildren(error.name === "AbortError" ? "" : h("p", {class: "problem", role: "alert"}, icon("alert"), told(error)));
    }
    this.run.disabled = false;
    this.stop.hidden = true;
  }

  draw(found) {
    const said = [say("trial_rows", {rows: whole(found.row_count), ms: whole(found.elapsed_ms)})];
    if (found.row_count > found.rows.length) said.push(say("trial_shown", {count: whole(found.rows.length)}));
    if (found.cut) said.push(say("trial_cut"));
    this.place.replaceChildren(
      h("p", {class: "hint"}, said.join(" · ")),
      h("div", {class: "scrolls", tabindex: "0", role: "region", "aria-label": say("trial")}, table(say("trial"), found.columns.map(({name, kind}) => [name, NUMBERS.includes(kind) ? "figure" : ""]), found.rows.map(row => row.map((value, at) => shown(value, found.columns[at].kind))))),
      h("details", {}, h("summary", {}, say("trial_ran")), h("pre", {class: "log"}, found.sql)));
  }
}

function shown(value, kind) {
  if (value === null) return "–";
  if (typeof value === "object") return say("bytes", {count: whole(value.bytes)});
  return NUMBERS.includes(kind) && /^-?\d+(\.\d+)?$/.test(String(value)) ? exact.format(value) : String(value);
}
