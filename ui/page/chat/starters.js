// The empty chat: things to begin with, each of which fills the question box, and questions that the sample documents answer.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {language, t} from "../shell/settings.js";

const HANDBOOK = /handbook|manual/i, GAP = /\{[^{}]*\}/, DATA = "answer-from-data";

export class Starters {
  /** composer: the question box that they fill. */
  constructor(composer) {
    this.composer = composer;
    const card = (picture, name, hint, deed) => h("li", {}, h("button", {type: "button", onclick: deed}, icon(picture), h("span", {}, h("strong", {}, name), h("small", {}, hint))));
    this.writing = [card("translate", t("starter_translate"), t("starter_translate_hint"), () => this.write(t("starter_translate_text"))),
      card("mail", t("starter_mail"), t("starter_mail_hint"), () => this.write(t("starter_mail_text")))];
    this.cards = h("ul", {class: "starters", "aria-label": t("starters")}, card("document", t("starter_summarise"), t("starter_summarise_hint"), () => this.summarise()),
      card("book", t("starter_ask"), t("starter_ask_hint"), () => this.ask()), this.writing);
    this.samples = h("ul", {class: "suggestions"});
    this.sampled = h("div", {class: "sampled", hidden: true}, h("h2", {}, t("suggestions")), this.samples);
    this.asked = h("ul", {class: "suggestions"});
    this.ofData = h("div", {class: "sampled", hidden: true}, h("h2", {}, t("starters_data")), this.asked);
    this.title = h("h1", {});
    this.lead = h("p", {class: "lead", role: "status"});
    this.element = h("section", {class: "welcome"}, this.title, this.lead, this.cards, this.ofData, this.sampled);
    this.showTemporary(false);
    this.showWriters(false);
  }

  /** Read what there is to begin with; without a language model nothing can be translated or written. */
  async refresh() {
    this.offerData();
    const [suggestions, models] = await Promise.all([call("/api/suggestions").catch(() => ({data: []})), this.composer.choices.readModels().catch(() => [])]);
    this.showWriters(models.length > 0 && this.composer.choices.writers.length > 0);
    const inOurs = suggestions.data.filter(one => one.language === language), shown = inOurs.length ? inOurs : suggestions.data;
    this.samples.classList.toggle("few", shown.length < 4);
    this.samples.replaceChildren(...shown.map(one => h("li", {}, h("button", {type: "button", lang: one.language, onclick: () => this.send(one)}, h("span", {}, one.text), icon("forward")))));
    this.sampled.hidden = !suggestions.data.length;
  }

  /** Saved questions of those who may ask a table. */
  async offerData() {
    const {data} = await call(`/api/data/questions/suggested?limit=4&language=${language}`).catch(() => ({data: []}));
    this.asked.classList.toggle("few", data.length < 4);
    this.asked.replaceChildren(...data.map(one => h("li", {}, h("button", {type: "button", lang: one.language, onclick: () => this.askData(one)}, h("span", {}, one.question.replace(GAP, "…")), icon("forward")))));
    this.ofData.hidden = !data.length;
  }

  askData({question}) {
    this.composer.choices.chooseModel(DATA);
    if (GAP.test(question)) this.fill(question.replace(GAP, "…")); else this.send({text: question});
  }

  showTemporary(isTemporary) {
    this.title.textContent = t(isTemporary ? "temporary" : "ask_title");
    this.lead.textContent = t(isTemporary ? "temporary_hint" : "ask_lead");
  }

  showWriters(areThere) { for (const card of this.writing) card.hidden = !areThere; }

  send({text}) { if (!this.composer.isRunning) this.composer.submit(text); }

  summarise() {
    if (this.composer.choices.canSummarise) this.composer.choices.chooseModel("summarise");
    this.fill(t("starter_summarise_text"));
    this.composer.files.input.click();
  }

  write(text) {
    const {choices} = this.composer, [writer] = choices.writers;
    if (writer && !choices.writers.some(({id}) => id === choices.model)) choices.chooseModel(writer.id);
    this.fill(text);
  }

  // The collection that is called so; where there are others, the list of them.
  async ask() {
    const {choices} = this.composer;
    choices.chooseModel("answer-with-sources");
    const stores = await choices.readStores().catch(() => []);
    const handbook = stores.find(({name}) => HANDBOOK.test(name));
    if (handbook && !choices.stores.some(({id}) => id === handbook.id)) choices.chooseStore(handbook.id, handbook.name);
    this.fill(t("starter_ask_text"));
    if (!handbook && stores.length > 1) this.composer.offer("#");
  }

  // What is still to be said is marked by … and selected, so that typing replaces it.
  fill(text) {
    const {box} = this.composer, gap = text.indexOf("…");
    this.composer.focus();
    box.select();
    this.composer.type(text);
    if (gap >= 0) box.setSelectionRange(gap, gap + 1);
  }
}
