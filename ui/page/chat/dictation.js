// Dictating: the bar over the question box while it records and while the box listens. The text comes to the caret and is
// never sent by itself; a recording that failed can be tried again or kept.
import {Refusal} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {explain, language, t} from "../shell/settings.js";
import {dictationLook} from "./dictation_look.js";
import {NoMicrophone, Recorder} from "./recorder.js";
import {clock} from "../documents/spoken.js";

const MOST_S = 600, WARNED_S = 540, QUIET_S = 4, HEARD = .12, LANGUAGE = "dictation_language", CHOICES = ["auto", "es", "en"];

export class Dictation {
  /** place: {composer, button, model, look(), setOn(isOn)}. */
  constructor(place) {
    this.place = place;
    this.composer = place.composer;
    this.state = "idle";                                     // idle, opening, recording, listening, failed
    this.level = h("span", {class: "level", "aria-hidden": "true"}, ...Array.from({length: 12}, () => h("i")));
    this.time = h("span", {class: "elapsed"});
    this.words = h("span", {class: "doing"});
    this.said = h("p", {class: "announcement", role: "status"});
    this.problem = h("p", {class: "problem", role: "alert", hidden: true});
    this.languages = h("select", {class: "spoken-language", "aria-label": t("dictate_language"), onchange: () => localStorage.setItem(LANGUAGE, this.languages.value)},
      ...CHOICES.map(one => h("option", {value: one}, t(one === "auto" ? "dictate_auto" : one === "es" ? "dictate_es" : "dictate_en"))));
    this.languages.value = CHOICES.find(one => one === localStorage.getItem(LANGUAGE)) ?? language;
    this.deeds = h("span", {class: "dictation-deeds"});
    this.element = h("div", {class: "dictation", role: "group", "aria-label": t("dictation"), hidden: true}, this.problem, h("span", {class: "dictation-row"}, h("span", {class: "dot", "aria-hidden": "true"}), this.level, this.time, this.words, this.languages, this.deeds));
    this.composer.room.shadowRoot.adoptedStyleSheets.push(dictationLook);
    this.composer.element.prepend(this.said, this.element);
    this.composer.element.addEventListener("keydown", event => this.onKey(event), true);
  }

  /** The microphone button: begin, or end and have it written. */
  press() {
    if (this.state === "recording") return this.finish();
    if (this.state === "idle") return this.begin();
    if (this.state === "failed") { this.drop(); return this.begin(); }
  }

  onKey(event) {
    if (event.key !== "Escape" || this.state === "idle") return;
    event.preventDefault();
    event.stopPropagation();
    this.cancel();
  }

  // Recording ---------------------------------------------------------------------------------------------

  async begin() {
    const begun = this.begun = Symbol("begun");
    this.show("opening", t("dictate_opening"), this.button("dictate_cancel", () => this.cancel()));
    try {
      const recorder = await Recorder.open(() => this.state === "recording" && this.finish());
      if (this.begun !== begun) return recorder.close();
      this.recorder = recorder;
    } catch (error) {
      if (!(error instanceof NoMicrophone)) throw error;
      if (this.begun === begun) this.fail(t(`dictate_no_${error.reason}`));
      return;
    }
    this.place.setOn(true);
    this.loudest = 0;
    this.show("recording", t("dictate_recording"), this.button("dictate_cancel", () => this.cancel()), this.button("dictate_done", () => this.finish(), "primary"));
    this.say(t("dictate_recording_said"));
    this.draw();
  }

  draw() {
    if (this.state !== "recording") return;
    const level = this.recorder.level(), seconds = this.recorder.seconds, bars = this.level.children;
    this.loudest = Math.max(this.loudest, level);
    for (const [at, bar] of [...bars].entries()) bar.classList.toggle("on", level * bars.length > at);
    this.level.dataset.loudest = this.loudest.toFixed(2);
    this.time.textContent = clock(seconds);
    const words = seconds > QUIET_S && this.loudest < HEARD ? t("dictate_quiet") : seconds > WARNED_S ? t("dictate_nearly", {most: clock(MOST_S)}) : t("dictate_recording");
    if (this.words.textContent !== words) { this.words.textContent = words; if (words !== t("dictate_recording")) this.say(words); }
    if (seconds >= MOST_S) return this.finish();
    this.frame = requestAnimationFrame(() => this.draw());
  }

