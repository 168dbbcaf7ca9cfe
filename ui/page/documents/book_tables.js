// The tables that were made of a workbook: their columns with the sheet's own headers, and what was left out.
import {call} from "../shell/api.js";
import {noteSentences} from "./document_row.js";
import {h} from "../shell/dom.js";
import {number, t} from "../shell/settings.js";

const KINDS = {text: "book_kind_text", integer: "book_kind_number", decimal: "book_kind_number", float: "book_kind_number", date: "book_kind_date", timestamp: "book_kind_date", time: "book_kind_time", boolean: "book_kind_boolean"};
const NAMES = /\.(xlsx|xlsm|xltx|xltm|xls|xlt|ods|ots|csv|tsv|tab)$/i;

/** What stands in "About" for a workbook; null for anything else, and until its tables are made. */
export async function bookTables({id, filename}, signal) {
  if (!NAMES.test(filename)) return null;
  try {
    const {tables} = await call(`/api/data/workbooks/${id}`, {signal});
    return tables.length ? h("section", {class: "book-tables"}, h("h3", {}, t("book_tables")), ...tables.map(drawn)) : null;
  } catch {
    return null;  // what is not to be seen is told by the document itself
  }
}

function drawn(table) {
  const place = t(table.rows === 1 ? "book_table_place_one" : "book_table_place", {sheet: table.sheet, place: table.place, rows: number.format(table.rows)}).trim();
  return h("details", {}, h("summary", {}, h("code", {}, table.name), h("span", {class: "hint"}, ` ${place}`)),
    table.title ? h("p", {}, table.title) : "",
    h("dl", {}, ...table.columns.flatMap(({name, kind, description}) => [h("dt", {}, h("code", {}, name)), h("dd", {}, description, h("span", {class: "hint"}, ` ${KINDS[kind] ? t(KINDS[kind]) : kind}`))])),
    ...noteSentences(table).map(note => h("p", {class: "reason"}, note)));
}
