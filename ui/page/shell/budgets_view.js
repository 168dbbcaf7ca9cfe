// Budgets in money as everybody meets them: a table of how they stand, and a line when one is half, nearly or wholly used.
import {call} from "./api.js";
import {h, icon} from "./dom.js";
import {small, table, when} from "./parts.js";
import {money, t} from "./settings.js";

const EVERY_MS = 60_000, KEPT = "budgets-told";

/** "a day, for clouds". */
export const eachOf = ({window, covers}) => t(`budget_each_${covers}_${window}`);

function bar({spent, amount, level}, told) {
  const fill = h("i", {});
  fill.style.width = `${Math.min(100, Math.round(100 * spent / amount))}%`;
  return h("span", {class: level >= 80 ? "budget near" : "budget"}, h("span", {class: "share", "aria-hidden": "true"}, fill), told);
}

/** rows: as /api/budgets tells how they stand; whose(row): what stands first; more: [column, cell(row)] or nothing. */
export function budgetTable(rows, currency, whose, more = null) {
  const spent = row => [bar(row, t("budget_spent_of", {spent: money(row.spent, currency), amount: money(row.amount, currency)})), ...row.level ? [" ", h("span", {class: `badge ${row.level === 100 ? "failed" : "waiting"}`}, `${row.level} %`)] : []];
  return table(t("budgets"), [[t("budget_whose")], [t("budget_each"), "soft"], [t("budget_spent")], [t("budget_held"), "figure"], [t("budget_whole"), "soft"], ...more ? [more[0]] : []],
    rows.map(row => [whose(row), eachOf(row), spent(row), money(row.held, currency), when(row.whole_at), ...more ? [more[1](row)] : []]));
}

const nameOf = row => [row.subject_kind, row.subject, row.window, row.covers, row.began_at, row.amount, row.level].join(" ");

function told() {
  try { return JSON.parse(localStorage.getItem(KEPT)) ?? []; } catch { return []; }
}

/** Says once of each level of each window that it is reached, until it is read. */
export class BudgetLine {
  constructor() {
    this.element = h("p", {class: "budget-line", role: "status", hidden: true});
    document.addEventListener("visibilitychange", () => this.look());
    this.look();
    setInterval(() => this.look(), EVERY_MS);
  }

  async look() {
    if (document.hidden) return;
    let found;
    try { found = await call("/api/budgets/mine"); } catch { return; }
    const known = new Set(told());
    const fullest = found.data.filter(row => row.level && !known.has(nameOf(row))).sort((one, other) => other.level - one.level)[0];
    this.element.hidden = !fullest;
    const name = fullest ? nameOf(fullest) : "";
    if (this.shown === name) return;
    this.shown = name;
    this.element.replaceChildren(...fullest ? [icon("info"), h("span", {}, this.sentence(fullest, found.currency)), small(t("budget_read"), "close", () => this.read(name))] : []);
  }

  sentence(row, currency) {
    const values = {whose: t(`budget_of_${row.subject_kind}`), each: eachOf(row), level: row.level, spent: money(row.spent, currency), amount: money(row.amount, currency), moment: when(row.whole_at)};
    return t(row.level === 100 ? "budget_used_up" : "budget_used", values);
  }

  read(name) {
    localStorage.setItem(KEPT, JSON.stringify([...told(), name].slice(-50)));
    this.look();
  }
}
