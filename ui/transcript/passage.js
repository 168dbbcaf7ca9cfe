// The passage beside the answer: document, page, headings, and the quoted words where they stand.
import {h, icon, marked} from "./dom.js";
import {t} from "./settings.js";

/** Where a citation points, as people say it: "Handbook › Leave, page 3". */
export function place(citation) {
  const parts = [];
  if (citation.headings?.length) parts.push(citation.headings.join(" › "));
  if (citation.page) parts.push(t("page_number", {page: citation.page}));
  return parts.join(" · ");
}

/** Python counts characters, JavaScript counts UTF-16 units: an emoji before a span would move it. */
export function unitSpans(text, spans) {
  if (!/[\ud800-\udfff]/.test(text)) return spans;
  const offsets = [0];
  for (const character of text) offsets.push(offsets.at(-1) + character.length);
  return spans.map(([start, end]) => [offsets[start] ?? text.length, offsets[end] ?? text.length]);
}

export class PassagePanel {
  constructor(onClose) {
    this.onClose = onClose;
    this.title = h("h2", {});
    this.where = h("p", {class: "where"});
    this.text = h("blockquote", {class: "passage-text"});
    this.note = h("p", {class: "check"});
    this.element = h("aside", {class: "passage", hidden: true, "aria-label": t("passage"), tabindex: "-1"},
      h("header", {},
        h("span", {class: "chip big"}), h("div", {}, this.title, this.where),
        h("button", {class: "quiet", type: "button", title: t("close"), "aria-label": t("close"), onclick: () => this.close()}, icon("close"))),
      this.text, this.note);
  }

  get isOpen() { return !this.element.hidden; }

  show(citation, opener) {
    this.opener = opener;
    this.element.querySelector(".chip").textContent = citation.index;
    this.title.textContent = citation.filename;
    this.where.textContent = place(citation);
    this.text.replaceChildren(...this.passage(citation));
    if (citation.language) this.text.lang = citation.language;
    this.note.replaceChildren(icon(citation.is_verified ? "check" : "alert"),
      t(citation.is_verified ? "quote_checked" : "quote_not_checked"));
    this.note.classList.toggle("warning", !citation.is_verified);
    this.element.hidden = false;
    this.element.focus({preventScroll: true});
    this.text.querySelector(".quote")?.scrollIntoView({block: "nearest"});
  }

  close() {
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.onClose();
    this.opener?.focus?.();
  }

  passage({passage, quote, marks}) {
    const inside = h("span", {class: "quote"}, marked(quote, unitSpans(quote, marks ?? [])));
    const at = passage.indexOf(quote);
    return at < 0 ? [inside] : [passage.slice(0, at), inside, passage.slice(at + quote.length)];
  }
}
