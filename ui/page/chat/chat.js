// <chat-transcript>: the question box, the answers as they grow, the passage beside them, the conversations so far.
// It stands in the page before Gradio does and is moved into Gradio's column later, so nothing is torn down on disconnect.
import {call} from "../shell/api.js";
import {chatLook} from "./chat_look.js";
import {Composer} from "./composer.js";
import {h, icon} from "../shell/dom.js";
import {PassagePanel} from "./passage.js";
import {PastConversations} from "../conversations/past.js";
import {explain, language, t} from "../shell/settings.js";
import {Transcript} from "./transcript.js";
import {TurnView} from "./turn.js";

class ChatTranscript extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    this.attachShadow({mode: "open"}).adoptedStyleSheets = [chatLook];
    this.conversationId = null;
    this.transcript = new Transcript(this);
    this.past = new PastConversations(this);
    this.passage = new PassagePanel(() => this.room.classList.remove("with-passage"));
    this.composer = new Composer(this);
    this.welcome = h("section", {class: "welcome"}, h("h1", {}, t("ask_title")), h("p", {}, t("ask_lead")), h("ul", {class: "suggestions", "aria-label": t("suggestions")}));
    this.scroller = h("div", {class: "scroll"}, this.welcome, this.transcript.element);
    this.announcement = h("p", {class: "announcement", role: "status"});
    const drawer = h("button", {class: "quiet drawer", type: "button", "aria-label": t("show_past"), title: t("show_past"), onclick: () => this.togglePast()}, icon("menu"));
    this.room = h("div", {class: "room"}, h("div", {class: "veil", onclick: () => this.togglePast(false)}), this.past.element,
      h("section", {class: "talk"}, drawer, this.scroller, this.composer.element), this.passage.element, this.announcement);
    this.shadowRoot.append(this.room);
    addEventListener("popstate", () => this.restore());
    this.addEventListener("keydown", event => event.key === "Escape" && this.onEscape());
    this.restore();
    this.showSuggestions();
    this.refreshAround();
    this.composer.focus();
  }

  // What the address says --------------------------------------------------------------------------------

  async restore() {
    const id = location.pathname.match(/^\/c\/([0-9a-f-]{36})$/)?.[1] ?? null;
    this.clear();
    this.conversationId = id;
    this.welcome.hidden = Boolean(id);
    if (!id) return this.refreshPast();
    try {
      await this.transcript.open(id);
      if (this.conversationId !== id) return;
      this.welcome.hidden = Boolean(this.transcript.last);
      this.composer.setRunning(this.transcript.isRunning);
    } catch (error) {
      this.transcript.articles.replaceChildren(h("p", {class: "hint"}, error.status === 404 ? t("conversation_gone") : explain(error)));
    }
    this.refreshPast();
  }

  /** This chat's id; a chat that begins with a file is made for it. */
  async conversation() {
    if (this.conversationId) return this.conversationId;
    this.making ??= call("/api/conversations", {method: "POST", body: {}}).finally(() => { this.making = null; });
    const {id} = await this.making;
    if (!this.conversationId) {
      this.conversationId = id;
      history.pushState(null, "", `/c/${id}`);
      this.refreshPast();
    }
    return id;
  }

  goTo(id) {
    history.pushState(null, "", id ? `/c/${id}` : "/");
    this.togglePast(false);
    this.restore();
    this.composer.focus();
  }

  clear() {
    this.transcript.clear();
    this.passage.close();
    this.composer.setRunning(false);
    this.composer.files.show(null);
  }

  add(turn) {
    this.transcript.add(turn);
    this.welcome.hidden = true;
  }

  // Asking ---------------------------------------------------------------------------------------------

  async ask({question, model, vector_store_ids, files}) {
    const turn = new TurnView({question, files}, this);
    this.add(turn);
    this.composer.setRunning(true);
    this.passage.close();
    this.transcript.keepEnd();
    try {
      const body = {question, model, vector_store_ids, language, conversation_id: this.conversationId ?? undefined};
      const begun = await call("/api/turns", {method: "POST", body});
      if (!this.transcript.turns.includes(turn)) return;
      if (!this.conversationId) {
        this.conversationId = begun.conversation_id;
        history.pushState(null, "", `/c/${begun.conversation_id}`);
      }
      turn.started(begun.id);
      this.refreshPast();
    } catch (error) {
      turn.fail(error instanceof TypeError ? {message: t("connection_lost")} : error);
    }
  }

  askAgain(turn) {
    if (!this.composer.isRunning) this.composer.submit(turn.question);
  }

  async stop() {
    const turn = this.transcript.last;
    if (turn?.id) await call(`/api/turns/${turn.id}/stop`, {method: "POST"}).catch(() => {});
  }

  turnEnded(turn, kind) {
    if (turn !== this.transcript.last) return;
    this.composer.setRunning(false);
    this.announcement.textContent = kind === "done" ? t("announce_done") : "";
  }

  // Around it ------------------------------------------------------------------------------------------

  openSource(citation, opener) {
    this.room.classList.add("with-passage");
    this.passage.show(citation, opener);
  }

  onEscape() {
    if (this.passage.isOpen) this.passage.close();
    else if (this.room.classList.contains("with-past")) this.togglePast(false);
    else if (this.composer.isRunning) this.stop();
  }

  togglePast(isOpen) { this.room.classList.toggle("with-past", isOpen); }

  async showSuggestions() {
    const {data} = await call("/api/suggestions").catch(() => ({data: []}));
    const pick = ({text}) => this.composer.isRunning || this.composer.submit(text);
    this.welcome.querySelector("ul").replaceChildren(...data.map(one =>
      h("li", {}, h("button", {type: "button", lang: one.language, onclick: () => pick(one)}, one.text))));
  }

  refreshPast() { return this.past.refresh(this.conversationId).catch(() => {}); }

  refreshAround() { return this.composer.refresh(); }
}

customElements.define("chat-transcript", ChatTranscript);
