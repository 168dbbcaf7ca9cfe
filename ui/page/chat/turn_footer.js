// Below a finished answer: how it came about, and what can be done with it. The rarer deeds are loaded when they are done.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {explain, money, number, settings, t} from "../shell/settings.js";
import {copyButton} from "./copying.js";
import {place} from "./passage.js";

const CLOUD = "cloud:", LEAST = .001;
// Whoever wants to know it exactly looks at the card.
const aboutMoney = ({amount, currency}) => amount > 0 && amount < LEAST ? `< ${money(LEAST, currency)}` : money(amount, currency);
const rounded = rate => rate < 10 ? rate : Math.round(rate);

export class TurnFooter {
  /** turn: a TurnView that has ended. */
  constructor(turn) {
    this.turn = turn;
    this.problem = h("p", {class: "problem", role: "alert", hidden: true});
    this.more = h("div", {class: "more-below"});               // the trace, or what somebody thinks of the answer
    this.element = h("footer", {}, this.error(), this.problem, this.notes(), h("div", {class: "deeds"}, this.versions(), this.deeds(), this.facts()), this.more);
    if (turn.hasJustFailed) this.offerQuotes();
  }

  /** Beside "try again", once the documents have been looked at. */
  async offerQuotes() {
    const {quotesOffer} = await import("./turn_quotes.js");
    const offer = await quotesOffer(this.turn);
    if (offer) this.element.querySelector(".ended")?.append(offer);
  }

  leave() { this.voice?.stop(); }

  complain(sentence) {
    this.problem.replaceChildren(...sentence ? [icon("alert"), h("span", {}, sentence)] : []);
    this.problem.hidden = !sentence;
  }

  // How it came about ------------------------------------------------------------------------------------

  error() {
    const {error, canGoOn, room} = this.turn, stopped = this.turn.end?.finish_reason === "stopped", cut = this.turn.end?.finish_reason === "length";
    if (!error && !stopped && !cut) return null;
    const again = h("button", {type: "button", class: "plain", onclick: () => this.again()}, icon("again"), t("try_again"));
    const goOn = h("button", {type: "button", class: "plain", onclick: () => room.transcript.resume(this.turn)}, icon("forward"), t("continue_answer"));
    return h("div", {class: `ended ${error ? "problem" : ""}`}, icon(error ? "alert" : stopped ? "stop" : "cut"),
      h("p", {}, error ? explain(error) : t(stopped ? "stopped" : "cut_off")), canGoOn ? goOn : again);
  }

  notes() {
    const {notes, dropped_messages} = this.turn.end ?? {};
    return (notes ?? []).filter(note => settings.texts[`note.${note}`]).map(note => h("p", {class: "note"}, t(`note.${note}`, {dropped_messages})));
  }

  facts() {
    const {end, figures} = this.turn, {kind} = end ?? {};
    const how = (kind === "quoted" && figures.rung !== "quoted") || kind === "refused" ? h("span", {class: `badge ${kind}`}, t(this.turn.model === "answer-from-data" ? `kind_${kind}_data` : `kind_${kind}`)) : null;
    const rows = this.figures();
    const card = rows.length ? h("div", {class: "facts-card", role: "tooltip"}, h("dl", {}, rows.flatMap(([name, value]) => [h("dt", {}, t(name)), h("dd", {}, value)]))) : null;
    const took = figures.total_ms == null ? null : t("seconds", {seconds: number.format(Math.max(.1, figures.total_ms / 1000))});
    const {cost} = figures, short = took && [this.writer(), took, cost ? aboutMoney(cost) : null].filter(Boolean).join(" · ");
    const label = rows.map(([name, value]) => `${t(name)}: ${value}`).join(", ");
    return h("div", {class: "facts"}, this.way(), how, short ? h("button", {type: "button", class: "took", "aria-label": label}, short, card) : null);
  }

