// One question and its answer as it grows. Blocks arrive as HTML that the gateway has sanitised.
import {follow} from "../shell/api.js";
import {h, icon, marked} from "../shell/dom.js";
import {place, unitSpans} from "./passage.js";
import {explain, number, settings, t} from "../shell/settings.js";

export class TurnView {
  /** turn: {id, question, files? (names), blocks?, citations?, done?, error?, seq?}; room: {openSource, turnEnded, transcript}. */
  constructor(turn, room) {
    this.id = turn.id;
    this.createdAt = turn.created_at;
    this.room = room;
    this.citations = [];
    this.blocks = [];
    this.status = h("p", {class: "status"});
    this.body = h("div", {class: "body"});
    this.sources = h("section", {class: "sources", hidden: true});
    this.footer = h("footer", {hidden: true});
    this.answer = h("div", {class: "answer", "aria-label": t("answer"), role: "group"}, this.status, this.body, this.sources, this.footer);
    const files = (turn.files ?? []).map(name => h("li", {class: "file"}, icon("document"), h("span", {class: "file-name"}, name)));
    this.element = h("article", {}, files.length ? h("ul", {class: "asked-files", "aria-label": t("attached")}, files) : null, h("div", {class: "question", "aria-label": t("you_asked"), role: "group"}, turn.question), this.answer);
    this.answer.addEventListener("click", event => this.onChip(event));
    this.answer.addEventListener("keydown", event => (event.key === "Enter" || event.key === " ") && this.onChip(event));
    (turn.blocks ?? []).forEach((html, slot) => this.showBlock({slot, html, is_final: true}));
    if (turn.citations?.length) this.showCitations(turn);
    if (turn.done) this.showEnd(turn.done);
    else if (turn.error) this.showError(turn.error);
    else this.begin(turn.seq ?? 0);
  }

  get isRunning() { return Boolean(this.stopFollowing); }

  begin(after) {
    this.showStatus(t("status_started"));
    this.stopFollowing = this.id ? follow(this.id, after, (kind, data) => this.take(kind, data), () => this.showStatus(t("status_resumed"))) : () => {};
  }

  started(id) { this.id = id; this.begin(0); }

  leave() { this.stopFollowing?.(); this.stopFollowing = null; }

  take(kind, data) {
    const keepEnd = this.room.transcript.isNearEnd();
    if (kind === "status") this.showProgress(data);
    if (kind === "block") this.showBlock(data);
    if (kind === "citations") this.showCitations(data);
    if (kind === "done") this.showEnd(data);
    if (kind === "error") this.showError(data);
    if (keepEnd) this.room.transcript.keepEnd();
    if (kind === "done" || kind === "error") { this.leave(); this.room.turnEnded(this, kind); }
  }

  fail(error) { this.leave(); this.showError(error); this.room.turnEnded(this, "error"); }

  showStatus(sentence) { this.status.textContent = sentence; this.status.hidden = !sentence; }

  showProgress({state, position, eta_s, found, done, total, filename}) {
    if (state === "reading") return this.showStatus(t("status_reading", {filename, percent: done}));
    if (state === "summarising") return this.showStatus(t("status_summarising", {done, total}));
    if (state === "queued") this.showStatus(eta_s == null ? t("status_queued", {position})
      : t("status_queued_eta", {position, eta: number.format(Math.max(1, Math.round(eta_s)))}));
    else if (state === "searched" && found) this.showStatus(t(found === 1 ? "status_searched_one" : "status_searched", {found}));
    else this.showStatus(t("status_started"));
  }

  showBlock({slot, html, is_final}) {
    while (this.blocks.length <= slot) this.blocks.push(this.body.appendChild(h("div", {class: "block"})));
    const block = this.blocks[slot];
    block.innerHTML = html;
    block.classList.toggle("growing", !is_final);
    this.status.classList.add("small");
    for (const mark of block.querySelectorAll("mark.unsupported")) mark.title = t("unsupported");
    if (is_final) for (const code of block.querySelectorAll("pre")) this.addCopy(code, () => code.querySelector("code").textContent);
    this.wireChips(block);
  }

