// The text of a sheet as a table: a line is a row, " | " stands between cells, as the reader of the file wrote them.
import {h, marked} from "../shell/dom.js";

const BAR = " | ";

/** spans: [[start, end]] of what is marked, in the whole text; in each cell the part of it that lies there. */
export function sheetTable(text, spans) {
  const found = [];
  let at = 0, body = null;
  for (const line of text.split("\n")) {
    if (line.includes(BAR)) {
      body ??= h("tbody", {});
      body.append(row(line, at, spans));
    } else if (line.trim() || !body) {
      if (body) found.push(h("table", {}, body));
      body = null;
      if (line.trim()) found.push(h("p", {}, piece(line, at, spans)));
    }
    at += line.length + 1;
  }
  return body ? [...found, h("table", {}, body)] : found;
}

function row(line, at, spans) {
  const cells = [];
  let from = at;
  for (const cell of line.split(BAR)) {
    cells.push(h("td", {}, piece(cell, from, spans)));
    from += cell.length + BAR.length;
  }
  return h("tr", {}, ...cells);
}

function piece(text, at, spans) {
  const within = spans.map(([start, end]) => [Math.max(start - at, 0), Math.min(end - at, text.length)]).filter(([start, end]) => start < end);
  return marked(text, within, "quote");
}
