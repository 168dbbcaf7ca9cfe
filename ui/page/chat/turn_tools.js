// What stands at code, at tables and at the question of a finished answer.
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";
import {copyButton} from "./copying.js";

/** Give code its language and a way to copy it, and tables theirs; what has them already is left alone. */
export function toolBlocks(body) {
  for (const code of body.querySelectorAll("pre:not(.plain, .formula)")) if (!code.closest("figure")) toolCode(code);
  for (const table of body.querySelectorAll("table")) if (!table.closest("figure")) toolTable(table);
}

function toolCode(pre) {
  const code = pre.querySelector("code");
  const language = code.className.match(/language-([\w+#-]+)/)?.[1] ?? "";
  const figure = h("figure", {class: "code"}, h("figcaption", {}, h("span", {}, language), copyButton(t("copy"), () => code.textContent, "tool", t("copy"))));
  pre.replaceWith(figure);
  pre.tabIndex = 0;                                          // scrolled by the keyboard too
  pre.setAttribute("aria-label", t("code_in", {language: language || t("text")}));
  pre.setAttribute("role", "region");
  figure.append(pre);
}

function toolTable(table) {
  const figure = h("figure", {class: "table-frame"});
  const save = h("button", {class: "quiet", type: "button", title: t("table_csv"), "aria-label": t("table_csv"), onclick: () => download(table)}, icon("download"));
  table.replaceWith(figure);
  figure.append(h("div", {class: "table-scroll", tabindex: "0", role: "region", "aria-label": t("table")}, table),
    h("figcaption", {}, copyButton(t("table_copy"), () => rows(table).map(row => row.join("\t")).join("\n")), save));
}

const rows = table => [...table.rows].map(row => [...row.cells].map(cell => cell.innerText.trim().replace(/\s*\n\s*/g, " ")));

// A cell that begins like a formula would be carried out by a spreadsheet: it gets a ' before it, unless it is a number.
function field(cell) {
  const safe = /^[=+\-@\t\r]/.test(cell) && !/^[+-]?[\d.,\s]+%?$/.test(cell) ? `'${cell}` : cell;
  return /[",;\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export const asCsv = table => "\ufeff" + rows(table).map(row => row.map(field).join(",")).join("\r\n") + "\r\n";

function download(table) {
  const link = h("a", {href: URL.createObjectURL(new Blob([asCsv(table)], {type: "text/csv"})), download: `${t("table_file")}.csv`});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Below the question: ask it differently, copy it. */
export function questionTools(turn) {
  const edit = h("button", {class: "quiet", type: "button", title: t("edit_question"), "aria-label": t("edit_question"), onclick: async () => {
    const {editQuestion} = await import("./turn_editing.js");
    editQuestion(turn);
  }}, icon("pencil"));
  return h("div", {class: "question-tools"}, edit, copyButton(t("copy_question"), () => turn.question));
}
