// The questions and answers of one conversation: the last ones at first, earlier ones when somebody scrolls up to them.
// Only the answer that is being written changes; the others are static, and the browser skips those out of sight.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {language, t} from "../shell/settings.js";
import {loadParts, TurnView} from "./turn.js";

const PAGE = 30;
const NEAR_END_PX = 80;
const AHEAD = "600px";                                     // how far above the first turn earlier ones are asked for

export class Transcript {
  /** room: the chat, with conversationId, composer, openSource, turnEnded. scroller: the element that scrolls. */
  constructor(room) {
    this.room = room;
    this.turns = [];
    this.earlier = h("p", {class: "hint earlier", hidden: true}, t("earlier_turns"));
    this.articles = h("div", {role: "log", "aria-live": "off"});
    this.element = h("div", {class: "turns"}, this.earlier, this.articles);
    this.watcher = null;
  }

  get last() { return this.turns.at(-1); }

  get isRunning() { return this.last?.isRunning ?? false; }

  get scroller() { return this.room.scroller; }

  clear() {
    for (const turn of this.turns) turn.leave();
    this.turns = [];
    this.loading = null;
    this.earlier.hidden = true;
    this.articles.replaceChildren();
  }

  /** Show the end of a conversation as it is now; returns it. Throws Refusal. */
  async open(id) {
    const [conversation] = await Promise.all([call(`/api/conversations/${id}?limit=${PAGE}`), loadParts()]);
    if (this.room.conversationId !== id) return null;
    await this.room.composer.files.show(id);
    if (this.room.conversationId !== id) return null;
    this.show(conversation);
    this.keepEnd();
    return conversation;
  }

  show(conversation) {
    this.clear();
    for (const turn of this.viewsOf(conversation.turns)) this.add(turn);
    this.expectEarlier(conversation.has_more);
  }

  add(turn) {
    this.turns.push(turn);
    this.articles.append(turn.element);
  }

  viewsOf(turns, before) {
    return turns.map((turn, index) => new TurnView({...turn, files: this.filesBetween(turns[index - 1] ?? before, turn)}, this.room));
  }

  // What was added to the chat after the question before this one.
  filesBetween(before, turn) {
    const asked = one => one ? new Date(one.created_at) : 0;
    const from = asked(before), until = asked(turn);
    return this.room.composer.files.files.filter(({created_at}) => new Date(created_at) < until && new Date(created_at) >= from).map(({filename}) => filename);
  }

  // Earlier turns ---------------------------------------------------------------------------------------

  expectEarlier(hasMore) {
    this.earlier.hidden = !hasMore;
    this.watcher ??= new IntersectionObserver(seen => seen.some(one => one.isIntersecting) && this.loadEarlier(),
      {root: this.scroller, rootMargin: `${AHEAD} 0px 0px`});
    this.watcher.disconnect();
    if (hasMore) this.watcher.observe(this.earlier);
  }

  async loadEarlier() {
    const first = this.turns[0];
    if (this.loading || !first?.id) return;
    const loading = this.loading = {};
    try {
      const id = this.room.conversationId;
      const page = await call(`/api/conversations/${id}?limit=${PAGE}&before=${first.id}`);
      if (this.loading !== loading) return;
      this.putBefore(this.viewsOf(page.turns));
      this.expectEarlier(page.has_more);
    } catch {
      this.expectEarlier(false);                           // the next opening of this chat asks again
    } finally {
      if (this.loading === loading) this.loading = null;
    }
  }

  // What somebody reads stays where it is, whatever grows above it.
  putBefore(turns) {
    const anchor = this.turns[0].element, top = anchor.getBoundingClientRect().top;
    this.articles.prepend(...turns.map(turn => turn.element));
    this.turns.unshift(...turns);
    this.scroller.scrollTop += anchor.getBoundingClientRect().top - top;
  }

  // Other versions of a turn ----------------------------------------------------------------------------

  /** Ask again, with another question or of another model; what followed belongs to the version before. */
  rerun(turn, changes = {}) {
    return this.begin(turn, `/api/turns/${turn.id}/versions`, {language, ...changes}, {question: changes.question ?? turn.question, model: changes.model ?? turn.model});
  }

  /** Go on with an answer that broke off, in a version beside it that begins with what there is. */
  resume(turn) { return this.begin(turn, `/api/turns/${turn.id}/continue`, undefined, {question: turn.question, model: turn.model}); }

  async begin(turn, path, body, shown) {
    if (this.isRunning || !turn.id) return;
    const ids = [...turn.version.ids, null], {composer, passage} = this.room;
    const view = new TurnView({...shown, files: turn.files, version: {index: ids.length, count: ids.length, ids}}, this.room);
    const replaced = this.replaceFrom(turn, [view]);
    composer.setRunning(true);
    passage.close();
    view.element.scrollIntoView({block: "nearest"});
    try {
      const begun = await call(path, {method: "POST", body});
      if (!this.turns.includes(view)) return;
      view.started(begun.id);
      this.room.refreshSidebar();
    } catch (error) {
      if (!this.turns.includes(view)) return;
      this.replaceFrom(view, replaced);
      composer.setRunning(false);
      turn.complain(error);
    }
  }

  /** Put others in the place of a turn and of all that follows it; returns those. */
  replaceFrom(turn, others) {
    const replaced = this.turns.splice(this.turns.indexOf(turn));
    for (const one of replaced) {
      one.leave();
      one.element.remove();
    }
    for (const one of others) this.add(one);
    return replaced;
  }

  /** Show another version of a turn, and what followed that one; it stays where it was on the screen. */
  async showVersion(turn, id) {
    if (this.isRunning) return;
    const chat = this.room.conversationId, top = turn.element.getBoundingClientRect().top;
    try {
      await call(`/api/conversations/${chat}`, {method: "PATCH", body: {current_turn_id: id}});
      const conversation = await call(`/api/conversations/${chat}?limit=${PAGE}`);
      if (this.room.conversationId !== chat) return;
      this.show(conversation);
      let shown;
      while (!(shown = this.turns.find(one => one.id === id)) && !this.earlier.hidden) await this.loadEarlier();
      if (shown) this.scroller.scrollTop += shown.element.getBoundingClientRect().top - top;
      shown?.element.querySelector(".versions button:not(:disabled)")?.focus({preventScroll: true});
      this.room.composer.setRunning(this.isRunning);
    } catch (error) { turn.complain(error); }
  }

  // Its end ----------------------------------------------------------------------------------------------

  isNearEnd() { return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < NEAR_END_PX; }

  keepEnd() { this.scroller.scrollTop = this.scroller.scrollHeight; }

  /** Where an ended answer is left: at its end, to which it was followed; one that came all at once, where it begins. */
  keepEnded(turn) {
    this.keepEnd();
    const over = this.scroller.getBoundingClientRect().top - turn.element.getBoundingClientRect().top;
    if (turn.end?.kind === "quoted" && over > 0) this.scroller.scrollTop -= over;
  }
}
