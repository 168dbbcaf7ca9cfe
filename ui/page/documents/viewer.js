// A document as its pages: picture and text side by side, the passage marked, with its versions and what is known of it.
import {call} from "../shell/api.js";
import {dateOf, noteSentences, reason} from "./document_row.js";
import {h, icon, marked} from "../shell/dom.js";
import {openDialog} from "../shell/dialog.js";
import {explain, fileSize, number, t} from "../shell/settings.js";
import {place, unitSpans} from "../chat/passage.js";
import {sheetTable} from "./sheet.js";
import {bookTables} from "./book_tables.js";
import {clock, languageName} from "./spoken.js";
import {viewerLook} from "./viewer_look.js";

const WIDTHS = [600, 900, 1200, 1600];
const STEPS = {ArrowLeft: -1, PageUp: -1, ArrowRight: 1, PageDown: 1};

/** place: {fileId, page, start, end, quote, mayWrite, onChange}; start and end count in the whole page. mayWrite: told a collection's id. */
export function openViewer(place) {
  const viewer = new Viewer(place);
  viewer.dialog = openDialog({label: t("viewer"), look: viewerLook, width: "1320px", content: viewer.element, onClose: () => { viewer.asked?.abort(); viewer.player?.close(); }});
  viewer.dialog.element.addEventListener("keydown", event => viewer.onKey(event));
  return viewer.open();
}

class Viewer {
  constructor({fileId, page = 1, mayWrite, onChange, ...mark}) {
    Object.assign(this, {fileId, number: page, mayWrite, onChange, mark});
    const tool = (name, label, deed, more = {}) => h("button", {type: "button", class: "quiet", title: label, "aria-label": label, onclick: deed, ...more}, icon(name));
    this.title = h("h2", {});
    this.homes = h("p", {class: "homes"});
    this.versions = h("label", {class: "versions", hidden: true});
    this.download = h("a", {class: "quiet", title: t("viewer_download"), "aria-label": t("viewer_download"), download: ""}, icon("download"));
    this.aboutButton = tool("info", t("viewer_about"), () => this.toggleAbout(), {"aria-expanded": "false"});
    this.previous = tool("left", t("viewer_previous"), () => this.step(-1));
    this.next = tool("right", t("viewer_next"), () => this.step(1));
    this.jump = h("input", {type: "number", min: 1, "aria-label": t("viewer_jump"), onchange: () => this.go(Number(this.jump.value))});
    this.total = h("span", {class: "total"});
    this.names = h("select", {"aria-label": t("viewer_sheets"), hidden: true, onchange: () => this.go(Number(this.names.value))});
    this.where = h("span", {class: "where"});
    this.picture = h("figure", {class: "picture", tabindex: "0", role: "region", "aria-label": t("viewer")});
    this.text = h("div", {class: "text", tabindex: "0", role: "region", "aria-label": t("viewer_text")});
    this.about = h("aside", {class: "about-document", hidden: true, "aria-label": t("viewer_about")});
    this.status = h("p", {class: "hint status", role: "status"});
    this.body = h("div", {class: "pages"}, this.picture, this.text, this.about);
    this.turning = h("div", {class: "turning"}, this.previous, this.jump, this.total, this.next, this.names, this.where);
    this.element = h("div", {class: "viewer"},
      h("div", {class: "head"}, h("div", {class: "naming"}, this.title, this.homes), this.versions, this.download, this.aboutButton, tool("close", t("close"), () => this.dialog.close())),
      this.turning, this.status, this.body);
  }

  async open() {
    this.status.textContent = t("page_loading");
    try {
      this.card = await call(`/api/documents/${this.fileId}`);
    } catch (error) {
      return this.fail(error);
    }
    this.drawCard();
    this.next.focus({preventScroll: true});
    await this.show();
  }

  fail(error) { this.status.textContent = error.status === 404 ? t("page_gone") : error instanceof TypeError ? t("connection_lost") : explain(error); }

  get count() { return Math.max(1, this.card.pages.count); }

