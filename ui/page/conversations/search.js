// Searching one's conversations, by Ctrl+K: names and what was said in them, used by the keyboard alone.
import {call} from "../shell/api.js";
import {unitSpans} from "../chat/passage.js";
import {openDialog} from "../shell/dialog.js";
import {h, icon, marked} from "../shell/dom.js";
import {explain, language, t} from "../shell/settings.js";
import {searchLook} from "./search_look.js";

const PAUSE_MS = 140, MOST = 20, MOST_ARCHIVED = 5;
const day = new Intl.DateTimeFormat(language, {day: "numeric", month: "short", year: "numeric"});

/** Without accents and capitals; as long as the text, so that places in one are places in the other. */
const folded = text => [...text].map(one => { const bare = one.normalize("NFKD")[0].toLowerCase(); return bare.length === one.length ? bare : one; }).join("");

/** Where the words of the question begin words of the title. */
export function wordSpans(title, question) {
  const text = folded(title), spans = [];
  for (const word of new Set(folded(question).split(/[^\p{L}\p{N}]+/u).filter(Boolean)))
    for (const found of text.matchAll(new RegExp(`(?<![\\p{L}\\p{N}])${word}`, "gu"))) spans.push([found.index, found.index + word.length]);
  return spans.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
}

class Search {
  constructor(deeds) {
    this.deeds = deeds;
    this.results = h("ul", {class: "results", role: "listbox", id: "results", "aria-label": t("search_results")});
    this.status = h("p", {class: "told", role: "status"});
    this.input = h("input", {type: "text", enterkeyhint: "go", role: "combobox", "aria-expanded": "true", "aria-controls": "results", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
      "aria-label": t("search_conversations"), placeholder: t("search_placeholder"), oninput: () => this.later(), onkeydown: event => this.onKey(event)});
    const hint = (keys, what) => h("span", {}, keys.map(key => h("kbd", {}, key)), what);
    this.dialog = openDialog({label: t("search_conversations"), look: searchLook, onClose: () => this.asking?.abort(), content: [
      h("div", {class: "field"}, icon("search"), this.input, h("button", {type: "button", class: "quiet", "aria-label": t("close"), title: t("close"), onclick: () => this.dialog.close()}, icon("close"))),
      this.results, h("footer", {}, this.status, h("div", {class: "how", "aria-hidden": "true"}, hint(["↑", "↓"], t("search_choose")), hint(["↵"], t("search_open"))))]});
    this.input.focus();
    this.find();
  }

  later() { clearTimeout(this.timer); this.timer = setTimeout(() => this.find(), PAUSE_MS); }

  async find() {
    clearTimeout(this.timer);
    this.asking?.abort();
    const {signal} = this.asking = new AbortController(), question = this.input.value.trim();
    const read = more => call(`/api/conversations?${new URLSearchParams({...question ? {q: question} : {}, ...more})}`, {signal}).then(({data}) => data);
    try {
      const [found, putAway] = await Promise.all([read({limit: String(MOST)}), question ? read({limit: String(MOST_ARCHIVED), archived: "true"}) : []]);
      if (!signal.aborted) this.show(question, [...found, ...putAway]);
    } catch (error) {
      if (!signal.aborted) this.show(question, [], error instanceof TypeError ? t("connection_lost") : explain(error));
    }
  }

  show(question, found, problem) {
    const options = found.map(one => this.option(one, question));
    if (!question) options.unshift(this.deed("plus", t("new_question"), () => this.deeds.newChat()));
    this.results.replaceChildren(...options);
    this.status.textContent = problem ?? (!question ? t("search_recent") : found.length === 1 ? t("search_found_one") : found.length ? t("search_found", {count: found.length}) : t("search_nothing", {question}));
    this.options = options;
    this.choose(question || options.length < 2 ? 0 : 1);
  }

  deed(name, label, go) {
    return this.offer(h("li", {class: "deed"}, icon(name), h("span", {class: "title"}, label)), go);
  }

  option({id, title, updated_at, archived, snippet}, question) {
    const name = title || t("untitled_chat");
    return this.offer(h("li", {},
      icon(archived ? "archive" : "chat"),
      h("span", {class: "title"}, question ? marked(name, wordSpans(name, question)) : name),
      h("time", {datetime: updated_at}, day.format(new Date(updated_at))),
      snippet?.text ? h("p", {class: "snippet"}, marked(snippet.text, unitSpans(snippet.text, snippet.marks ?? []))) : null), () => this.deeds.open(id));
  }

  offer(element, go) {
    element.setAttribute("role", "option");
    element.id = `result-${Math.random().toString(36).slice(2)}`;
    element.addEventListener("click", () => { this.dialog.close(); go(); });
    element.addEventListener("pointermove", () => this.choose(this.options.indexOf(element), false));
    return element;
  }

  choose(index, isScrolled = true) {
    if (index === this.at && this.options[index]?.ariaSelected === "true") return;
    this.at = index;
    for (const [at, option] of this.options.entries()) option.setAttribute("aria-selected", String(at === index));
    const chosen = this.options[index];
    if (chosen) this.input.setAttribute("aria-activedescendant", chosen.id); else this.input.removeAttribute("aria-activedescendant");
    if (isScrolled) chosen?.scrollIntoView({block: "nearest"});
  }

  onKey(event) {
    const last = this.options?.length - 1;
    if (event.isComposing || !(last >= 0)) return;
    const next = {ArrowDown: this.at >= last ? 0 : this.at + 1, ArrowUp: this.at <= 0 ? last : this.at - 1, PageDown: Math.min(last, this.at + 5), PageUp: Math.max(0, this.at - 5)}[event.key];
    if (next !== undefined) { event.preventDefault(); this.choose(next); }
    if (event.key === "Enter") { event.preventDefault(); this.options[this.at]?.click(); }
  }
}

let open;

/** deeds: {open(id), newChat()}. Pressed again, the same dialog closes. */
export function openSearch(deeds) {
  if (open?.dialog.element.isConnected) return open.dialog.close();
  open = new Search(deeds);
}
