// The blocks of an answer: HTML that the gateway has sanitised, changed in place so that what is selected stays selected.
import {h, icon} from "../shell/dom.js";
import {number, t} from "../shell/settings.js";

const THOUGHT = '<div class="thought', THOUGHT_END = '<div class="thought-end"';

export class TurnBlocks {
  constructor() {
    this.blocks = [];
    this.element = h("div", {class: "body"});
    this.thinking = h("summary", {}, icon("thought"), h("span", {}, t("thinking")));
    this.thoughts = h("details", {class: "thoughts", hidden: true}, this.thinking);
  }

  get hasText() { return Boolean(this.element.firstElementChild); }

  get isThinking() { return this.thoughts.classList.contains("running"); }

  get text() { return this.element.innerText.trim(); }

  show({slot, html, is_final}) {
    if (html.startsWith(THOUGHT_END)) return this.endThoughts(html);
    while (this.blocks.length <= slot) this.blocks.push(h("div", {class: "block"}));
    const block = this.blocks[slot];
    if (!html) return block.remove();                         // the answer began anew
    const isThought = html.startsWith(THOUGHT);
    if (isThought) this.showThinking();
    this.place(block, slot, isThought ? this.thoughts : this.element);
    block.classList.toggle("growing", !is_final);
    const drawn = document.createElement("template");
    drawn.innerHTML = html;
    morph(block, drawn.content);
  }

  place(block, slot, home) {
    if (block.parentNode === home) return;
    home.insertBefore(block, this.blocks.slice(slot + 1).find(one => one.parentNode === home) ?? null);
  }

  /** Whatever is not final by now stays as it is. */
  end() {
    for (const block of this.blocks) block.classList.remove("growing");
    if (this.isThinking) this.endThoughts("");
  }

  // What the model thought ------------------------------------------------------------------------------

  showThinking() {
    if (!this.thoughts.hidden) return;
    this.thoughts.hidden = false;
    this.thoughts.classList.add("running");
  }

  endThoughts(html) {
    const seconds = Number(html.match(/data-seconds="([\d.]+)"/)?.[1]);
    this.thoughts.classList.remove("running");
    this.thinking.lastChild.textContent = seconds >= 1 ? t("thought_for", {seconds: number.format(Math.round(seconds))}) : t("thought");
  }
}

/** Make the children of one node those of another, with as few changes as an answer that grows needs. */
export function morph(node, wanted) {
  let have = node.firstChild;
  for (const want of [...wanted.childNodes]) {
    const next = have?.nextSibling;
    if (!have) node.append(want);
    else if (have.nodeType !== want.nodeType || have.nodeName !== want.nodeName) have.replaceWith(want);
    else if (have.nodeType === Node.TEXT_NODE) changeText(have, want.data);
    else change(have, want);
    have = next;
  }
  while (have) {
    const next = have.nextSibling;
    have.remove();
    have = next;
  }
}

// Text that is only added to keeps the selection in it.
function changeText(node, text) {
  if (text.startsWith(node.data)) node.data.length < text.length && node.appendData(text.slice(node.data.length));
  else node.data = text;
}

function change(element, wanted) {
  for (const {name} of [...element.attributes]) if (!wanted.hasAttribute(name)) element.removeAttribute(name);
  for (const {name, value} of wanted.attributes) if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  morph(element, wanted);
}
