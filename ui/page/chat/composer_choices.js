// Who answers and where is searched: shown as chips, changed by `@` and `#`, remembered for each chat.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const MODEL = "model", CHOICES = "choices", SOURCES = "answer-with-sources", SUMMARY = "summarise", DATA = "answer-from-data", MOST_REMEMBERED = 200, NEW = "new";

export class Choices {
  /** composer: {offer(sign), focus(), room, meter}. */
  constructor(composer) {
    this.composer = composer;
    this.chat = NEW;
    this.model = localStorage.getItem(MODEL) || SOURCES;
    this.stores = [];                                        // {id, name}; none: everything that one may see
    this.models = null;                                      // [{id, kind, context_length}], once read
    this.element = h("div", {class: "choices"});
    this.draw();
  }

  /** For POST /api/turns. */
  get chosen() {
    const ids = this.searches && this.stores.length ? this.stores.map(({id}) => id) : undefined;
    return {model: this.model, vector_store_ids: ids};
  }

  get searches() { return this.model === SOURCES; }

  // What there is ---------------------------------------------------------------------------------------

  /** The models that answer, `answer-with-sources` first. A choice that is no longer offered falls back to it. */
  async readModels() {
    const {data} = await call("/v1/models");
    this.models = data.filter(({kind}) => (kind ?? "chat") === "chat");
    if (this.models.length && !this.models.some(({id}) => id === this.model)) this.model = SOURCES;
    this.draw();
    return this.models;
  }

  /** Read when they are asked for; what is new since then is there the next time. */
  readStores() { return call("/v1/vector_stores?limit=100").then(({data}) => data); }

  /** Whether there is a database or a workbook that one may ask. */
  readTables() { return call("/api/data/offered").then(({data}) => data.length > 0).catch(() => false); }

  /** Models that can write freely, which the pipelines over documents do not. */
  get writers() { return (this.models ?? []).filter(({id}) => ![SOURCES, SUMMARY, DATA].includes(id)); }

  get canSummarise() { return this.writers.length > 0 && this.models.some(({id}) => id === SUMMARY); }

  nameOf(model) { return {[SOURCES]: t("model_sources"), [SUMMARY]: t("model_summary"), [DATA]: t("model_data")}[model] ?? model; }

  /** What `@` offers. [{value, label, hint}] */
  async modelOptions() {
    const [read, hasTables] = await Promise.all([this.models ?? this.readModels(), this.readTables()]);
    const models = read.filter(({id}) => (id !== SUMMARY || this.canSummarise) && (id !== DATA || hasTables));
    return models.map(({id}) => ({value: id, label: this.nameOf(id), hint: {[SOURCES]: t("model_sources_hint"), [SUMMARY]: t("model_summary_hint"), [DATA]: t("model_data_hint")}[id], isChosen: id === this.model}));
  }

  /** What `#` offers: [{value, label, hint}], those chosen already marked. */
  async storeOptions() {
    const stores = await this.readStores();
    return stores.map(({id, name, file_counts}) => ({value: id, label: name, isChosen: this.stores.some(one => one.id === id),
      hint: file_counts?.total === undefined ? "" : t(file_counts.total === 1 ? "collection_file" : "collection_files", {count: file_counts.total})}));
  }

  // What is chosen --------------------------------------------------------------------------------------

  chooseModel(id) {
    this.model = id;
    localStorage.setItem(MODEL, id);
    this.chose();
  }

  /** Chosen twice is not chosen. Searching needs the pipeline that searches. */
  chooseStore(id, name) {
    this.stores = this.stores.some(one => one.id === id) ? this.stores.filter(one => one.id !== id) : [...this.stores, {id, name}];
    if (this.stores.length) this.model = SOURCES;
    this.chose();
  }

  chose() { this.remember(); this.draw(); this.composer.meter.refresh(this.model); }

  // A chat's own choice; asked on another device, it is the model of its last answer. chat null: the one about to begin.
  show(chat) {
    this.chat = chat ?? NEW;
    const own = remembered().find(([id]) => id === this.chat)?.[1];
    this.model = own?.model ?? (localStorage.getItem(MODEL) || SOURCES);
    this.stores = own?.stores ?? [];
    this.hasOwn = Boolean(own);
    this.draw();
  }

  continueWith(model) {
    if (this.hasOwn || !model || this.models && !this.models.some(({id}) => id === model)) return;
    this.model = model;
    this.draw();
  }

  became(chat) { this.chat = chat; this.remember(); }

  // The chat about to begin has become the one that is remembered here: the next begins afresh.
  remember() {
    const others = remembered().filter(([id]) => id !== this.chat && id !== NEW);
    localStorage.setItem(CHOICES, JSON.stringify([[this.chat, {model: this.model, stores: this.stores}], ...others].slice(0, MOST_REMEMBERED)));
    this.hasOwn = true;
  }

  draw() {
    const chip = (sign, label, title, open, remove) => h("span", {class: "choice"},
      h("button", {type: "button", class: "choice-name", title, "aria-label": `${title}: ${label}`, onclick: open}, h("span", {class: "sign", "aria-hidden": "true"}, sign), h("span", {class: "choice-label"}, label)),
      remove ? h("button", {type: "button", class: "choice-remove", title: t("choice_remove", {name: label}), "aria-label": t("choice_remove", {name: label}), onclick: () => { remove(); this.composer.focus(); }}, icon("close")) : null);
    const add = h("button", {type: "button", class: "choice-add", title: t("choose_collection"), "aria-label": this.stores.length ? t("choose_collection") : `${t("choose_collection")}: ${t("all_collections")}`, onclick: () => this.composer.offer("#")}, h("span", {class: "sign", "aria-hidden": "true"}, "#"), this.stores.length ? null : h("span", {class: "choice-label"}, t("all_collections")));
    this.element.replaceChildren(
      chip("@", this.nameOf(this.model), t("choose_model"), () => this.composer.offer("@"), this.model === SOURCES ? null : () => this.chooseModel(SOURCES)),
      ...this.searches ? [...this.stores.map(({id, name}) => chip("#", name, t("choose_collection"), () => this.composer.offer("#"), () => this.chooseStore(id, name))), add] : []);
  }
}

function remembered() {
  try { return JSON.parse(localStorage.getItem(CHOICES)) ?? []; } catch { return []; }
}
