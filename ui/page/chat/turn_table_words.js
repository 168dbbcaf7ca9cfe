// What is said of results and saved questions; and values of a table as people of the page's language write them.
import {filled, fileSize, language} from "../shell/settings.js";

const {default: texts} = await import(`./answers_from_data_${language}.js`);
const NUMBERS = ["integer", "decimal", "float"];
const UNGROUPED = /(^|[ _.])(id|ids|year|año|ano|anio|ejercicio|code|código|codigo|zip|cp|month|mes)$/i;
const MOST_DIGITS = 4;                                     // of a float; a decimal keeps all of its own

/** One sentence, its {places} filled. */
export const say = (key, values = {}) => filled(texts[key] ?? key, values);

export const isNumber = ({kind}) => NUMBERS.includes(kind);

const digitsOf = text => /^-?\d*\.(\d+)$/.exec(text)?.[1].length ?? 0;

/** The columns with the digits that all of their floats are shown with. */
export const withDigits = (columns, rows) => columns.map((column, at) => column.kind !== "float" ? column
  : {...column, digits: Math.max(0, ...rows.map(row => row[at] === null ? 0 : digitsOf(String(Number(Number(row[at]).toFixed(MOST_DIGITS))))))});

/** As it is read: "1.234,50" in Spanish; years and ids without a point. null where there is no value. */
export function shown(value, column) {
  if (value === null || value === undefined) return null;
  if (typeof value === "object") return say("blob", {size: fileSize(value.bytes)});
  if (column.kind === "boolean") return say(value === true || value === 1 ? "true" : "false");
  if (isNumber(column) && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(String(value))) return numberShown(value, column);
  if (column.kind === "date") return dateShown(value, {dateStyle: "medium"});
  if (column.kind === "timestamp") return dateShown(value, {dateStyle: "medium", timeStyle: "short"});
  return String(value);
}

function numberShown(value, column) {
  const digits = column.digits ?? (column.kind === "decimal" ? digitsOf(String(value)) : 0);
  const useGrouping = UNGROUPED.test(column.name) ? false : "always";
  return new Intl.NumberFormat(language, {useGrouping, minimumFractionDigits: digits, maximumFractionDigits: column.kind === "float" ? column.digits ?? MOST_DIGITS : Math.max(digits, MOST_DIGITS)}).format(value);
}

// A moment without a zone is shown as it stands in the table.
function dateShown(text, style) {
  const isLocal = /T.*(Z|[+-]\d\d:?\d\d)$/.test(text), moment = new Date(isLocal ? text : `${text.length > 10 ? text.slice(0, 23) : `${text}T00:00:00`}Z`);
  return Number.isNaN(moment.getTime()) ? String(text) : new Intl.DateTimeFormat(language, isLocal ? style : {...style, timeZone: "UTC"}).format(moment);
}

/** Smaller first, no value last. */
export function compare(column) {
  const text = new Intl.Collator(language, {numeric: true});
  const order = isNumber(column) ? (one, other) => Number(one) - Number(other) : (one, other) => text.compare(String(one), String(other));
  return (one, other) => one === other ? 0 : one === null ? 1 : other === null ? -1 : order(one, other);
}
