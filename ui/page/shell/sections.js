// A room with several sections: their names at the side, one of them beside it. Each is loaded when it is first opened.
import {h, icon} from "./dom.js";
import {roomLook} from "./room_look.js";
import {explain, t} from "./settings.js";

const SAID_MS = 5000;

export class Sections {
  /** kept: under which name the browser remembers the open one. sections: {id, label, sign, load}; load(): a module
   *  with open(room), which returns {element, see(isSeen)}. */
  constructor(host, {title, kept, sections}) {
    this.host = host;
    this.kept = kept;
    this.sections = new Map(sections.map(section => [section.id, section]));
    this.opened = new Map();
    this.complaints = 0;
    host.shadowRoot.adoptedStyleSheets = [roomLook];
    this.buttons = sections.map(({id, label, sign}) => h("button", {type: "button", "data-section": id, onclick: () => this.choose(id)}, icon(sign), h("span", {}, label)));
    this.heading = h("h1", {tabindex: "-1"});
    this.tools = h("div", {class: "tools"});
    this.problem = h("p", {class: "problem", role: "alert", hidden: true});
    this.said = h("p", {class: "said", role: "status"});
    this.body = h("div", {class: "body"});
    host.shadowRoot.append(h("div", {class: "room"},
      h("nav", {"aria-label": title}, h("h2", {}, title), h("ul", {}, this.buttons.map(button => h("li", {}, button)))),
      this.panel = h("section", {class: "panel"}, h("header", {class: "top"}, this.heading, this.tools), this.problem, this.body, this.said)));
  }

  see(isSeen) {
    this.isSeen = isSeen;
    if (!isSeen) return this.shown?.see?.(false);
    const id = this.current ?? sessionStorage.getItem(this.kept);
    return this.choose(this.sections.has(id) ? id : this.sections.keys().next().value);
  }

  async choose(id) {
    const section = this.sections.get(id);
    if (this.current !== id) {
      this.shown?.see?.(false);
      this.shown = null;
      this.body.replaceChildren();           // nobody types into one section below another's heading
      this.tools.replaceChildren();
      this.panel.scrollTop = 0;
    }
    this.current = id;
    sessionStorage.setItem(this.kept, id);
    for (const button of this.buttons) {
      if (button.dataset.section === id) button.setAttribute("aria-current", "page"); else button.removeAttribute("aria-current");
    }
    this.heading.textContent = section.label;
    const shown = await this.attempt(async () => {
      if (!this.opened.has(id)) this.opened.set(id, (await section.load()).open(this));
      return this.opened.get(id);
    });
    if (this.current !== id || !shown) return;
    this.shown = shown;
    this.body.replaceChildren(shown.element);
    this.tools.replaceChildren(...shown.tools ?? []);
    await this.attempt(() => shown.see?.(true));
  }

  /** What it returns, or undefined where it was refused, which is then said. */
  async attempt(action) {
    const before = this.complaints;
    try {
      const done = await action();
      if (this.complaints === before) this.complain("");   // one attempt may hold another, which has just complained
      return done;
    } catch (error) {
      this.complaints += 1;
      this.complain(error instanceof TypeError ? t("connection_lost") : explain(error));
    }
  }

  complain(sentence) {
    this.problem.replaceChildren(sentence && icon("alert"), sentence);
    this.problem.hidden = !sentence;
  }

  /** Something was done: said aloud, and shown for a moment. */
  say(sentence) {
    clearTimeout(this.saying);
    this.said.textContent = sentence;
    this.saying = setTimeout(() => { this.said.textContent = ""; }, SAID_MS);
  }
}
