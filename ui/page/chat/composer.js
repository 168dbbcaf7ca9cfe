// The question box: grows with its text, keeps a draft per chat over a reload, takes text and files that are pasted, lets
// one type on while an answer is written, and turns its button into Stop meanwhile.
import {Attachments} from "./attachments.js";
import {Choices} from "./composer_choices.js";
import {DictationButton} from "./composer_dictation.js";
import {Pastes} from "./composer_pastes.js";
import {ContextMeter} from "./context_meter.js";
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const DRAFT = "draft:", NEW = "new", MOST_CHARACTERS = 100_000, GROWS_ALONE = CSS.supports("field-sizing", "content");
const hasNoKeyboard = matchMedia("(pointer: coarse) and (not (any-pointer: fine))").matches;

export class Composer {
  /** room: an element with ask(request, taken), stop(), conversation(), conversationId. */
  constructor(room) {
    this.room = room;
    this.chat = null;                                          // until it is known which: nothing is kept or forgotten
    this.box = h("textarea", {rows: 1, "aria-label": t("question_label"), placeholder: t("question_placeholder"), enterkeyhint: hasNoKeyboard ? "enter" : "send",
      oninput: event => this.onInput(event), onkeydown: event => this.onKey(event), onpaste: event => this.onPaste(event), onblur: () => this.picker?.closeSoon()});
    this.button = h("button", {type: "submit", class: "send"});
    this.problem = h("p", {class: "problem send-problem", role: "alert", hidden: true});
    this.waiting = h("p", {class: "hint waiting", role: "status", hidden: true}, h("span", {}, t("waits_for_answer")),
      h("button", {type: "button", class: "link", onclick: () => { this.wait(false); this.focus(); }}, t("cancel")));
    this.files = new Attachments(room, () => this.element && this.changed());
    this.pastes = new Pastes(this);
    this.meter = new ContextMeter(room);
    this.choices = new Choices(this);
    this.dictation = new DictationButton(this);
    this.element = h("form", {class: "composer", onsubmit: event => this.onSubmit(event)},
      this.problem, this.waiting, this.files.list, this.pastes.element, this.box,
      h("div", {class: "row"}, this.files.button, this.files.input, this.choices.element, this.meter.element, this.dictation.button, this.button));
    this.setRunning(false);
  }

  get text() { return [this.box.value.trim(), ...this.pastes.texts].filter(Boolean).join("\n\n"); }

  // Which chat it is about ------------------------------------------------------------------------------

  /** Put the draft of another chat into the box. id null: the chat that is about to begin. */
  show(id) {
    this.chat = id ?? NEW;
    const {text = "", pastes = []} = kept(this.chat);
    this.box.value = text;
    this.pastes.show(pastes);
    this.problem.hidden = true;
    this.wait(false);
    this.choices.show(id);
    this.changed();
  }

  /** The new chat has become this one: what was typed and chosen goes along. */
  became(id) {
    sessionStorage.removeItem(DRAFT + this.chat);
    this.chat = id;
    this.choices.became(id);
    this.changed();
  }

  changed() {
    this.keep();
    if (!GROWS_ALONE) {
      this.box.style.height = "auto";
      this.box.style.height = `${Math.min(this.box.scrollHeight, innerHeight * .4)}px`;
    }
    const tooLong = this.text.length > MOST_CHARACTERS;
    if (tooLong) this.complain(t("question_too_long", {most: MOST_CHARACTERS}));
    else if (this.wasTooLong) this.complain("");
    this.wasTooLong = tooLong;
    this.button.disabled = !this.isRunning && !this.canSend;
  }

  keep() {
    if (!this.chat) return;
    const draft = {text: this.box.value, pastes: this.pastes.texts};
    try {
      if (draft.text || draft.pastes.length) sessionStorage.setItem(DRAFT + this.chat, JSON.stringify(draft));
      else sessionStorage.removeItem(DRAFT + this.chat);
    } catch { /* full: the draft lives as long as the page */ }
  }

  get canSend() { return Boolean(this.text) && !this.files.isSending && this.text.length <= MOST_CHARACTERS; }

  complain(sentence) {
    this.problem.replaceChildren(...sentence ? [icon("alert"), h("span", {}, sentence)] : []);
    this.problem.hidden = !sentence;
  }

  // Typing ----------------------------------------------------------------------------------------------

  onInput(event) {
    this.wait(false);
    this.changed();
    if (event.inputType !== "insertFromPaste" && !event.isComposing) this.suggest();
  }

