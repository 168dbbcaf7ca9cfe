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
  send: "M12 19V5.500m-6 6 6-6 6 6",
  stop: "M7 7h10v10H7z",
  close: "M6 6l12 12M18 6 6 18",
  menu: "M4 7h16M4 12h16M4 17h10",
  plus: "M12 5v14M5 12h14",
  lower: "M12 5v13.500m-6-6 6 6 6-6",
  again: "M19 12a7 7 0 1 1-2.200-5.100M19 4v4h-4",
  trash: "M5 7h14M10 7V4.500h4V7M7 7l1 13h8l1-13",
  document: "M7 3h7l4 4v14H7zM14 3v4h4",
  copy: "M9 9h10v11H9zM5 15V4h10",
  folder: "M4 6h6l2 2h8v11H4z",
  upload: "M12 16V5m-5 5 5-5 5 5M5 19h14",
  check: "M5 12.500 10 17l9-10",
  clip: "M20 11.500 12.500 19a4.500 4.500 0 0 1-6.400-6.400L14 4.700a3 3 0 0 1 4.300 4.300l-7.700 7.700a1.500 1.500 0 0 1-2.100-2.100L15.500 7.500",
  search: "M11 4.500a6.500 6.500 0 1 1 0 13a6.500 6.500 0 0 1 0-13M20 20l-4.300-4.300",
  sidebar: "M4.500 5h15a1 1 0 0 1 1 1v12a1 1 0 0 1-1 1h-15a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1M9.500 5v14",
  archive: "M4 5h16v4H4zM5.500 9v10h13V9M10 13h4",
  keyboard: "M3.500 7h17v10h-17zM7 10.500h.010M10.500 10.500h.010M14 10.500h.010M17 10.500h.010M8.500 14h7",
  dots: "M6 12h.010M12 12h.010M18 12h.010",
  pencil: "M5 19l1-4L16.500 4.500l3 3L9 18zM14.500 6.500l3 3",
  pin: "M9 4h6l-.500 6 3 3.500h-11l3-3.500zM12 13.500V20",
  download: "M12 5v11m-5-5 5 5 5-5M5 20h14",
  back: "M19 12H5m6-6-6 6 6 6",
  chat: "M5 5h14v11h-8l-4 3.500V16H5z",
  lines: "M5 6h14M5 10h14M5 14h14M5 18h8",
  book: "M5 5a2 2 0 0 1 2-2h11v15H7a2 2 0 0 0-2 2zM5 20a2 2 0 0 0 2 1h11v-3M9 7.500h5",
  wave: "M4 10.500v3M8 7v10M12 4v16M16 8v8M20 10.500v3",
  mic: "M12 3.500a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3",
  play: "M8 5.500v13l10.500-6.500z",
  translate: "M4 6h9M8.500 4v2M11 6c-.500 3.500-3 6-6.500 7.500M6.500 9c1 2 3 3.500 5 4.500M12.500 20l4-9.500 4 9.500M14 17h5",
  mail: "M4 6h16v12H4zM4 7l8 6 8-6",
  temporary: "M7.500 4.500h9A2.500 2.500 0 0 1 19 7v7a2.500 2.500 0 0 1-2.500 2.500H11l-4 3.500v-3.500A2.500 2.500 0 0 1 5 14V7a2.500 2.500 0 0 1 2.500-2.500",
  share: "M8 12.500a2.500 2.500 0 1 1-5 0a2.500 2.500 0 0 1 5 0M20.500 6a2.500 2.500 0 1 1-5 0a2.500 2.500 0 0 1 5 0M20.500 18.500a2.500 2.500 0 1 1-5 0a2.500 2.500 0 0 1 5 0M7.700 11.400l8-4.300M7.700 13.600l8 3.900",
  left: "M14.500 5.500 8 12l6.500 6.500",
  right: "M9.500 5.500 16 12l-6.500 6.500",
  people: "M9 11.500a3.200 3.200 0 1 0 0-6.400a3.200 3.200 0 0 0 0 6.400M3 19.500c0-3.300 2.700-5 6-5s6 1.700 6 5M16 11.200a2.800 2.800 0 1 0-1-5.400M17 14.700c2.500.300 4 1.900 4 4.800",
  info: "M12 3.500a8.500 8.500 0 1 1 0 17a8.500 8.500 0 0 1 0-17M12 11v5.500M12 7.600v.400",
  speaker: "M4 9.500v5h3.500l4.500 4v-13l-4.500 4zM15.500 9a4 4 0 0 1 0 6M18 6.500a7.500 7.500 0 0 1 0 11",
  up: "M7.500 11v8.500H4V11zM7.500 11l4-7.500a2.200 2.200 0 0 1 2.200 2.200V9.500h4.800a1.600 1.600 0 0 1 1.600 1.900l-1.300 6.600a1.900 1.900 0 0 1-1.900 1.500H7.500",
  down: "M7.500 13V4.500H4V13zM7.500 13l4 7.500a2.200 2.200 0 0 0 2.200-2.200V14.500h4.800a1.600 1.600 0 0 0 1.600-1.900L18.800 6a1.900 1.900 0 0 0-1.900-1.500H7.500",
  steps: "M5 5v12.500h4M5 9.500h4M12 7h7v5h-7zM12 15h7v5h-7z",
  left: "M14.500 6l-6 6 6 6",
  right: "M9.500 6l6 6-6 6",
  forward: "M5 12h13m-5-5 5 5-5 5",
  cut: "M5 7h14M5 12h9M5 17h3M13 17h.010M17 17h.010",
  cloud: "M7.500 18.500a4.200 4.200 0 0 1-.500-8.370A5.500 5.500 0 0 1 17.500 9.800a4.400 4.400 0 0 1-.300 8.700z",
  chip: "M7 7h10v10H7zM10 3.500V7M14 3.500V7M10 17v3.500M14 17v3.500M3.500 10H7M3.500 14H7M17 10h3.500M17 14h3.500",
  lock: "M7.500 11V8.500a4.500 4.500 0 0 1 9 0V11M6 11h12v8.500H6zM12 14.300v2",
  thought: "M9.500 19.500h5M10 16.500h4c0-2 3-3.500 3-7a5 5 0 0 0-10 0c0 3.500 3 5 3 7",
  gauge: "M5 18.500a8.500 8.500 0 1 1 14 0M12 14.500l3.500-5M12 14.500h.010",
  pulse: "M3 12.500h4l3-7.500 4 14 3-6.500h4",
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

/** Draw anew what stands in an element; what had the focus there has it afterwards, known by its data-act. */
export function redraw(element, ...children) {
  const focused = element.getRootNode().activeElement, act = element.contains(focused) ? focused.dataset.act : null;
  element.replaceChildren(...children);
  if (act) element.querySelector(`[data-act="${CSS.escape(act)}"]`)?.focus({preventScroll: true});
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
