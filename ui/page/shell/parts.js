// What rooms of forms and tables are built of: fields, tables, dates, and asking again while somebody looks.
import {copyText} from "../chat/copying.js";
import {h, icon} from "./dom.js";
import {language, number, t} from "./settings.js";

const moment = new Intl.DateTimeFormat(language, {dateStyle: "medium", timeStyle: "short"});
const date = new Intl.DateTimeFormat(language, {dateStyle: "medium", timeZone: "UTC"});
const short = new Intl.NumberFormat(language, {notation: "compact", maximumFractionDigits: 1});

/** "3 Nov 2026, 10:15" in the page's language; a dash for null. */
export const when = iso => iso ? moment.format(new Date(iso)) : "–";
/** "3 Nov 2026" of a day such as 2026-11-03. */
export const dayOf = iso => date.format(new Date(`${iso}T00:00:00Z`));
/** "12.3K": for axes and figures. */
export const compact = value => short.format(value);
export const whole = value => number.format(Math.round(value));

let fields = 0;

/** A labelled input; hint: below it, and told with it. */
export function field(label, input, hint) {
  const id = `field-${fields += 1}`;
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", {class: "field"}, h("label", {for: id}, label), input, hint ? h("p", {class: "hint", id: `${id}-hint`}, hint) : null);
}

/** options: [value, label]; chosen: the value of the one that is. */
export function choice(options, chosen, more = {}) {
  return h("select", more, options.map(([value, label]) => h("option", {value, selected: value === chosen}, label)));
}

/** One of few, seen at once. take(value) when another is chosen. */
export function oneOf(label, name, options, chosen, take) {
  return h("fieldset", {class: "one-of"}, h("legend", {}, label), h("div", {}, options.map(([value, said]) => h("label", {},
    h("input", {type: "radio", name, value, checked: value === chosen, onchange: () => take(value)}), h("span", {}, said)))));
}

export const action = (label, sign, onclick, more = {}) => h("button", {type: "button", class: "plain", onclick, ...more}, sign ? icon(sign) : null, label);
export const small = (label, sign, onclick, more = {}) => h("button", {type: "button", class: "quiet", title: label, "aria-label": label, onclick, ...more}, icon(sign));

/** columns: [label, class]; rows: arrays of cells. On phones each row is a card, so every cell knows its column. */
export function table(label, columns, rows) {
  const cell = (content, at) => h("td", {role: "cell", class: columns[at][1], "data-label": columns[at][0]}, content);
  return h("table", {role: "table", "aria-label": label},
    h("thead", {role: "rowgroup"}, h("tr", {role: "row"}, columns.map(([name, kind]) => h("th", {role: "columnheader", scope: "col", class: kind}, name)))),
    h("tbody", {role: "rowgroup"}, rows.map(row => h("tr", {role: "row"}, row.map(cell)))));
}

export const nothing = (sign, sentence) => h("div", {class: "nothing"}, icon(sign), h("p", {}, sentence));

/** A link to a CSV file, with the separator that spreadsheets of this language expect. */
export function download(path, query = {}) {
  const wanted = new URLSearchParams({...query, format: "csv", separator: language === "es" ? "semicolon" : "comma"});
  return h("a", {class: "plain", href: `${path}?${wanted}`, download: ""}, icon("download"), t("as_csv"));
}

/** Does something now and every so often while it is seen; see(false) ends it. */
export class Watching {
  constructor(ms, look) {
    this.ms = ms;
    this.look = look;
  }

  async see(isSeen) {
    this.turn = isSeen ? Symbol("seen") : null;
    clearTimeout(this.timer);
    await this.again(this.turn);
  }

  async again(turn) {
    if (!turn) return;
    await this.look();
    if (turn === this.turn) this.timer = setTimeout(() => this.again(turn), this.ms);
  }
}

/** A secret or a link that is to be carried on, with a button that copies it. */
export function toCopy(value, label) {
  const input = h("input", {type: "text", readonly: true, class: "secret", value, "aria-label": label, onfocus: event => event.target.select()});
  const button = action(t("copy"), "copy", async () => {
    input.select();
    await copyText(value);
    button.replaceChildren(icon("check"), t("copied"));
  });
  return h("div", {class: "to-copy"}, input, button);
}
