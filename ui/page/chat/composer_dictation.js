// The microphone beside the question box: there where the box can turn speech into text. What records is loaded with the
// first press.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const LOOK_AFTER_MS = 1200;                                  // nothing that is drawn first waits for this

export class DictationButton {
  /** composer: {element, room, type(text), focus()}. */
  constructor(composer) {
    this.composer = composer;
    this.button = h("button", {type: "button", class: "quiet dictate", hidden: true, title: t("dictate"), "aria-label": t("dictate"), "aria-pressed": "false", onclick: () => this.press()}, icon("mic"));
    const soon = window.requestIdleCallback ?? (deed => setTimeout(deed, 1));
    setTimeout(() => soon(() => this.look()), LOOK_AFTER_MS);
  }

  /** Which model hears; the button is there where one does. */
  async look() {
    const {data} = await call("/v1/models").catch(() => ({data: []}));
    this.model = data.find(({kind}) => kind === "transcription")?.id ?? null;
    this.button.hidden = !this.model;
  }

  async press() {
    this.dictation ??= await import("./dictation.js").then(({Dictation}) => this.dictation ?? new Dictation(this));
    this.dictation.press();
  }

  setOn(isOn) {
    const label = t(isOn ? "dictate_stop" : "dictate");
    this.button.setAttribute("aria-pressed", String(isOn));
    this.button.title = label;
    this.button.setAttribute("aria-label", label);
    this.button.replaceChildren(icon(isOn ? "stop" : "mic"));
  }
}
