// A question tried against collections: what is found with every score, what was left out and why, how long each step took.
import {call} from "../shell/api.js";
import {dialogsLook} from "./dialogs_look.js";
import {h, icon} from "../shell/dom.js";
import {openDialog} from "../shell/dialog.js";
import {titled} from "./titled.js";
import {place} from "../chat/passage.js";
import {explain, number, settings, t} from "../shell/settings.js";

const MOST_BM25 = 25;   // a bar that is full; the scores themselves have no upper end

export function openSearchTest(shelf) {
  const test = new SearchTest(shelf);
  test.dialog = openDialog({label: t("search_test"), look: dialogsLook, width: "900px", content: test.element});
  test.dialog.element.classList.add("tall");
  test.question.focus();
}

class SearchTest {
  constructor(shelf) {
    this.shelf = shelf;
    this.question = h("input", {type: "text", maxLength: 2000, required: true, autocomplete: "off", placeholder: t("search_test_question"), "aria-label": t("search_test_question")});
    this.choices = shelf.stores.map(store => h("label", {class: "choice pill"}, h("input", {type: "checkbox", value: store.id, checked: store.id === shelf.store?.id}), store.name));
    this.button = h("button", {type: "submit", class: "main"}, icon("search"), t("search_test_run"));
    this.found = h("div", {class: "found", tabindex: "-1"});
    this.status = h("p", {class: "hint", role: "status"});
    this.element = h("form", {class: "form search-test", onsubmit: event => { event.preventDefault(); this.run(); }}, titled(t("search_test"), () => this.dialog.close()), h("p", {class: "hint"}, t("search_test_lead")),
      h("div", {class: "ask"}, this.question, this.button), h("fieldset", {class: "pills"}, h("legend", {}, t("search_test_in")), ...this.choices), this.status, this.found);
  }

  get wanted() { return this.choices.map(label => label.firstChild).filter(box => box.checked).map(box => box.value); }

  async run() {
    this.button.disabled = true;
    this.status.textContent = t("search_test_running");
    this.found.replaceChildren();
    try {
      this.draw(await call("/api/search", {method: "POST", body: {query: this.question.value.trim(), ...this.wanted.length ? {vector_store_ids: this.wanted} : {}}}));
    } catch (error) {
      this.status.textContent = error instanceof TypeError ? t("connection_lost") : explain(error);
    }
    this.button.disabled = false;
  }

  draw({data, trace, is_relevant, notes}) {
    const steps = trace?.steps ?? [], dropped = trace?.dropped ?? [];
    const took = steps.reduce((sum, step) => sum + step.took_ms, 0);
    this.status.textContent = data.length ? t(data.length === 1 ? "search_test_took_one" : "search_test_took", {count: data.length, ms: number.format(took)}) : t("search_test_nothing");
    this.found.replaceChildren(...[
      data.length ? h("p", {class: `verdict${is_relevant ? "" : " thin"}`}, icon(is_relevant ? "check" : "alert"), t(is_relevant ? "search_test_enough" : "search_test_thin")) : null,
      ...notes.map(note => h("p", {class: "hint"}, traced(note))),
      h("ol", {class: "hits"}, ...data.map(hit => this.hit(hit, trace))),
      dropped.length ? h("details", {}, h("summary", {}, t("search_test_dropped", {count: dropped.length})), h("ul", {class: "dropped"}, ...dropped.map(one => h("li", {}, h("span", {}, one.filename ?? "–", one.page ? ` · ${t("page_number", {page: one.page})}` : ""),
        h("span", {class: "why"}, traced(one.reason)), h("span", {class: "figure"}, decimal(one.score)))))) : null,
      steps.length ? h("details", {}, h("summary", {}, t("search_test_steps")), h("ul", {class: "dropped"}, ...steps.map(step => h("li", {}, h("span", {}, traced(step.name)), h("span", {class: "why"}, figures(step)), h("span", {class: "figure"}, `${number.format(step.took_ms)} ms`))))) : null,
    ].filter(Boolean));
  }

  hit(hit, trace) {
    const {meaning, words, fused, last} = hit.scores, where = {headings: hit.location.headings, location: hit.location};
    const open = () => this.shelf.view({fileId: hit.file_id, page: hit.number, start: hit.location.start, end: hit.location.end});
    return h("li", {}, h("button", {type: "button", class: "hit-name", title: t("search_test_open", {filename: hit.filename}), onclick: open}, hit.filename), h("span", {class: "where"}, place(where)),
      h("p", {class: "hit-text"}, hit.content.map(one => one.text).join("\n").replace(/\n{2,}/g, "\n")), hit.also_in.length ? h("p", {class: "hint"}, t("search_test_also", {names: [...new Set(hit.also_in.map(one => one.filename))].join(", ")})) : null,
      h("dl", {class: "scores"}, ...score("score_meaning", meaning, meaning), ...score("score_words", words, words === null ? null : words / MOST_BM25), ...score("score_fused", fused, fused), ...score(trace?.reranked ? "score_reranked" : "score_sharpened", last, last)));
  }
}

function score(key, value, share) {
  const shown = value === null || value === undefined ? "–" : decimal(value);
  return [h("dt", {}, t(key)), h("dd", {}, scale(share ?? 0), h("span", {}, shown))];
}

function scale(share) {
  const filled = h("i", {});
  filled.style.width = `${100 * Math.min(Math.max(share, 0), 1)}%`;
  return h("span", {class: "scale", "aria-hidden": "true"}, filled);
}

const decimal = value => value.toLocaleString(settings.language, {maximumFractionDigits: 2, minimumFractionDigits: 2});

// Steps, reasons and notes are known by their words; what is new is shown as it is.
function traced(words) { return settings.texts[`trace.${words.replaceAll(" ", "_")}`] ?? words; }

function figures({name: _, took_ms: __, ...rest}) { return Object.entries(rest).map(([key, value]) => `${key} ${value}`).join(" · "); }
