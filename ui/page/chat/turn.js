// One question and its answer as it grows. What only a finished answer has – sources, deeds, figures – is loaded then.
import {follow} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {explain, number, t} from "../shell/settings.js";
import {TurnBlocks} from "./turn_blocks.js";

const SOURCES = "answer-with-sources";
const CAN_GO_ON = ["stopped", "length"];
let loading = null, parts = null;

/** What finished answers are drawn with. */
export function loadParts() {
  loading ??= Promise.all([import("./turn_sources.js"), import("./turn_footer.js"), import("./turn_tools.js"), import("./turn_consent.js")])
    .then(modules => { parts = Object.assign({}, ...modules); return parts; });
  return loading;
}

export class TurnView {
  /** turn: as /api/conversations/ID has them, and files (names); room: {openSource, turnEnded, transcript, composer}. */
  constructor(turn, room) {
    this.room = room;
    this.id = turn.id;
    this.createdAt = turn.created_at;
    this.question = turn.question;
    this.files = turn.files ?? [];
    this.model = turn.model;
    this.markdown = turn.answer ?? null;                     // null: written while this page looks on
    this.version = turn.version ?? {index: 1, count: 1, ids: [turn.id]};
    this.feedback = turn.feedback ?? null;
    this.citations = [];
    this.tools = turn.tools ?? [];
    this.tables = turn.tables ?? [];
    this.results = h("div", {});                              // rows of the company's tables
    this.status = h("p", {class: "status"});
    this.blocks = new TurnBlocks();
    this.answer = h("div", {class: "answer", "aria-label": t("answer"), role: "group"}, this.blocks.thoughts, this.status, this.blocks.element, this.results);
    this.bubble = h("div", {class: "question", "aria-label": t("you_asked"), role: "group"}, h("p", {}, turn.question));
    this.asked = h("div", {class: "asked"}, this.bubble);
    const attached = this.files.map(name => h("li", {class: "file"}, icon("document"), h("span", {class: "file-name"}, name)));
    this.element = h("article", {}, attached.length ? h("ul", {class: "asked-files", "aria-label": t("attached")}, attached) : null, this.asked, this.answer);
    for (const [slot, html] of (turn.blocks ?? []).entries()) this.blocks.show({slot, html, is_final: true});
    if (this.tables.length) this.showTables();
    if (turn.done || turn.error) this.finish(turn);
    else this.begin(turn.seq ?? 0);
    if (this.isRunning && turn.consent) this.showProgress(turn.consent);
  }

  get startedSentence() { return t((this.model ?? SOURCES) === SOURCES ? "status_started" : "status_asked"); }

  get isRunning() { return Boolean(this.stopFollowing); }

  /** Whether there is text that could be gone on with. */
  get canGoOn() { return !this.isRunning && this.blocks.hasText && (Boolean(this.error) || CAN_GO_ON.includes(this.end?.finish_reason)); }

  // As it is written -----------------------------------------------------------------------------------

  begin(after) {
    this.answer.classList.add("running");
    this.showStatus(this.blocks.hasText ? "" : this.startedSentence);
    this.stopFollowing = this.id ? follow(this.id, after, (kind, data) => this.take(kind, data), () => this.showStatus(t("status_resumed"))) : () => {};
    loadParts();                                             // they will be needed at its end
  }

  started(id) {
    this.id = id;
    this.version.ids[this.version.index - 1] = id;
    this.createdAt ??= new Date().toISOString();
    this.begin(0);
  }

  leave() { this.stopFollowing?.(); this.stopFollowing = null; this.footer?.leave(); }

  take(kind, data) {
    const keepEnd = this.room.transcript.isNearEnd();
    if (kind !== "status") this.consent?.remove();
    if (kind === "status") this.showProgress(data);
    if (kind === "block") this.showBlock(data);
    if (kind === "tool") this.tools.push(data);
    if (kind === "table") { this.tables = [...this.tables.filter(({id}) => id !== data.id), data]; this.showTables(); }
    if (kind === "citations") this.citations = data.citations;
    if (kind === "done" || kind === "error") this.finish({citations: this.citations, [kind]: data}, keepEnd);
    if (!keepEnd) return;
    if (this.isRunning) this.room.transcript.keepEnd(); else this.room.transcript.keepEnded(this);
  }

  async showTables() {
    const {dataTables, turnTableLook} = await import("./turn_table.js"), keepEnd = this.room.transcript.isNearEnd();
    this.dress(turnTableLook);
    this.results.replaceChildren(dataTables(this.tables));
    if (keepEnd) this.room.transcript.keepEnd();
  }

  showStatus(sentence) {
    if (this.status.textContent !== sentence) this.status.replaceChildren(h("span", {}, sentence));
    this.status.hidden = !sentence;
  }

