// What was just done, with a button that takes it back, for as long as that is possible. Loaded with the first of them.
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const DELETED = "deleted", TOLD_MS = 8000, MOST = 3, LEAST_MS = 5000, UNDO_MS = 120_000;

export class UndoToasts {
  constructor() { this.element = h("div", {class: "toasts", role: "status"}); }

  say(sentence) { return this.offer(sentence, null, TOLD_MS); }

  /** undo(): called at most once. ms: how long it is offered. */
  offer(sentence, label, ms, undo, onEnd) {
    const end = () => { clearTimeout(timer); toast.remove(); onEnd?.(); };
    const toast = h("div", {class: "toast"}, h("span", {}, sentence),
      label ? h("button", {type: "button", class: "undo", onclick: () => { end(); undo(); }}, label) : null,
      h("button", {type: "button", class: "quiet", "aria-label": t("close"), title: t("close"), onclick: () => end()}, icon("close")),
      h("span", {class: "time-left", "aria-hidden": "true"}));
    toast.lastElementChild.style.animationDuration = `${ms}ms`;
    const timer = setTimeout(end, ms);
    this.element.append(toast);
    while (this.element.childElementCount > MOST) this.element.firstElementChild.remove();
    return end;
  }

  /** deleted: {id, title, until}: a conversation that the server keeps until then. */
  offerUndo(deleted, undo) {
    keep([...kept(), deleted]);
    const left = new Date(deleted.until).getTime() - Date.now();
    const ms = Math.min(UNDO_MS, Math.max(LEAST_MS, Number.isFinite(left) ? left : UNDO_MS));
    this.offer(t("deleted_toast", {title: deleted.title}), t("undo"), ms, undo, () => keep(kept().filter(({id}) => id !== deleted.id)));
  }

  /** Offer again what a reload has cut off. undo(id). */
  remind(undo) {
    const open = kept().filter(({until}) => new Date(until).getTime() > Date.now() + LEAST_MS);
    keep([]);
    for (const deleted of open) this.offerUndo(deleted, () => undo(deleted.id));
  }
}

function kept() { try { return JSON.parse(sessionStorage.getItem(DELETED)) ?? []; } catch { return []; } }

function keep(deleted) {
  if (deleted.length) sessionStorage.setItem(DELETED, JSON.stringify(deleted)); else sessionStorage.removeItem(DELETED);
}
