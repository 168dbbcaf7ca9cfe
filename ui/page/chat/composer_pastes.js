// Long texts that were pasted: folded below the question box instead of flooding it. Each can be read, put into the box,
// or sent as a file of the chat; as it stands it goes out with the question, whole.
import {h, icon} from "../shell/dom.js";
import {number, t} from "../shell/settings.js";

const LONG = 4000;                                           // characters

export class Pastes {
  /** composer: {type(text), changed(), files, focus()}. */
  constructor(composer) {
    this.composer = composer;
    this.texts = [];
    this.element = h("ul", {class: "pastes", "aria-label": t("pasted_texts"), hidden: true});
  }

  takes(text) { return text.length > LONG; }

  add(text) { this.show([...this.texts, text]); this.composer.changed(); }

  show(texts) {
    this.texts = texts;
    this.element.hidden = !texts.length;
    this.element.replaceChildren(...texts.map(text => this.block(text)));
  }

  block(text) {
    const button = (label, deed, name) => h("button", {type: "button", class: name ? "quiet" : "link", onclick: deed, ...name ? {title: label, "aria-label": label} : {}}, name ? icon(name) : label);
    const item = h("li", {class: "paste"},
      h("details", {}, h("summary", {}, icon("lines"), h("span", {class: "paste-name"}, text.trim().slice(0, 80)), h("span", {class: "file-state"}, t("pasted_length", {count: number.format(text.length)}))), h("pre", {tabindex: "0"}, text)),
      h("div", {class: "paste-deeds"},
        button(t("paste_inline"), () => { this.drop(item); this.composer.type(text); }),
        button(t("paste_file"), () => { this.drop(item); this.composer.files.add([asFile(text)]); }),
        button(t("paste_remove"), () => { this.drop(item); this.composer.focus(); }, "close")));
    return item;
  }

  drop(item) {
    const at = [...this.element.children].indexOf(item);
    this.show(this.texts.filter((_, index) => index !== at));
    this.composer.changed();
  }
}

function asFile(text) {
  const moment = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
  return new File([text], `${t("pasted_text")} ${moment}.txt`, {type: "text/plain"});
}
