// The passage beside the answer: its page as it looks, the quoted words marked on it, or its text where it has no pages.
import {call} from "../shell/api.js";
import {h, icon, marked} from "../shell/dom.js";
import {explain, t} from "../shell/settings.js";

const PICTURE_WIDTHS = [600, 900, 1200, 1600], SEEN = .6;         // a mark so far down needs no scrolling

/** Where a citation points, as people say it: "Handbook › Leave · page 3", "sheet Prices · B2:F4". */
export function place({headings, page, location}) {
  const where = location ?? {page};
  const parts = headings?.length ? [headings.filter(one => !one.includes(" | ")).join(" › ")] : [];
  if (where.sheet) parts.push(t("sheet_name", {sheet: where.sheet}));
  if (where.cells) parts.push(named(where.cells));
  if (where.slide) parts.push(t("slide_number", {slide: where.slide}));
  if (where.page) parts.push(t("page_number", {page: where.page}));
  if (where.time) parts.push(where.time);
  if (where.ref) parts.push(named(where.ref));
  return parts.filter(Boolean).join(" · ");
}

const named = ref => ref.replace(/\b(row|line)\b/g, word => t(`ref_${word}`));

function address({file_id, page, quote, page_start, page_end}, more) {
  const query = new URLSearchParams({quote: quote.slice(0, 8000), ...more});
  if (page_start != null && page_end != null) { query.set("start", page_start); query.set("end", page_end); }
  return `/api/documents/${fileName(file_id)}/pages/${page ?? 1}?${query}`;
}