  /** Who answered, where that was not the model that was asked for. */
  way() {
    const {rung, answered_as, served_by} = this.turn.figures;
    if (served_by?.startsWith(CLOUD)) return h("span", {class: "badge cloud"}, icon("cloud"), t("kind_cloud", {name: answered_as || served_by.slice(CLOUD.length)}));
    return rung === "smaller" || rung === "quoted" ? h("span", {class: `badge ${rung}`}, t(`rung_${rung}`, {name: answered_as})) : null;
  }

  /** The model, where it was asked for by its name. */
  writer() {
    const {model, room} = this.turn, writers = room.composer.choices?.writers ?? [];
    return writers.some(({id}) => id === model) ? model : null;
  }

  figures() {
    const {end, citations, figures: {first_token_ms, total_ms, usage, served_by, rung, cost}} = this.turn;
    const seconds = ms => t("seconds", {seconds: number.format(Math.max(.1, ms / 1000))});
    const written = usage?.completion_tokens, writing_ms = total_ms - (first_token_ms ?? 0);
    const model = end?.model || this.turn.model, by = served_by?.split(":").slice(1).join(":");
    return [
      model ? ["fact_model", this.turn.room.composer.choices?.nameOf?.(model) ?? model] : null,
      end?.pipeline ? ["fact_pipeline", end.pipeline] : null,
      by && by !== model && by !== "documents" ? ["fact_engine", by] : null,
      rung === "elsewhere" ? ["fact_way", t("rung_elsewhere")] : null,
      first_token_ms == null ? null : ["fact_first", seconds(first_token_ms)],
      total_ms == null ? null : ["fact_total", seconds(total_ms)],
      written ? ["fact_tokens", `${number.format(usage.prompt_tokens)} + ${number.format(written)}`] : null,
      written && writing_ms > 0 ? ["fact_rate", t("tokens_per_second", {rate: number.format(rounded(written / writing_ms * 1000))})] : null,
      citations.length ? ["fact_sources", number.format(citations.length)] : null,
      cost ? ["fact_cost", money(cost.amount, cost.currency)] : null,
    ].filter(Boolean);
  }

  // What can be done -------------------------------------------------------------------------------------

  deeds() {
    const {turn} = this, hasText = turn.blocks.hasText;
    const searched = turn.model !== "answer-from-data" && (turn.citations.length > 0 || ["quoted", "refused"].includes(turn.end?.kind) || turn.model === "answer-with-sources");
    this.up = this.deed("up", "good_answer", () => this.rate("up"));
    this.down = this.deed("down", "bad_answer", () => this.rate("down"));
    this.listen = hasText && "speechSynthesis" in window ? this.deed("speaker", "read_aloud", () => this.readAloud()) : null;
    this.showRating();
    return [
      hasText ? copyButton(t("copy_answer"), () => this.markdown()) : null, this.listen, this.up, this.down,
      this.deed("again", "answer_again", event => this.chooseAgain(event)),
      searched || turn.end?.pipeline ? this.deed("steps", "show_trace", event => this.toggleTrace(event.currentTarget)) : null,
    ];
  }

  deed(name, label, onclick) {
    return h("button", {class: `quiet ${name}`, type: "button", title: t(label), "aria-label": t(label), onclick}, icon(name));
  }

  /** The answer as Markdown, its sources below it. */
  async markdown() {
    const {turn} = this;
    if (turn.markdown === null) {
      const {turns} = await call(`/api/conversations/${turn.room.conversationId}?limit=20`);
      turn.markdown = turns.find(({id}) => id === turn.id)?.answer ?? null;
    }
    const sources = turn.citations.map(one => `[${one.index}] ${one.filename}${place(one) ? `, ${place(one)}` : ""}`);
    return [(turn.markdown ?? turn.blocks.text).trim(), [...new Set(sources)].join("\n")].filter(Boolean).join("\n\n");
  }