  addCopy(place, text) {
    const button = h("button", {class: "quiet copy", type: "button", title: t("copy"), "aria-label": t("copy"), onclick: async () => {
      await navigator.clipboard.writeText(text());
      button.replaceChildren(icon("check"));
      setTimeout(() => button.replaceChildren(icon("copy")), 1500);
    }}, icon("copy"));
    place.append(button);
  }

  showCitations({citations}) {
    this.citations = citations;
    for (const block of this.blocks) this.wireChips(block);
    this.sources.hidden = !citations.length;
    this.sources.replaceChildren(h("h3", {}, t("sources")), h("ol", {}, citations.map(citation => this.source(citation))));
  }

  source(citation) {
    const open = () => this.room.openSource(citation, button);
    const button = h("button", {type: "button", class: "source", onclick: open, "aria-label": t("open_source", {number: citation.index, filename: citation.filename})},
      h("span", {class: "chip"}, String(citation.index)),
      h("span", {class: "source-name"}, citation.filename),
      h("span", {class: "where"}, place(citation)),
      h("q", {class: citation.is_verified ? "" : "warning", lang: citation.language}, marked(citation.quote, unitSpans(citation.quote, citation.marks ?? []))));
    return h("li", {}, button);
  }

  // A chip without a source is text: [3] may also be an index in the answer's own prose.
  wireChips(block) {
    for (const chip of block.querySelectorAll("a.citation")) {
      const index = Number(chip.dataset.citation);
      const citation = this.citations.find(one => one.index === index);
      chip.toggleAttribute("data-idle", !citation);
      if (citation) {
        chip.title = `${citation.filename} · ${place(citation)}`;
        chip.setAttribute("aria-label", t("open_source", {number: index, filename: citation.filename}));
      }
    }
  }

  onChip(event) {
    const chip = event.target.closest?.("a.citation");
    if (!chip) return;
    event.preventDefault();
    const citation = this.citationOf(chip);
    if (citation) this.room.openSource(citation, chip);
  }

  // One number may stand behind several sentences, each with its own quote: the nth of them means the nth quote.
  citationOf(chip) {
    const same = this.citations.filter(one => one.index === Number(chip.dataset.citation));
    const chips = [...this.body.querySelectorAll(`a.citation[data-citation="${chip.dataset.citation}"]`)];
    return same[same.length === chips.length ? chips.indexOf(chip) : 0];
  }

  dropIdleChips() {
    for (const chip of this.body.querySelectorAll("a.citation[data-idle]")) chip.replaceWith(`[${chip.dataset.citation}]`);
  }

  showEnd({kind, model, served_by, usage, notes, finish_reason, total_ms, dropped_messages}) {
    this.showStatus("");
    // A quoted answer is its sources already: document, heading, page and words stand in it.
    if (kind === "quoted") this.sources.hidden = true;
    this.dropIdleChips();
    const facts = [];
    if (finish_reason === "stopped") facts.push(h("span", {class: "badge"}, t("stopped")));
    else if (kind === "written") facts.push(h("span", {class: "badge"}, t("kind_written", {model: served_by?.split(":").slice(1).join(":") || model})));
    else facts.push(h("span", {class: `badge ${kind}`}, t(`kind_${kind}`)));
    if (total_ms != null) facts.push(h("span", {}, t("seconds", {seconds: number.format(Math.max(.1, total_ms / 1000))})));
    if (usage?.completion_tokens) facts.push(h("span", {}, t("tokens", {tokens: number.format(usage.completion_tokens)})));
    this.footer.replaceChildren(...facts);
    if (this.blocks.length) this.addCopy(this.footer, () => this.body.innerText.trim());
    const told = (notes ?? []).filter(note => settings.texts[`note.${note}`]);
    this.footer.append(...told.map(note => h("p", {class: "note"}, t(`note.${note}`, {dropped_messages}))));
    this.footer.hidden = false;
  }

  showError(error) {
    this.showStatus("");
    this.dropIdleChips();
    this.footer.replaceChildren(h("p", {class: "problem"}, icon("alert"), explain(error)),
      h("button", {type: "button", class: "plain", onclick: () => this.room.askAgain(this)}, t("try_again")));
    this.footer.hidden = false;
  }

  get question() { return this.element.querySelector(".question").textContent; }
}
