// A result of the company's tables beside an answer: its first rows and more of them, a chart, the SQL, where it is from.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {explain, language, number, t} from "../shell/settings.js";
import {when} from "../shell/parts.js";
import {copyButton} from "./copying.js";
import {chartOf} from "./turn_table_chart.js";
import {turnTableLook} from "./turn_table_look.js";
import {compare, isNumber, say, shown, withDigits} from "./turn_table_words.js";

export {turnTableLook};

const FIRST = 10, LEAST_HIDDEN = 5, MORE = 50, AT_ONCE = 1000, MOST_SORTED = 10_000, MOST_FIGURES = 4;

/** All results of an answer. */
export const dataTables = tables => h("div", {class: "data-results"}, tables.map(one => new DataTable(one).element));

export class DataTable {
  /** table: as the event `table` has it, and as /api/data/results/ID and a run of a saved question tell it. */
  constructor(table) {
    this.table = {...table, columns: withDigits(table.columns, table.rows)};
    this.rows = [...table.rows];
    this.order = null;
    this.visible = Math.min(table.row_count <= FIRST + LEAST_HIDDEN ? table.row_count : FIRST, this.rows.length);
    this.body = h("tbody", {});
    this.said = h("span", {role: "status"});
    this.moreButton = h("button", {type: "button", class: "plain", onclick: () => this.more()}, say("more"));
    this.moreRow = h("div", {class: "data-more"}, this.moreButton, this.said);
    this.element = h("section", {class: "data-result", "aria-label": say("result", {source: table.source.name})},
      this.content(), this.moreRow, this.cut(), this.facts(), this.sql());
    this.draw();
  }

  // What it brought ------------------------------------------------------------------------------------

  content() {
    const {columns, row_count} = this.table;
    if (!row_count) return h("p", {class: "whole"}, say("rows_none"));
    if (row_count === 1 && columns.length <= MOST_FIGURES)
      return h("dl", {class: "data-single"}, columns.map((column, at) => h("div", {}, h("dt", {}, column.name), h("dd", {}, this.value(this.rows[0][at], column)))));
    this.heads = columns.map((column, at) => h("th", {scope: "col", class: isNumber(column) ? "number" : null},
      h("button", {type: "button", title: say("sort_by", {column: column.name}), onclick: () => this.sort(at)}, column.name)));
    const frame = h("div", {class: "data-scroll", tabindex: "0", role: "region", "aria-label": t("table")}, h("table", {}, h("thead", {}, h("tr", {}, this.heads)), this.body));
    return h("div", {}, chartOf(this.table), frame);
  }

  value(value, column) {
    return shown(value, column) ?? h("span", {class: "null", title: say("null"), "aria-label": say("null"), role: "img"}, "–");
  }

  draw() {
    const {columns, row_count} = this.table;
    this.body.replaceChildren(...this.rows.slice(0, this.visible).map(row => h("tr", {}, columns.map((column, at) => h("td", {class: isNumber(column) ? "number" : null}, this.value(row[at], column))))));
    const isAll = this.visible >= row_count;
    this.moreRow.hidden = !this.heads || row_count <= FIRST + LEAST_HIDDEN;
    this.moreButton.hidden = isAll;
    this.said.textContent = say("shown", {shown: number.format(this.visible), count: number.format(row_count)});
  }

  async more() {
    await this.attempt(async () => {
      if (this.visible + MORE > this.rows.length) await this.load(this.visible + MORE);
      this.visible = Math.min(this.visible + MORE, this.rows.length);
      this.draw();
    });
  }

  /** So many rows, or all there are. */
  async load(wanted) {
    const {id, row_count} = this.table;
    while (this.rows.length < Math.min(wanted, row_count)) {
      const {rows} = await call(`/api/data/results/${id}?after=${this.rows.length}&limit=${AT_ONCE}`);
      if (!rows.length) break;
      this.rows.push(...rows);
    }
  }

  async sort(at) {
    const isUp = this.order?.at === at && this.order.isUp, {row_count, columns} = this.table;
    await this.attempt(async () => {
      if (row_count <= MOST_SORTED) await this.load(row_count);
      this.order = {at, isUp: !isUp};
      const order = compare(columns[at]), factor = isUp ? -1 : 1;
      this.rows.sort((one, other) => one[at] === null || other[at] === null ? order(one[at], other[at]) : factor * order(one[at], other[at]));
      for (const [number, head] of this.heads.entries()) if (number === at) head.setAttribute("aria-sort", isUp ? "descending" : "ascending"); else head.removeAttribute("aria-sort");
      this.draw();
      if (this.rows.length < row_count) this.said.append(` ${say("sorted_some")}`);
    });
  }

  async attempt(work) {
    this.moreButton.disabled = true;
    try { await work(); } catch (error) {
      this.moreRow.hidden = false;
      this.said.textContent = error instanceof TypeError ? t("connection_lost") : explain(error);
    }
    this.moreButton.disabled = false;
  }

  // Where it is from -----------------------------------------------------------------------------------

  cut() {
    const {cut} = this.table;
    return cut ? h("p", {class: "cut"}, icon("cut"), say(`cut_${cut}`)) : null;
  }

  facts() {
    const {row_count, elapsed_ms, source, ran_at, saved_question_id} = this.table;
    const took = elapsed_ms >= 1000 ? say("took_s", {seconds: number.format(elapsed_ms / 1000)}) : say("took_ms", {ms: number.format(Math.max(1, Math.round(elapsed_ms)))});
    const told = [row_count === 1 ? say("rows_one") : say("rows", {count: number.format(row_count)}), source.name, took, when(ran_at)].join(" · ");
    return h("div", {class: "data-facts"}, h("span", {}, saved_question_id ? `${told} · ${say("saved_used")}` : told), h("span", {class: "deeds-of-data"}, this.deeds()));
  }

  deeds() {
    const {saved_question_id, row_count} = this.table;
    const link = kind => h("a", {class: "small", href: `${this.table.export[kind]}?language=${language}`, download: "", title: say(`${kind}_hint`)}, icon("download"), say(kind));
    const save = saved_question_id ? null : h("button", {type: "button", class: "small save", onclick: () => this.save()}, icon("pin"), say("save"));
    return [save, ...row_count ? [link("csv"), link("xlsx"), copyButton(say("copy"), () => this.text())] : []].filter(Boolean);
  }

  async save() {
    const {saveQuestion} = await import("./turn_table_save.js");
    await this.attempt(() => saveQuestion(this.table));
  }

  /** For a spreadsheet: values as they are, between tabs. */
  text() {
    const plain = value => value === null ? "" : typeof value === "object" ? say("blob", {size: value.bytes}) : String(value).replace(/[\t\r\n]+/g, " ");
    const comma = (value, column) => language === "es" && isNumber(column) ? plain(value).replace(".", ",") : plain(value);
    const harmless = (value, column) => /^[=+\-@]/.test(value) && !isNumber(column) ? `'${value}` : value;
    const {columns} = this.table, rows = this.rows.slice(0, Math.max(this.visible, 1));
    return [columns.map(({name}) => harmless(name, {kind: "text"})), ...rows.map(row => row.map((value, at) => harmless(comma(value, columns[at]), columns[at])))].map(row => row.join("\t")).join("\n");
  }

  sql() {
    return h("details", {}, h("summary", {}, say("sql")), h("div", {class: "data-sql"}, h("pre", {tabindex: "0", role: "region", "aria-label": say("sql")}, h("code", {}, this.table.sql)), copyButton(say("sql_copy"), () => this.table.sql)));
  }
}
