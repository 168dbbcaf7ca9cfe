// A recording with what is said in it: plays from a sentence, follows while it plays, jumps where one clicks.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {explain, t} from "../shell/settings.js";
import {playerLook} from "./player_look.js";
import {clock, languageName} from "./spoken.js";

const FORMS = [["text", "player_text"], ["srt", "SRT"], ["vtt", "WebVTT"]];

export class Player {
  /** fileId as the API writes it. mark: {page, start, end} of what is quoted, in characters of its page; at: seconds. */
  constructor(fileId, {mark = null, at = null} = {}) {
    Object.assign(this, {fileId, mark, at});
    this.address = `/api/documents/${fileId}`;
    this.audio = h("audio", {controls: true, preload: "metadata", "aria-label": t("player")});
    this.audio.addEventListener("loadedmetadata", () => this.at !== null && this.seek(this.at), {once: true});
    this.audio.addEventListener("timeupdate", () => this.follow());
    this.audio.addEventListener("error", () => this.say(t("player_cannot")));
    this.status = h("p", {class: "hint", role: "status"});
    this.facts = h("p", {class: "player-facts"});
    this.words = h("div", {class: "player-words", role: "region", tabindex: "0", "aria-label": t("player_transcript"), onclick: event => this.onClick(event)});
    this.element = h("div", {class: "player"}, h("div", {class: "player-top"}, this.audio, this.facts), this.status, this.words);
  }

  /** Once it stands in the page. signal: when nobody wants it any more. */
  async open(signal) {
    const root = this.element.getRootNode();
    if (!root.adoptedStyleSheets.includes(playerLook)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, playerLook];
    this.audio.src = `${this.address}/original`;
    try {
      this.told = await call(`${this.address}/transcript`, {signal});
    } catch (error) {
      if (!signal?.aborted) this.say(error.status === 404 ? t("page_gone") : error instanceof TypeError ? t("connection_lost") : explain(error));
      return;
    }
    this.draw();
  }

  close() { this.audio.pause(); this.audio.removeAttribute("src"); this.audio.load(); }

  draw() {
    const {sentences, duration_s, language} = this.told;
    this.facts.replaceChildren(h("span", {}, clock(duration_s)), language ? h("span", {class: "badge"}, languageName(language)) : "",
      h("span", {class: "player-keep"}, t("player_keep"), " ", ...FORMS.flatMap(([form, name], at) => [at ? " · " : "", h("a", {href: `${this.address}/transcript?format=${form}`, download: ""}, form === "text" ? t(name) : name)])));
    this.spoken = sentences.map((one, at) => h("span", {class: this.isMarked(one) ? "sentence quote" : "sentence", "data-at": String(at)}, one.text));
    const paragraphs = [];
    for (const [at, one] of sentences.entries()) {
      if (one.begins_paragraph || !paragraphs.length) paragraphs.push(h("p", {lang: language ?? null}, h("button", {type: "button", class: "when", "data-at": String(at), title: t("player_from", {time: clock(one.start_s)}), "aria-label": t("player_from", {time: clock(one.start_s)})}, icon("play"), clock(one.start_s))));
      paragraphs.at(-1).append(" ", this.spoken[at]);
    }
    this.words.replaceChildren(...paragraphs);
    const quoted = sentences.findIndex(one => this.isMarked(one));
    if (quoted >= 0) {
      this.at ??= sentences[quoted].start_s;
      if (this.audio.readyState && !this.audio.currentTime) this.seek(this.at);
      this.spoken[quoted].scrollIntoView({block: "center"});
    }
  }

  isMarked({page, start, end}) { return this.mark !== null && this.mark.start != null && page === this.mark.page && start < this.mark.end && end > this.mark.start; }

  // Times -------------------------------------------------------------------------------------------------

  seek(seconds) { this.audio.currentTime = seconds; }

  onClick(event) {
    const at = event.target.closest("[data-at]")?.dataset.at;
    if (at === undefined || !getSelection().isCollapsed) return;
    this.seek(this.told.sentences[Number(at)].start_s);
    this.audio.play().catch(() => {});
  }

  // The last sentence that has begun, while it is being played or was jumped to.
  follow() {
    if (!this.told) return;
    const {sentences} = this.told, now = this.audio.currentTime + .05;
    let low = 0, high = sentences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sentences[middle].start_s <= now) low = middle + 1; else high = middle;
    }
    const current = this.spoken[low - 1] ?? null;
    if (current === this.current) return;
    this.current?.classList.remove("now");
    current?.classList.add("now");
    this.current = current;
    if (!this.audio.paused) current?.scrollIntoView({block: "nearest"});
  }

  say(sentence) { this.status.textContent = sentence; }
}
