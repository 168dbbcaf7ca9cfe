// The list behind `@` and `#` in the question box: a list box that the text box drives, so that typing never stops.
// Loaded with the first sign that is typed.
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const SIGN = /(^|\s)([@#])([^\s@#]{0,40})$/, BLUR_MS = 150;
const folded = text => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

export class Picker {
  /** composer: {box, choices, element}. */
  constructor(composer) {
    this.composer = composer;
    this.box = composer.box;
    this.list = h("ul", {class: "picker", role: "listbox", id: "picker", hidden: true, onpointerdown: event => event.preventDefault()});
    this.status = h("p", {class: "announcement", role: "status"});
    composer.element.append(this.list, this.status);
    this.found = null;
  }

  get isOpen() { return !this.list.hidden; }

  /** Open, narrow or close the list by what stands before the cursor. */
  async update() {
    clearTimeout(this.closing);
    const [, , sign, query] = this.box.value.slice(0, this.box.selectionStart).match(SIGN) ?? [];
    if (!sign || this.dismissed === sign + query) return this.close();
    this.dismissed = null;
    if (this.sign !== sign) {
      const {choices} = this.composer;
      this.sign = sign;
      this.reading = (sign === "@" ? choices.modelOptions() : choices.storeOptions()).catch(() => []);
    }
    const all = await this.reading;
    const now = this.box.value.slice(0, this.box.selectionStart).match(SIGN);
    if (now?.[2] !== sign || now[3] !== query) return;        // typed on meanwhile: that call answers
    this.show(sign, all.filter(({label, value}) => folded(`${label} ${value}`).includes(folded(query))));
  }

  show(sign, options) {
    if (!options.length) return this.close();
    const title = t(sign === "@" ? "choose_model" : "choose_collection");
    this.list.setAttribute("aria-label", title);
    this.options = options;
    this.items = options.map((option, at) => h("li", {role: "option", id: `picker-${at}`, onclick: () => this.choose(at), onpointermove: () => this.at === at || this.mark(at)},
      h("span", {class: "sign", "aria-hidden": "true"}, sign), h("span", {class: "option-label"}, option.label), option.hint ? h("span", {class: "option-hint"}, option.hint) : null, option.isChosen ? icon("check") : null));
    this.list.replaceChildren(...this.items);
    this.list.hidden = false;
    for (const [name, value] of Object.entries({role: "combobox", "aria-expanded": "true", "aria-controls": "picker", "aria-autocomplete": "list", "aria-haspopup": "listbox"})) this.box.setAttribute(name, value);
    this.mark(0);
    this.status.textContent = t(options.length === 1 ? "options_one" : "options_count", {count: options.length});
  }

  mark(at) {
    this.at = at;
    for (const [index, item] of this.items.entries()) item.setAttribute("aria-selected", String(index === at));
    this.box.setAttribute("aria-activedescendant", this.items[at].id);
    this.items[at].scrollIntoView({block: "nearest"});
  }

  close() {
    this.sign = null;
    if (!this.isOpen) return;
    this.list.hidden = true;
    this.status.textContent = "";
    for (const name of ["role", "aria-expanded", "aria-controls", "aria-autocomplete", "aria-haspopup", "aria-activedescendant"]) this.box.removeAttribute(name);
  }

  closeSoon() { this.closing = setTimeout(() => this.close(), BLUR_MS); }

  /** Whether the key was the list's. */
  onKey(event) {
    if (!this.isOpen) return false;
    const last = this.items.length - 1;
    const next = {ArrowDown: this.at === last ? 0 : this.at + 1, ArrowUp: this.at ? this.at - 1 : last}[event.key];
    if (next !== undefined) this.mark(next);
    else if (event.key === "Escape") this.dismiss();
    else if (event.key === "Enter" && !event.shiftKey || event.key === "Tab" && !event.shiftKey) this.choose(this.at);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  // A sign that stands alone was put there for the list: it goes with it.
  dismiss() {
    const [, , sign, query] = this.box.value.slice(0, this.box.selectionStart).match(SIGN) ?? [];
    if (query === "") this.removeSign(); else this.dismissed = sign + query;
    this.close();
  }

  choose(at) {
    const {value, label} = this.options[at], sign = this.sign;
    this.removeSign();
    this.close();
    if (sign === "@") this.composer.choices.chooseModel(value); else this.composer.choices.chooseStore(value, label);
    this.composer.focus();
  }

  removeSign() {
    const end = this.box.selectionStart, [, , , query = ""] = this.box.value.slice(0, end).match(SIGN) ?? [];
    this.box.setSelectionRange(end - query.length - 1, end);
    if (!document.execCommand("delete")) this.box.setRangeText("", end - query.length - 1, end, "end");
    this.composer.changed();
  }
}
