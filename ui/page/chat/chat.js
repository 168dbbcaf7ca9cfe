// <chat-transcript>: joins the conversations, the answers as they grow, the passage beside them and the question box.
// It stands in the page before Gradio does and is moved into Gradio's column later, so nothing is torn down on disconnect.
import {listen} from "../conversations/shortcuts.js";
import {Sidebar} from "../conversations/sidebar.js";
import {sidebarLook} from "../conversations/sidebar_look.js";
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {explain, language, t} from "../shell/settings.js";
import {ChatHead} from "./chat_head.js";
import {BudgetLine} from "../shell/budgets_view.js";
import {SlowLine} from "../shell/watchdog.js";
import {chatLook} from "./chat_look.js";
import {Composer} from "./composer.js";
import {composerLook} from "./composer_look.js";
import {PassagePanel} from "./passage.js";
import {Starters} from "./starters.js";
import {Transcript} from "./transcript.js";
import {TurnView} from "./turn.js";
import {turnLook} from "./turn_look.js";

class ChatTranscript extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    this.attachShadow({mode: "open"}).adoptedStyleSheets = [chatLook, turnLook, composerLook, sidebarLook];
    this.conversationId = null;
    this.isTemporary = false;
    this.room = h("div", {class: "room"});
    this.transcript = new Transcript(this);
    this.passage = new PassagePanel(() => this.room.classList.remove("with-passage"));
    this.composer = new Composer(this);
    this.starters = new Starters(this.composer);
    this.scroller = h("div", {class: "scroll"}, this.starters.element, this.transcript.element);
    this.announcement = h("p", {class: "announcement", role: "status"});
    this.head = new ChatHead(this);
    this.talk = h("section", {class: "talk"}, this.head.element, new SlowLine().element, new BudgetLine().element, this.scroller, this.composer.element, h("div", {class: "drop-here", "aria-hidden": "true"}, icon("upload"), h("p", {}, t("drop_into_chat"))));
    this.sidebar = new Sidebar({element: this.room, talk: this.talk, goTo: id => this.goTo(id), onSidebar: isOpen => this.head.showTools(!isOpen), onConversations: known => this.onConversations(known)});
    this.room.append(h("div", {class: "veil", onclick: () => this.sidebar.toggle(false)}), this.sidebar.element, this.talk, this.passage.element, this.announcement);
    this.shadowRoot.append(this.room);
    this.sidebar.toggle(this.sidebar.shouldOpen());
    addEventListener("popstate", () => this.restore());
    document.addEventListener("visibilitychange", () => this.head.looked());
    this.listenToKeys();
    this.restore();
    this.starters.refresh();
    this.sidebar.remindOfDeleted();
    this.composer.ready();
  }

  // What the address says --------------------------------------------------------------------------------

  async restore() {
    const id = location.pathname.match(/^\/c\/([0-9a-f-]{36})$/)?.[1] ?? null;
    this.clear();
    this.conversationId = id;
    this.isTemporary = false;
    this.toldTurn = null;
    this.composer.show(id);
    this.starters.element.hidden = Boolean(id);
    this.starters.showTemporary(false);
    this.head.show({});
    this.refreshSidebar();
    this.composer.meter.refresh(this.composer.choices.model);
    if (id) await this.open(id);
  }

  async open(id) {
    try {
      const conversation = await this.transcript.open(id);
      if (this.conversationId !== id) return;
      this.isTemporary = Boolean(conversation?.temporary);
      this.head.show(conversation ?? {});
      this.starters.element.hidden = Boolean(this.transcript.last);
      this.composer.choices.continueWith(conversation?.turns?.at(-1)?.model);
      this.composer.setRunning(this.transcript.isRunning);
    } catch (error) {
      if (this.conversationId !== id) return;
      const sentence = error.status === 404 ? t("conversation_gone") : error instanceof TypeError ? t("connection_lost") : explain(error);
      this.transcript.articles.replaceChildren(h("p", {class: "hint gone"}, sentence));
    }
  }

  /** This chat's id; a chat that begins with a file is made for it. */
  async conversation() {
    if (this.conversationId) return this.conversationId;
    const body = this.isTemporary ? {temporary: true} : {};
    this.making ??= call("/api/conversations", {method: "POST", body}).finally(() => { this.making = null; });
    const {id} = await this.making;
    this.became(id);
    return id;
  }

  // What was a new chat has an address now.
  became(id) {
    if (this.conversationId) return;
    this.conversationId = id;
    this.composer.became(id);
    this.head.show({});
    history.pushState(null, "", `/c/${id}`);
    this.refreshSidebar();
  }

  async goTo(id) {
    if (!this.checkVisibility()) {
      document.getElementById("tab-ask-button")?.click();
      await new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn)));   // what is hidden takes no focus
    }
    if (id !== this.conversationId || !id) {
      history.pushState(null, "", id ? `/c/${id}` : "/");
      this.restore();
    }
    this.sidebar.leave();
    this.composer.ready();
  }

  clear() {
    this.transcript.clear();
    this.passage.close();
    this.composer.setRunning(false);
    this.composer.files.show(null);
  }

  add(turn) {
    this.transcript.add(turn);
    this.starters.element.hidden = true;
  }

  // Asking ---------------------------------------------------------------------------------------------

  /** taken: what the question box gives away and gets back where the question cannot be sent. */
  async ask({question, model, vector_store_ids, files}, taken) {
    const chat = this.conversationId, turn = new TurnView({question, files, model}, this);
    turn.element.classList.add("fresh");
    turn.element.addEventListener("animationend", () => turn.element.classList.remove("fresh"), {once: true});   // not again whenever it is shown again
    this.add(turn);
    this.composer.setRunning(true);
    this.passage.close();
    this.transcript.keepEnd();
    try {
      const body = {question, model, vector_store_ids, language, conversation_id: chat ?? undefined, ...chat || !this.isTemporary ? {} : {temporary: true}};
      const begun = await call("/api/turns", {method: "POST", body});
      if (this.transcript.turns.includes(turn)) {
        this.became(begun.conversation_id);
        turn.started(begun.id);
      }
      this.refreshSidebar();
    } catch (error) {
      this.takeBack(turn, taken, error instanceof TypeError ? t("not_sent_connection") : explain(error));
      if (error.code === "answer_in_progress" && chat === this.conversationId) await this.open(chat);   // asked elsewhere: shown here too
    }
  }

  takeBack(turn, taken, sentence) {
    if (!this.transcript.turns.includes(turn)) return this.composer.keepFor(taken);    // another chat is shown by now
    turn.leave();
    turn.element.remove();
    this.transcript.turns.splice(this.transcript.turns.indexOf(turn), 1);
    this.starters.element.hidden = Boolean(this.conversationId || this.transcript.last);
    this.composer.setRunning(this.transcript.isRunning);
    this.composer.giveBack(taken, sentence);
  }

  async stop() {
    const turn = this.transcript.last;
    if (turn?.id) await call(`/api/turns/${turn.id}/stop`, {method: "POST"}).catch(() => {});
  }

  turnEnded(turn, kind) {
    if (turn !== this.transcript.last) return;
    this.announcement.textContent = kind === "done" ? t("announce_done") : "";
    this.head.answered();
    this.composer.answered(kind);
    this.composer.meter.refresh(this.composer.choices.model);
    this.looked().finally(() => this.refreshSidebar());
  }

  // Around it ------------------------------------------------------------------------------------------

  openSource(citation, opener) {
    this.room.classList.add("with-passage");
    this.passage.show(citation, opener);
  }

  /** Whoever looks at a chat has read it; a page in the background has read nothing. */
  async looked() {
    this.head.looked();
    if (!document.hidden && this.conversationId && !this.isTemporary) await this.sidebar.known.change(this.conversationId, {read: true}).catch(() => {});
  }

  // Asked on another device, it is shown here too: when what the server names last changes to a turn that is not here.
  onConversations(known) {
    const mine = known.get(this.conversationId), told = this.toldTurn;
    if (!mine) return;
    this.head.show(mine);
    if (mine.unread && !document.hidden && !this.composer.isRunning && !mine.read) this.looked();
    this.toldTurn = mine.current_turn_id;
    if (!told || told === this.toldTurn || this.composer.isRunning || this.transcript.turns.some(({id}) => !id || id === this.toldTurn)) return;
    this.open(this.conversationId);
  }

  refreshSidebar() { return this.sidebar.refresh(this.conversationId).catch(() => {}); }

  listenToKeys() {
    const isShown = () => this.checkVisibility();
    listen({
      search: () => { this.sidebar.search(); },
      new_chat: () => { this.goTo(null); },
      sidebar: () => isShown() && (this.sidebar.toggle(undefined, {byPerson: true}), true),
      question: () => isShown() && (this.composer.focus(), true),
      keys: () => { this.sidebar.showKeys(); },
      stop: areOn => isShown() && this.onEscape(areOn),
    });
  }

  /** One thing at a time, the nearest first; stopping an answer only where the keys are switched on. */
  onEscape(areOn) {
    if (this.passage.isOpen) this.passage.close();
    else if (this.sidebar.isOpen && this.sidebar.narrow.matches) this.sidebar.toggle(false);
    else if (!this.composer.waiting.hidden) this.composer.wait(false);
    else if (this.composer.isRunning && areOn) this.stop();
    else return false;
    return true;
  }
}

customElements.define("chat-transcript", ChatTranscript);