  async readAloud() {
    this.voice ??= new (await import("./reading_aloud.js")).Voice(isOn => {
      this.listen.replaceChildren(icon(isOn ? "stop" : "speaker"));
      this.listen.classList.toggle("on", isOn);
      this.listen.title = t(isOn ? "read_stop" : "read_aloud");
      this.listen.setAttribute("aria-label", this.listen.title);
    });
    if (!await this.voice.toggle(this.turn.blocks.element)) this.complain(t("no_voice"));
  }

  again(model) { this.turn.room.transcript.rerun(this.turn, model ? {model} : {}); }

  /** With one model there is nothing to choose. */
  async chooseAgain({currentTarget}) {
    const options = await this.turn.room.composer.choices.modelOptions().catch(() => []);
    if (options.length < 2) return this.again();
    const {showMenu} = await import("./turn_menu.js");
    showMenu(currentTarget, t("answer_again"), [{label: t("again_same"), deed: () => this.again()},
      ...options.filter(({value}) => value !== this.turn.model).map(({value, label}) => ({label: t("again_with", {model: label}), deed: () => this.again(value)}))]);
  }

  async toggleTrace(button) {
    if (this.trace) {
      this.trace.remove();
      this.trace = null;
      return button.setAttribute("aria-expanded", "false");
    }
    const {showTrace} = await import("./turn_trace.js");
    this.trace = showTrace(this.turn);
    this.more.append(this.trace);
    setTimeout(() => this.trace?.scrollIntoView({block: "nearest"}), 120);
    button.setAttribute("aria-expanded", "true");
  }

  // What somebody thinks of it ---------------------------------------------------------------------------

  showRating() {
    const rating = this.turn.feedback?.rating;
    this.up.setAttribute("aria-pressed", String(rating === "up"));
    this.down.setAttribute("aria-pressed", String(rating === "down"));
  }

  async rate(rating) {
    const {turn} = this, before = turn.feedback, isSame = before?.rating === rating;
    this.form?.remove();
    turn.feedback = isSame ? null : {rating, reason: null, comment: null};
    this.showRating();
    this.complain("");
    try {
      await call(`/api/turns/${turn.id}/feedback`, isSame ? {method: "DELETE"} : {method: "PUT", body: {rating}});
    } catch (error) {
      turn.feedback = before;
      this.showRating();
      return turn.complain(error);
    }
    if (isSame) return;
    const {feedbackForm} = await import("./turn_feedback.js");
    this.form = feedbackForm(turn);
    this.more.prepend(this.form);
    if (rating === "up" && turn.tables.some(one => !one.saved_question_id)) this.offerSaving();
    this.form.scrollIntoView({block: "nearest"});
  }

  /** What was good may be asked again. */
  async offerSaving() {
    const {say} = await import("./turn_table_words.js"), form = this.form;
    const save = h("button", {type: "button", class: "plain", onclick: async () => {
      const {saveQuestion} = await import("./turn_table_save.js");
      saveQuestion(this.turn.tables.find(one => !one.saved_question_id), () => form.replaceChildren(h("p", {class: "thanks", role: "status"}, icon("check"), say("saved")))).catch(error => this.turn.complain(error));
    }}, icon("pin"), say("save"));
    form.append(h("div", {class: "data-offer"}, save));
  }

  // Versions ---------------------------------------------------------------------------------------------

  versions() {
    const {index, count, ids} = this.turn.version;
    if (count < 2) return null;
    const step = (name, label, to) => h("button", {class: "quiet", type: "button", title: t(label), "aria-label": t(label), disabled: to < 1 || to > count,
      onclick: () => this.turn.room.transcript.showVersion(this.turn, ids[to - 1])}, icon(name));
    return h("div", {class: "versions", role: "group", "aria-label": t("versions")}, step("left", "version_before", index - 1),
      h("span", {}, t("version_of", {index, count})), step("right", "version_after", index + 1));
  }
}