// As the API writes it.
const fileName = id => `file-${id.replaceAll("-", "")}`;

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
    this.picture = h("figure", {class: "page-picture", hidden: true});
    this.text = h("blockquote", {class: "passage-text"});
    this.textFold = h("details", {class: "page-text", open: true}, h("summary", {}, t("page_text")), this.text);
    this.status = h("p", {class: "hint", role: "status"});
    this.note = h("p", {class: "check"});
    this.whole = h("button", {type: "button", class: "runs-on", onclick: () => this.openDocument()}, t("viewer_open"));
    this.element = h("aside", {class: "passage", hidden: true, "aria-label": t("passage"), tabindex: "-1"},
      h("header", {},
        h("span", {class: "chip big"}), h("div", {}, this.title, this.where),
        h("button", {class: "quiet", type: "button", title: t("close"), "aria-label": t("close"), onclick: () => this.close()}, icon("close"))),
      this.note, this.whole, this.status, this.picture, this.textFold);
  }

  get isOpen() { return !this.element.hidden; }

  /** All of the document, at this passage; what that takes is loaded when it is wanted. */
  async openDocument() {
    const {file_id, page, page_start, page_end, quote} = this.citation;
    const {openViewer} = await import("../documents/viewer.js");
    this.player?.audio.pause();
    await openViewer({fileId: fileName(file_id), page: page ?? 1, start: page_start, end: page_end, quote: quote.slice(0, 8000)});
  }

  async show(citation, opener) {
    this.opener = opener;
    this.citation = citation;
    this.stopPlaying();
    this.element.querySelector(".chip").textContent = citation.index;
    this.title.textContent = citation.filename;
    this.where.textContent = place(citation);
    this.showText(this.passage(citation), citation);
    this.say(citation.is_verified ? "quote_checked" : "quote_not_checked", citation.is_verified);
    this.element.hidden = false;
    this.element.focus({preventScroll: true});
    this.element.scrollTop = 0;
    this.text.querySelector(".quote")?.scrollIntoView({block: "nearest"});
    await this.open(citation);
  }

  close() {
    this.asked?.abort();
    this.stopPlaying();
    if (!this.isOpen) return;
    this.element.hidden = true;
    this.onClose();
    this.opener?.focus?.();
  }

  /** Ask for the page as it is now; what the answer itself brought along stays where that fails. */
  async open(citation) {
    this.asked?.abort();
    const asked = this.asked = new AbortController();
    this.status.textContent = t("page_loading");
    try {
      const page = await call(address(citation, {format: "text"}), {signal: asked.signal});
      if (!asked.signal.aborted) this.showPage(page, citation);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.status.textContent = "";
      if (error.status === 404) this.say("page_gone", false);
      else this.status.textContent = error instanceof TypeError ? t("connection_lost") : explain(error);
    }
  }

  // Heard from where it was said; the text that the answer brought along stays until its words are there.
  async showRecording(page, citation) {
    const {Player} = await import("../documents/player.js"), asked = this.asked;
    if (asked.signal.aborted) return;
    this.stopPlaying();
    this.player = new Player(fileName(citation.file_id), {mark: {page: page.number, start: page.page_start, end: page.page_end}, at: page.location.time_s ?? citation.location?.time_s ?? null});
    this.textFold.before(this.player.element);
    await this.player.open(asked.signal);
    if (this.player?.told) this.textFold.hidden = true;
  }

  stopPlaying() {
    this.player?.close();
    this.player?.element.remove();
    this.player = null;
  }

  showPage(page, citation) {
    if (page.unit === "recording") this.showRecording(page, citation);
    this.where.textContent = place({...citation, headings: page.headings.length ? page.headings : citation.headings, location: page.location});
    const text = page.start == null ? [page.text]
      : marked(page.text, unitSpans(page.text, [[page.start, page.end]]), "quote");
    this.showText(text, citation);
    this.element.classList.toggle("table", page.unit === "sheet");
    if (!page.is_found) this.say("page_changed", false);
    if (page.runs_on) {
      const [page_start, page_end] = page.runs_on, next = page.number + 1;
      const follow = {...citation, page: next, location: {page: next}, headings: [], quote: "", page_start, page_end};
      this.status.replaceChildren(h("button", {type: "button", class: "runs-on", onclick: () => this.open(follow)}, t("page_runs_on", {page: next})));
    } else this.status.textContent = "";
    if (page.image) this.showPicture(page);
    else this.text.querySelector(".quote")?.scrollIntoView({block: "nearest"});
  }

  showPicture(page) {
    const needed = (this.element.clientWidth || 400) * devicePixelRatio;
    const width = PICTURE_WIDTHS.find(one => one >= needed) ?? PICTURE_WIDTHS.at(-1);
    const words = {filename: page.filename, place: t("page_number", {page: page.number})};
    const image = h("img", {src: `${page.image}&width=${width}`, alt: t("page_picture", words), decoding: "async"});
    const larger = {href: `${page.image}&width=1600`, target: "_blank", rel: "noopener"};
    image.addEventListener("load", () => { this.textFold.open = false; this.scrollTo(image, page.boxes); });
    image.addEventListener("error", () => {
      if (!image.isConnected) return;
      this.picture.hidden = true;
      this.textFold.open = true;
      this.status.textContent = t("page_not_drawn");
    });
    this.picture.replaceChildren(h("a", larger, image), h("figcaption", {}, h("span", {}, words.place), h("a", larger, t("page_larger"))));
    this.picture.hidden = false;
  }

  scrollTo(image, boxes) {
    if (!boxes.length) return;
    const offset = image.getBoundingClientRect().top - this.element.getBoundingClientRect().top + this.element.scrollTop;
    const mark = offset + boxes[0][1] * image.clientHeight;
    const tall = this.element.clientHeight;
    this.element.scrollTo({top: mark < tall * SEEN ? 0 : mark - tall / 3});       // what is in view already stays
  }

  showText(content, {language}) {
    this.picture.hidden = true;
    this.picture.replaceChildren();
    this.element.classList.remove("table");
    this.textFold.open = true;
    this.textFold.hidden = false;
    this.text.replaceChildren(...content);
    if (language) this.text.lang = language;
    else this.text.removeAttribute("lang");
  }

  say(key, isGood) {
    this.note.replaceChildren(icon(isGood ? "check" : "alert"), t(key));
    this.note.classList.toggle("warning", !isGood);
  }

  passage({passage, quote, marks}) {
    const inside = h("span", {class: "quote"}, marked(quote, unitSpans(quote, marks ?? [])));
    const at = passage.indexOf(quote);
    return at < 0 ? [inside] : [passage.slice(0, at), inside, passage.slice(at + quote.length)];
  }
}