  // `@` and `#` at the start of a word: their list is loaded with the first of them.
  async suggest() {
    const before = this.box.value.slice(0, this.box.selectionStart);
    const [, sign] = before.match(/(?:^|\s)([@#])[^\s@#]{0,40}$/) ?? [];
    if (!sign && !this.picker) return;
    this.picker ??= await import("./composer_picker.js").then(({Picker}) => this.picker ?? new Picker(this));
    this.picker.update();
  }

  /** As if it had been typed, so that it can be undone by the keyboard. */
  type(text) {
    this.focus();
    if (!document.execCommand("insertText", false, text)) {
      this.box.setRangeText(text, this.box.selectionStart, this.box.selectionEnd, "end");
      this.box.dispatchEvent(new InputEvent("input", {inputType: "insertText"}));
    }
  }

  /** Open the list behind a sign without the sign having been typed. */
  offer(sign) {
    this.focus();
    const before = this.box.value.slice(0, this.box.selectionStart);
    this.type(/(^|\s)$/.test(before) ? sign : ` ${sign}`);
  }

  onKey(event) {
    if (event.isComposing || event.keyCode === 229) return;           // an input method is still at it; 229: Safari's last key
    if (this.picker?.onKey(event)) return;
    if (event.key !== "Enter" || event.shiftKey || hasNoKeyboard && !event.ctrlKey) return;
    event.preventDefault();
    if (!this.canSend) return;
    if (this.isRunning) this.wait(true);
    else this.submit();
  }

  onPaste(event) {
    const files = [...event.clipboardData.files], text = event.clipboardData.getData("text/plain");
    if (files.length && !text) {
      event.preventDefault();
      this.files.add(files.map(pasted));
    } else if (this.pastes.takes(text)) {
      event.preventDefault();
      this.pastes.add(text);
    }
  }

  // Sending ---------------------------------------------------------------------------------------------

  onSubmit(event) {
    event.preventDefault();
    if (this.isRunning) this.room.stop();
    else if (this.canSend) this.submit();
  }

  /** question: instead of what stands in the box, which then stays. */
  submit(question) {
    const taken = {chat: this.chat, text: question ?? this.box.value, pastes: question === undefined ? this.pastes.texts : [], fresh: [...this.files.fresh]};
    const asked = {...this.choices.chosen, question: question ?? this.text, files: this.files.take()};
    if (question === undefined) this.write("");
    this.complain("");
    this.room.ask(asked, taken);
  }

  /** A question that could not be sent comes back, before what has been typed since. */
  giveBack({text, pastes, fresh}, sentence) {
    this.pastes.show([...pastes, ...this.pastes.texts]);
    this.box.value = [text, this.box.value].filter(one => one.trim()).join("\n\n");
    for (const id of fresh) this.files.fresh.add(id);
    this.changed();
    this.complain(sentence);
    this.focus();
  }

  /** The same while another chat stands in the box: it becomes the draft of its own. */
  keepFor({chat, text, pastes}) {
    const draft = kept(chat);
    const merged = {text: [text, draft.text ?? ""].filter(one => one.trim()).join("\n\n"), pastes: [...pastes, ...draft.pastes ?? []]};
    if (chat === this.chat) this.giveBack({text, pastes, fresh: []}, t("not_sent_connection"));
    else sessionStorage.setItem(DRAFT + chat, JSON.stringify(merged));
  }

  write(text) {
    this.box.value = text;
    if (!text) this.pastes.show([]);
    this.changed();
  }

  /** Enter was pressed while an answer is written: the question goes out when that has ended, or not if it is changed. */
  wait(isWaiting) { this.waiting.hidden = !isWaiting; }

  setRunning(isRunning) {
    this.isRunning = isRunning;
    const [name, label] = isRunning ? ["stop", t("stop")] : ["send", t("send")];
    this.button.replaceChildren(icon(name), h("span", {}, label));
    this.button.title = label;
    this.button.classList.toggle("running", isRunning);
    this.changed();
  }

  /** kind: how the answer ended. Whoever stopped it may want to write something else. */
  answered(kind) {
    this.setRunning(false);
    const isWaiting = !this.waiting.hidden;
    this.wait(false);
    if (isWaiting && kind === "done" && this.canSend) this.submit();
  }

  focus() { this.box.focus({preventScroll: true}); }

  /** The same where it does not push a keyboard over half of the screen. */
  ready() { if (!hasNoKeyboard) this.focus(); }
}

function kept(chat) {
  try { return JSON.parse(sessionStorage.getItem(DRAFT + chat)) ?? {}; } catch { return {}; }
}

// A picture from the clipboard has the same name every time.
function pasted(file) {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const moment = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
  return new File([file], `${t("pasted_picture")} ${moment}.${file.name.split(".").pop()}`, {type: file.type});
}