  drawCard() {
    const {filename, collections, versions, pages} = this.card;
    this.title.textContent = filename;
    this.homes.replaceChildren(...collections.map(home => h("span", {class: "badge"}, home.is_chat ? t("viewer_chat") : t("viewer_library", {name: home.name}))));
    this.download.href = `/api/documents/${this.fileId}/original`;
    this.jump.max = this.count;
    this.total.textContent = t("viewer_of", {count: number.format(this.count)});
    const labels = Object.entries(pages.labels);
    this.names.hidden = !labels.length;
    this.names.replaceChildren(...labels.map(([value, label]) => h("option", {value}, label)));
    this.versions.hidden = !versions.length;
    const own = collections.find(home => home.superseded_by);
    const all = [{file_id: this.fileId, added_at: collections[0]?.added_at, superseded_at: own ? versions.find(one => one.file_id === own.superseded_by)?.added_at ?? 1 : null}, ...versions].sort((a, b) => (b.added_at ?? 0) - (a.added_at ?? 0));
    this.versions.replaceChildren(h("span", {class: "unseen"}, t("viewer_versions")), h("select", {"aria-label": t("viewer_versions"), onchange: event => this.openOther(event.target.value)},
      ...all.map(one => h("option", {value: one.file_id, selected: one.file_id === this.fileId}, `${one.added_at ? dateOf(one.added_at) : ""} · ${one.superseded_at ? t("viewer_older", {date: dateOf(one.superseded_at)}) : t("viewer_current")}`))));
    this.drawAbout();
  }

  openOther(fileId) {
    Object.assign(this, {fileId, mark: {}, number: 1});
    return this.open();
  }

  // Pages -------------------------------------------------------------------------------------------------

  step(by) { return this.go(this.number + by); }

  go(wanted) {
    const page = Math.min(Math.max(1, Math.round(wanted) || 1), this.count);
    this.jump.value = page;
    if (page === this.number) return;
    this.number = page;
    this.mark = {};
    return this.show();
  }

  onKey(event) {
    const isTyping = event.composedPath()[0].matches?.("input, select, textarea, audio") || this.player;
    if (isTyping || event.altKey || event.ctrlKey || event.metaKey || !this.card) return;
    const wanted = STEPS[event.key] ? this.number + STEPS[event.key] : {Home: 1, End: this.count}[event.key];
    if (wanted === undefined) return;
    event.preventDefault();
    this.go(wanted);
  }

  // Played, and read beside it, whole.
  async showRecording(signal) {
    const {Player} = await import("./player.js");
    if (signal.aborted) return;
    this.status.textContent = "";
    this.player = new Player(this.fileId, {mark: {page: this.number, start: this.mark.start, end: this.mark.end}});
    this.element.append(this.player.element);
    this.player.element.append(this.about);
    await this.player.open(signal);
  }

  async show() {
    this.asked?.abort();
    const asked = this.asked = new AbortController();
    const isRecording = this.card.pages.unit === "recording";
    this.player?.close();
    this.player?.element.remove();
    this.player = null;
    for (const part of [this.turning, this.body]) part.hidden = isRecording;
    if (isRecording) return this.showRecording(asked.signal);
    this.body.append(this.about);
    this.jump.value = this.number;
    this.previous.disabled = this.number <= 1;
    this.next.disabled = this.number >= this.count;
    this.names.value = String(this.number);
    const query = new URLSearchParams({format: "text"});
    for (const name of ["start", "end", "quote"]) if (this.mark[name] != null && this.mark[name] !== "") query.set(name, this.mark[name]);
    try {
      const page = await call(`/api/documents/${this.fileId}/pages/${this.number}?${query}`, {signal: asked.signal});
      if (!asked.signal.aborted) this.draw(page);
    } catch (error) {
      if (!asked.signal.aborted) this.fail(error);
    }
  }

  draw(page) {
    this.status.textContent = page.is_found === false ? t("page_changed") : "";
    this.where.textContent = place({headings: page.headings, location: {...page.location, page: undefined, slide: undefined}});
    const spans = page.start == null ? [] : unitSpans(page.text, [[page.start, page.end]]);
    const text = page.unit === "sheet" ? sheetTable(page.text, spans) : marked(page.text, spans, "quote");
    this.text.replaceChildren(...page.text ? text : [h("p", {class: "hint"}, t("viewer_no_text"))]);
    this.text.classList.toggle("table", page.unit === "sheet");
    this.text.scrollTop = 0;
    this.body.classList.toggle("text-only", !page.image);
    if (page.image) this.drawPicture(page);
    else this.picture.replaceChildren();
    this.text.querySelector(".quote")?.scrollIntoView({block: "center"});
  }