  async finish() {
    if (this.state !== "recording") return;
    cancelAnimationFrame(this.frame);
    this.state = "listening";
    this.place.setOn(false);
    this.recording = await this.recorder.stop();
    if (this.recording.size) return this.send();
    this.fail(t("dictate_nothing"));
  }

  cancel() {
    this.begun = null;
    cancelAnimationFrame(this.frame);
    this.asked?.abort();
    if (this.state === "recording") this.recorder.close();
    this.place.setOn(false);
    this.drop();
    this.say(t("dictate_cancelled"));
    this.composer.focus();
  }

  // Listening ---------------------------------------------------------------------------------------------

  async send() {
    const asked = this.asked = new AbortController();
    this.show("listening", t("dictate_listening"), this.button("dictate_cancel", () => this.cancel()));
    this.say(t("dictate_listening"));
    try {
      const text = await transcribed(this.recording, this.place.model, this.languages.value, asked.signal);
      if (asked.signal.aborted) return;
      if (text) this.write(text); else this.fail(t("dictate_nothing"));
    } catch (error) {
      if (asked.signal.aborted) return;
      this.fail(error instanceof TypeError ? t("dictate_connection") : error.status === 413 ? t("dictate_too_long") : error.status === 401 ? t("dictate_signed_out") : explain(error));
    }
  }

  // To the caret, with a blank before it and after it where words would touch.
  write(text) {
    this.drop();
    const {box} = this.composer, before = box.value.slice(0, box.selectionStart), after = box.value.slice(box.selectionEnd);
    this.composer.type(`${/[^\s¿¡("«]$/.test(before) ? " " : ""}${text}${/^[^\s.,;:!?)"»]/.test(after) ? " " : ""}`);
    this.say(t("dictate_written"));
  }

  fail(sentence) {
    this.place.setOn(false);
    const again = this.recording
      ? [this.button("dictate_again", () => this.send()), this.keep(), this.button("dictate_drop", () => { this.drop(); this.composer.focus(); })]
      : [this.button("dictate_retry", () => { this.drop(); this.begin(); }), this.button("dictate_close", () => { this.drop(); this.composer.focus(); })];
    this.show("failed", "", ...again);
    this.problem.replaceChildren(icon("alert"), h("span", {}, sentence));
    this.problem.hidden = false;
  }

  keep() {
    this.address ??= URL.createObjectURL(this.recording);
    return h("a", {class: "link", href: this.address, download: this.recording.name}, t("dictate_keep"));
  }

  drop() {
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = this.recording = this.recorder = null;
    this.state = "idle";
    this.element.hidden = true;
  }

  // What is seen and heard of it --------------------------------------------------------------------------

  show(state, words, ...deeds) {
    this.state = state;
    this.element.hidden = false;
    this.element.dataset.state = state;
    this.problem.hidden = true;
    this.words.textContent = words;
    this.time.textContent = "";
    this.deeds.replaceChildren(...deeds);
  }

  say(sentence) { this.said.textContent = sentence; }

  button(key, deed, kind = "") { return h("button", {type: "button", class: `link ${kind}`, onclick: deed}, t(key)); }
}

/** The text of a recording, by the box itself. Throws Refusal; a lost session must not take the recording along. */
async function transcribed(file, model, spoken, signal) {
  const form = new FormData();
  form.append("model", model);
  if (spoken !== "auto") form.append("language", spoken);
  form.append("response_format", "json");
  form.append("file", file, file.name);
  const response = await fetch("/v1/audio/transcriptions", {method: "POST", body: form, signal});
  const told = await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(response.status, told);
  return told.text.trim();
}