  /** A call that waits for a yes; the card goes with the next word of progress. */
  async askConsent(asked) {
    this.showStatus(t("status_consent"));
    const {consentCard, consentLook} = await import("./turn_consent.js");
    if (!this.isRunning || this.asking !== asked.ask_id) return;
    this.consent = consentCard(asked);
    this.dress(consentLook);
    this.status.after(this.consent);
    this.room.transcript.keepEnd();
  }

  /** How something looks that few answers have. */
  dress(look) {
    const root = this.room.shadowRoot;
    if (root && !root.adoptedStyleSheets.includes(look)) root.adoptedStyleSheets.push(look);
  }

  showProgress(progress) {
    this.consent?.remove();
    this.asking = progress.state === "consent" ? progress.ask_id : null;
    if (this.asking) return this.askConsent(progress);
    return this.showStep(progress);
  }

  showStep({state, position, eta_s, loading, trying, found, done, total, filename, name}) {
    if (state === "calling") return this.showStatus(t("status_calling", {name: filename}));
    if (state === "trying") return this.showStatus(t(`trying_${trying}`));
    if (state === "reading") return this.showStatus(t("status_reading", {filename, percent: done}));
    if (state === "step") return this.showStatus(t("status_step", {name: name.replaceAll("_", " "), done, total}));
    if (state === "querying") return this.showStatus(filename ? t("status_querying", {name: filename}) : t("status_choosing_tables"));
    if (state === "repairing") return this.showStatus(t("status_repairing"));
    if (state === "summarising") return this.showStatus(t("status_summarising", {done, total}));
    if (state === "queued" && loading) return this.showLoading(loading, eta_s);
    if (state === "queued") return this.showPlace(position, eta_s);
    if (state === "searched" && found) this.showStatus(t(found === 1 ? "status_searched_one" : "status_searched", {found}));
    else this.showStatus(this.startedSentence);
  }

  showLoading(model, eta_s) {
    const eta = eta_s == null ? null : number.format(Math.max(1, Math.round(eta_s)));
    this.showStatus(eta == null ? t("status_loading", {model}) : t("status_loading_eta", {model, eta}));
  }

  // The place is what counts: it stands out, and the time beside it is an estimate.
  showPlace(position, eta_s) {
    this.showStatus(eta_s == null ? t("status_queued", {position}) : t("status_queued_eta", {position, eta: number.format(Math.max(1, Math.round(eta_s)))}));
    this.status.prepend(h("b", {class: "place", "aria-hidden": "true"}, String(position)));
  }

  showBlock(block) {
    this.blocks.show(block);
    this.status.classList.toggle("small", this.blocks.hasText);
    if (this.isRunning && (this.blocks.hasText || this.blocks.isThinking)) this.showStatus("");
  }

  // Its end ----------------------------------------------------------------------------------------------

  /** turn: what the API has of it, or the last event. */
  finish(turn, keepEnd = false) {
    const wasRunning = this.isRunning;
    this.stopFollowing?.();
    this.stopFollowing = null;
    this.citations = turn.citations ?? this.citations;
    this.end = turn.done ?? null;
    this.error = turn.error ?? null;
    this.figures = {first_token_ms: turn.first_token_ms ?? this.end?.ttft_ms ?? null, total_ms: turn.total_ms ?? this.end?.total_ms ?? null,
      usage: turn.usage ?? this.end?.usage ?? null, served_by: turn.served_by || this.end?.served_by || null,
      rung: turn.rung || this.end?.rung || "", answered_as: turn.answered_as || this.end?.answered_as || "", cost: turn.cost ?? this.end?.cost ?? null};
    this.hasJustFailed = wasRunning && Boolean(this.error);
    this.showStatus("");
    this.consent?.remove();
    this.tools = turn.tools ?? this.tools;
    this.answer.classList.remove("running");
    this.blocks.end();
    if (parts) this.complete(parts);
    else loadParts().then(loaded => { this.complete(loaded); if (keepEnd) this.room.transcript.keepEnded(this); });
    if (wasRunning) this.room.turnEnded(this, this.end ? "done" : "error");
  }

  complete({TurnSources, TurnFooter, questionTools, toolBlocks, toolsCalled, consentLook}) {
    if (this.isRunning) return;
    this.sources?.element.remove();
    this.footer?.element.remove();
    toolBlocks(this.blocks.element);
    for (const mark of this.blocks.element.querySelectorAll("mark.unsupported")) mark.title = t("unsupported");
    this.sources = new TurnSources(this);
    this.footer = new TurnFooter(this);
    this.called?.remove();
    this.called = this.tools.length ? toolsCalled(this.tools) : null;
    if (this.called) this.dress(consentLook);
    this.answer.append(...this.called ? [this.called] : [], this.sources.element, this.footer.element);
    if (!this.bubble.nextSibling) this.asked.append(questionTools(this));
  }

  /** Something about this answer did not work; it stands below it until the next attempt. */
  complain(error) { this.footer?.complain(error instanceof TypeError ? t("connection_lost") : explain(error)); }
}
