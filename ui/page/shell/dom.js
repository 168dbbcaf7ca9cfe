// Building elements. Text goes in as text, never as HTML.

/** h("button", {class: "quiet", onclick: f}, "text", child, …); null children are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

const PATHS = {
  send: "M4 12 20 4l-5 16-4-6.500z",
  stop: "M7 7h10v10H7z",
  close: "M6 6l12 12M18 6 6 18",
  menu: "M4 7h16M4 12h16M4 17h10",
  plus: "M12 5v14M5 12h14",
  again: "M19 12a7 7 0 1 1-2.200-5.100M19 4v4h-4",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13",
  document: "M7 3h7l4 4v14H7zM14 3v4h4",
  copy: "M9 9h10v11H9zM5 15V4h10",
  folder: "M4 6h6l2 2h8v11H4z",
  upload: "M12 16V5m-5 5 5-5 5 5M5 19h14",
  check: "M5 12.500 10 17l9-10",
  clip: "M20 11.500 12.500 19a4.500 4.500 0 0 1-6.400-6.400L14 4.700a3 3 0 0 1 4.300 4.300l-7.700 7.700a1.500 1.500 0 0 1-2.100-2.100L15.500 7.500",
  alert: "M12 8v5m0 3v.500M12 3l9.500 17h-19z",
};

/** A line icon of 20 px that takes the text's colour. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  for (const [key, value] of Object.entries({viewBox: "0 0 24 24", width: 20, height: 20, fill: "none",
    stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true"}))
    svg.setAttribute(key, value);
  svg.append(path);
  return svg;
}

export function sheet(text) {
  const styles = new CSSStyleSheet();
  styles.replaceSync(text);
  return styles;
}

/** text with the (start, end) spans inside <mark>, or inside a span of a class; spans in order, not overlapping. */
export function marked(text, spans, name) {
  const pieces = [];
  let at = 0;
  for (const [start, end] of spans) {
    if (start < at || end > text.length) continue;
    pieces.push(text.slice(at, start), h(name ? "span" : "mark", {class: name}, text.slice(start, end)));
    at = end;
  }
  return [...pieces, text.slice(at)];
}
