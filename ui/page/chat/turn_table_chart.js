// A small picture of a result: bars for kinds of things, a line for time. Each value can be reached by the keyboard, and
// the whole is told in one sentence; the table beside it has everything.
import {h} from "../shell/dom.js";
import {compact} from "../shell/parts.js";
import {roundTop} from "../shell/plots.js";
import {say, shown} from "./turn_table_words.js";

const MOST_BARS = 24, MOST_POINTS = 400, MOST_SERIES = 4;
const WIDTH = 640, ROW = 26, LABEL = 190, VALUE = 92, TALL = 230, LEFT = 56, RIGHT = 12, TOP = 12, BOTTOM = 28;
const LONGEST = 26, LETTER = 7.4;

function s(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter(child => child !== null));
  return element;
}

const cut = text => text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;

/** table: as events have it. null where there is nothing to draw. */
export function chartOf({chart, columns, rows}) {
  if (!chart || !rows.length) return null;
  const x = columns[chart.x], series = chart.ys.slice(0, MOST_SERIES).map(at => ({at, column: columns[at]}));
  if (!x || series.some(({column}) => !column)) return null;
  const most = chart.kind === "line" ? MOST_POINTS : MOST_BARS;
  const points = rows.slice(0, most).map(row => ({at: shown(row[chart.x], x) ?? "–", values: series.map(({at}) => row[at] === null ? null : Number(row[at])), told: series.map(({at, column}) => shown(row[at], column) ?? "–")}));
  const values = points.flatMap(({values: some}) => some).filter(Number.isFinite);
  if (!values.length) return null;
  const title = say("chart_of", {y: series.map(({column}) => column.name).join(", "), x: x.name});
  const draw = chart.kind === "line" && points.length > 1 ? line : bars;
  const svg = draw({points, series, label: toldOf(title, points), most: Math.max(0, ...values), least: Math.min(0, ...values)});
  const keys = series.length > 1 ? h("span", {class: "keys"}, series.map(({column}, at) => h("span", {class: `series-${at}`}, h("i", {}), column.name))) : null;
  const more = rows.length > points.length ? h("span", {class: "hint"}, say("chart_some", {count: points.length})) : null;
  return h("figure", {class: "data-chart"}, h("figcaption", {}, h("span", {}, title), keys, more), svg);
}

function toldOf(title, points) {
  const some = points.filter(({values: [value]}) => Number.isFinite(value)).sort((one, other) => other.values[0] - one.values[0]);
  const most = some[0], least = some.at(-1);
  return most ? say("chart_told", {title, count: some.length, most: most.told[0], most_at: most.at, least: least.told[0], least_at: least.at}) : title;
}

const told = (series, point, at) => series.length > 1 ? say("series_at", {series: series[at].column.name, at: point.at, value: point.told[at]}) : say("value_at", {at: point.at, value: point.told[at]});

function mark(tag, label, attributes) {
  return s(tag, {...attributes, tabindex: "0", role: "img", "aria-label": label}, s("title", {}, label));
}

// Lying bars: names stand beside them in full, on a phone too.
function bars({points, series, label, most: top, least}) {
  const beside = Math.min(LABEL, 16 + LETTER * Math.max(...points.map(({at}) => Math.min(LONGEST, at.length))));
  const many = series.length, row = many > 1 ? ROW * (.45 + .45 * many) : ROW, high = TOP + points.length * row + 6, inner = WIDTH - beside - VALUE, zero = beside + inner * -least / (top - least || 1);
  const svg = s("svg", {viewBox: `0 0 ${WIDTH} ${high}`, role: "group", "aria-label": label}, s("line", {class: "grid", x1: zero, x2: zero, y1: TOP - 4, y2: high}));
  for (const [number, point] of points.entries()) {
    const y = TOP + number * row;
    svg.append(s("text", {class: "axis", x: beside - 10, y: y + row / 2 + 4, "text-anchor": "end", "aria-hidden": "true"}, cut(point.at)));
    for (const [at, value] of point.values.entries()) {
      if (!Number.isFinite(value)) continue;
      const wide = Math.max(1.5, inner * Math.abs(value) / (top - least || 1)), thick = (row - 6) / many, bar_y = y + 2 + at * thick, from = value < 0 ? zero - wide : zero;
      svg.append(mark("rect", told(series, point, at), {class: `data-bar series-${at}`, x: from, y: bar_y, width: wide, height: Math.max(2, thick - 2), rx: 3}),
        s("text", {class: "axis value", x: zero + (value < 0 ? 0 : wide) + 7, y: bar_y + thick / 2 + 3, "aria-hidden": "true"}, point.told[at]));
    }
  }
  return svg;
}

function line({points, series, label, most, least}) {
  const top = roundTop(most);
  const inner = WIDTH - LEFT - RIGHT, tall = TALL - TOP - BOTTOM, x = at => LEFT + inner * at / (points.length - 1), y = value => TOP + tall * (1 - (value - least) / (top - least || 1));
  const grid = [0, .5, 1].flatMap(share => { const value = least + (top - least) * share; return [s("line", {class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value)}), s("text", {class: "axis", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end", "aria-hidden": "true"}, compact(value))]; });
  const ends = [[0, "start"], [points.length - 1, "end"]].map(([at, anchor]) => s("text", {class: "axis", x: x(at), y: TALL - 8, "text-anchor": anchor, "aria-hidden": "true"}, points[at].at));
  const svg = s("svg", {viewBox: `0 0 ${WIDTH} ${TALL}`, role: "group", "aria-label": label}, ...grid, ...ends);
  for (const at of series.keys()) {
    let run = [];
    const draw = () => { if (run.length) svg.append(s("polyline", {class: `data-line series-${at}`, points: (run.length > 1 ? run : [run[0], run[0]]).join(" ")})); run = []; };
    for (const [number, {values}] of points.entries()) if (Number.isFinite(values[at])) run.push(`${x(number).toFixed(1)},${y(values[at]).toFixed(1)}`); else draw();
    draw();
    for (const [number, point] of points.entries()) if (Number.isFinite(point.values[at])) svg.append(mark("circle", told(series, point, at), {class: `data-dot series-${at}`, cx: x(number), cy: y(point.values[at]), r: points.length > 60 ? 2 : 3.5}));
  }
  return svg;
}
