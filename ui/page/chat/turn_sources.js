// Where an answer comes from: the chips in its text, and below it the passages they open.
import {h, marked} from "../shell/dom.js";
import {t} from "../shell/settings.js";
import {place, unitSpans} from "./passage.js";

export class TurnSources {
  /** turn: {citations, end, blocks, room, answer}. */
  constructor(turn) {
    this.turn = turn;
    this.body = turn.blocks.element;
    // A quoted answer is its sources already: document, heading, page and words stand in it.
    const isListed = turn.citations.length > 0 && turn.end?.kind !== "quoted";
    this.element = h("section", {class: "sources", hidden: !isListed}, isListed ? [h("h3", {}, t("sources")), h("ol", {}, turn.citations.map(one => this.source(one)))] : null);
    this.wireChips();
    if (turn.chipsAreWired) return;
    turn.chipsAreWired = true;
    this.body.addEventListener("click", event => turn.sources.onChip(event));
    this.body.addEventListener("keydown", event => (event.key === "Enter" || event.key === " ") && turn.sources.onChip(event));
  }

  source(citation) {
    const open = () => this.turn.room.openSource(citation, button);
    const button = h("button", {type: "button", class: "source", onclick: open, title: t("open_source", {number: citation.index, filename: citation.filename})},
      h("span", {class: "chip"}, String(citation.index)),
      h("span", {class: "source-name"}, citation.filename),
      h("span", {class: "where"}, place(citation)),
      h("q", {class: citation.is_verified ? "" : "warning", lang: citation.language}, marked(citation.quote, unitSpans(citation.quote, citation.marks ?? []))));
    return h("li", {}, button);
  }

  // A chip without a source is text: [3] may also be an index in the answer's own prose.
  wireChips() {
    for (const chip of this.body.querySelectorAll("a.citation")) {
      const index = Number(chip.dataset.citation);
      const citation = this.turn.citations.find(one => one.index === index);
      if (!citation) {
        chip.replaceWith(`[${index}]`);
        continue;
      }
      chip.title = `${citation.filename} · ${place(citation)}`;
      chip.setAttribute("aria-label", t("open_source", {number: index, filename: citation.filename}));
    }
  }

  onChip(event) {
    const chip = event.target.closest?.("a.citation");
    if (!chip) return;
    event.preventDefault();
    const citation = this.citationOf(chip);
    if (citation) this.turn.room.openSource(citation, chip);
  }

  // One number may stand behind several sentences, each with its own quote: the nth of them means the nth quote.
  citationOf(chip) {
    const same = this.turn.citations.filter(one => one.index === Number(chip.dataset.citation));
    const chips = [...this.body.querySelectorAll(`a.citation[data-citation="${chip.dataset.citation}"]`)];
    return same[same.length === chips.length ? chips.indexOf(chip) : 0];
  }
}