  drawPicture(page) {
    const needed = Math.min(this.picture.clientWidth || 700, 900) * devicePixelRatio;
    const width = WIDTHS.find(one => one >= needed) ?? WIDTHS.at(-1);
    const image = h("img", {src: `${page.image}&width=${width}`, alt: t("page_picture", {filename: page.filename, place: t("page_number", {page: page.number})}), decoding: "async"});
    image.addEventListener("load", () => { if (page.boxes.length) this.picture.scrollTop = page.boxes[0][1] * image.clientHeight - this.picture.clientHeight / 3; });
    image.addEventListener("error", () => { if (image.isConnected) { this.body.classList.add("text-only"); this.status.textContent = t("page_not_drawn"); } });
    this.picture.replaceChildren(image);
    this.picture.scrollTop = 0;
  }

  // About it ------------------------------------------------------------------------------------------------

  toggleAbout() {
    this.about.hidden = !this.about.hidden;
    this.aboutButton.setAttribute("aria-expanded", String(!this.about.hidden));
  }

  drawAbout() {
    const {filename, bytes, media_type, pages, parent, children, collections} = this.card, home = collections.find(one => !one.is_chat) ?? collections[0] ?? {};
    const told = [...home.last_error ? [reason(home.last_error)] : [], ...noteSentences(home)];
    const facts = [["about_kind", /\.(\w{1,8})$/.exec(filename)?.[1].toUpperCase() ?? media_type], ["about_size", fileSize(bytes)], ["about_added", home.added_at ? dateOf(home.added_at) : null], ["about_length", home.recording ? clock(home.recording.duration_s) : null], ["about_language", home.recording?.language ? languageName(home.recording.language) : null], ["about_pages", pages.count && pages.unit !== "recording" ? number.format(pages.count) : null],
      ["about_passages", home.passages ? number.format(home.passages) : null], ["about_source", home.source]].filter(([, value]) => value);
    const link = one => h("button", {type: "button", class: "link", onclick: () => this.openOther(one.file_id)}, one.filename);
    const section = (key, ...content) => h("section", {}, h("h3", {}, t(key)), ...content);
    this.about.replaceChildren(...[
      h("dl", {}, ...facts.flatMap(([key, value]) => [h("dt", {}, t(key)), h("dd", {}, value)])),
      told.length ? section("about_notes", ...told.map(note => h("p", {}, note))) : null,
      parent ? section("viewer_parent", link(parent)) : null,
      children.length ? section("viewer_inside", h("ul", {}, ...children.map(child => h("li", {}, link(child))))) : null,
      home.is_chat ? null : section("attributes", this.attributes(home)),
    ].filter(Boolean));
    this.addTables();
  }

  // Behind the notes, as soon as they are known.
  async addTables() {
    const {card, about} = this, tables = await bookTables(card);
    if (tables && card === this.card) about.querySelector("dl").after(tables);
  }

  attributes(home) {
    const named = Object.entries(home.attributes ?? {});
    const shown = named.length ? h("dl", {}, ...named.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))])) : h("p", {class: "hint"}, t("attributes_none"));
    const edit = this.mayWrite?.(home.vector_store_id) ? h("button", {type: "button", class: "link", onclick: () => room.replaceChildren(this.attributeForm(home))}, t("attributes_edit")) : null;
    const room = h("div", {class: "attributes"}, shown, edit ?? "");
    return room;
  }

  attributeForm(home) {
    const box = h("textarea", {rows: 5, "aria-label": t("attributes"), value: ""}, Object.entries(home.attributes ?? {}).map(([name, value]) => `${name}: ${value}`).join("\n"));
    const problem = h("p", {class: "problem", role: "alert", hidden: true});
    return h("form", {onsubmit: async event => {
      event.preventDefault();
      try {
        const file = await call(`/v1/vector_stores/${home.vector_store_id}/files/${this.fileId}`, {method: "POST", body: {attributes: parsed(box.value)}});
        home.attributes = file.attributes;
        this.drawAbout();
        this.onChange?.();
      } catch (error) {
        problem.replaceChildren(icon("alert"), explain(error));
        problem.hidden = false;
      }
    }}, box, h("p", {class: "hint"}, t("attributes_hint")), problem, h("button", {type: "submit", class: "plain"}, t("save")));
  }
}

// "year: 2024" is a number, "draft: true" a yes; everything else is text.
function parsed(text) {
  const value = word => word === "true" || word === "false" ? word === "true" : /^-?\d+(\.\d+)?$/.test(word) ? Number(word) : word;
  return Object.fromEntries(text.split("\n").map(line => line.split(/:(.*)/s).map(part => part?.trim())).filter(([name]) => name).map(([name, word]) => [name, value(word ?? "")]));
}
