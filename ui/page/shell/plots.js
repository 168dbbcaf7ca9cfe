// Small plots of our own: columns by day and lines by time, as SVG in the page's colours. They hold no data but what they draw.
import {h} from "./dom.js";
import {compact} from "./parts.js";

const LEFT = 46, RIGHT = 8, TOP = 8, BOTTOM = 24;
const WIDE = {width: 900, height: 220}, SMALL = {width: 340, height: 150};       // as large as they are shown, so that letters are too

function s(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** The next of 1, 2, 5, 10, 20, … that is not smaller. */
export function roundTop(most) {
  if (!(most > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].find(step => step * power >= most * (1 - 1e-9)) * power;
}

function frame(label, {width, height}, top, ends) {
  const lines = [0, .5, 1].flatMap(share => {
    const y = TOP + (height - TOP - BOTTOM) * (1 - share);
    return [s("line", {class: "grid", x1: LEFT, x2: width - RIGHT, y1: y, y2: y}), s("text", {class: "axis", x: LEFT - 7, y: y + 4, "text-anchor": "end"}, compact(top * share))];
  });
  const [first, last] = ends;
  return s("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label}, ...lines,
    s("text", {class: "axis", x: LEFT, y: height - 6}, first), s("text", {class: "axis", x: width - RIGHT, y: height - 6, "text-anchor": "end"}, last));
}

/** columns: {value, label}, oldest first. label: what a reader who does not see it is told. ends: below both sides. */
export function columnPlot(title, label, columns, ends) {
  const top = roundTop(Math.max(0, ...columns.map(({value}) => value))), step = (WIDE.width - LEFT - RIGHT) / Math.max(1, columns.length), tallest = WIDE.height - TOP - BOTTOM;
  const svg = frame(label, WIDE, top, ends);
  for (const [at, {value, label: told}] of columns.entries()) {
    const tall = value ? Math.max(1.5, tallest * value / top) : 0;
    svg.append(s("rect", {class: "column", x: LEFT + at * step + step * .12, y: TOP + tallest - tall, width: step * .76, height: tall, rx: Math.min(2.5, step * .2)}, s("title", {}, told)));
  }
  return h("figure", {}, h("figcaption", {}, title), svg);
}

/** series: {name, now, points: [[time, value or null], …]}, one or two. span: [from, to] of the time axis. top: of the other, or
 *  what it is at least where atLeast. nothing: what is said where there is no value at all. */
export function linePlot({title, label, series, span: [from, to], top, atLeast = 1, ends, nothing}) {
  const most = Math.max(atLeast, ...series.flatMap(({points}) => points.map(([, value]) => value ?? 0)));
  const inner = SMALL.width - LEFT - RIGHT, tall = SMALL.height - TOP - BOTTOM, highest = top ?? roundTop(most);
  const x = time => LEFT + inner * (time - from) / Math.max(1, to - from), y = value => TOP + tall * (1 - Math.min(1, value / highest));
  const svg = frame(label, SMALL, highest, ends);
  for (const [at, {points}] of series.entries())
    for (const run of runs(points.filter(([time]) => time >= from))) {
      const drawn = run.map(([time, value]) => `${x(time).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
      if (!at && series.length === 1) svg.append(s("polygon", {class: "area", points: `${x(run[0][0])},${TOP + tall} ${drawn} ${x(run.at(-1)[0])},${TOP + tall}`}));
      svg.append(s("polyline", {class: at ? "line second" : "line", points: run.length > 1 ? drawn : `${drawn} ${drawn}`}));
    }
  const isEmpty = nothing && series.every(({points}) => points.every(([time, value]) => value === null || time < from));
  if (isEmpty) svg.append(s("text", {class: "axis", x: LEFT + inner / 2, y: TOP + tall / 2 + 4, "text-anchor": "middle"}, nothing));
  const keys = h("span", {class: "keys"}, series.map(({name, now}, at) => h("span", {class: at ? "second" : ""}, h("i", {}), `${name} ${now}`)));
  return h("figure", {}, h("figcaption", {}, title, keys), svg);
}

/** What is known without a gap: a line breaks where nothing is. */
function runs(points) {
  const found = [[]];
  for (const point of points) if (point[1] === null) found.push([]); else found.at(-1).push(point);
  return found.filter(run => run.length);
}
