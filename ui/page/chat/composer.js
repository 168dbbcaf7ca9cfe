// The question box: grows with its text, keeps a draft over a reload, and turns its button into Stop while an answer runs.
import {call} from "../shell/api.js";
import {Attachments} from "./attachments.js";
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const DRAFT = "draft", MODEL = "model", COLLECTION = "collection", SOURCES = "answer-with-sources", SUMMARY = "summarise";

export class Composer {
  /** room: an element with ask({question, model, vector_store_ids, files}), stop(), conversation(). */
  constructor(room) {
    this.room = room;
    this.box = h("textarea", {rows: 1, "aria-label": t("question_label"), placeholder: t("question_placeholder"),
      oninput: () => this.changed(), onkeydown: event => this.onKey(event)});
    this.box.value = sessionStorage.getItem(DRAFT) ?? "";
    this.model = h("select", {"aria-label": t("model"), onchange: () => this.chose(MODEL, this.model)}, h("option", {value: SOURCES}, t("model_sources")));
    this.collection = h("select", {"aria-label": t("collection"), onchange: () => this.chose(COLLECTION, this.collection)}, h("option", {value: ""}, t("all_collections")));
    this.choices = h("div", {class: "choices"}, this.choice(t("model"), this.model), this.choice(t("collection"), this.collection));
    this.button = h("button", {type: "submit", class: "send"});
    this.files = new Attachments(room, () => this.element && this.changed());
    this.element = h("form", {class: "composer", onsubmit: event => this.onSubmit(event)},
      this.files.list, this.box, h("div", {class: "row"}, this.files.button, this.files.input, this.choices, h("span", {class: "hint keys"}, t("send_hint")), this.button));
    this.setRunning(false);
  }

  choice(label, select) { return h("label", {hidden: true}, h("span", {}, label), select); }

  /** Fill the pickers; one that offers no choice stays hidden. */
  async refresh() {
    const [models, stores] = await Promise.all([call("/v1/models"), call("/v1/vector_stores?limit=100")].map(one => one.catch(() => null)));
    const chat = (models?.data ?? []).filter(model => (model.kind ?? "chat") === "chat" && model.id !== SOURCES && model.id !== SUMMARY);
    this.fill(this.model, MODEL, [[SOURCES, t("model_sources")], ...(chat.length ? [[SUMMARY, t("model_summary")]] : []), ...chat.map(model => [model.id, model.id])]);
    this.fill(this.collection, COLLECTION, [["", t("all_collections")], ...(stores?.data ?? []).map(store => [store.id, store.name])]);
  }

  fill(select, key, options) {
    select.replaceChildren(...options.map(([value, label]) => h("option", {value}, label)));
    const kept = localStorage.getItem(key);
    select.value = options.some(([value]) => value === kept) ? kept : options[0][0];
    select.closest("label").hidden = options.length < (key === MODEL ? 2 : 3);
    this.chosen();
  }

  chose(key, select) { localStorage.setItem(key, select.value); this.chosen(); }

  chosen() { this.collection.disabled = this.model.value !== SOURCES; }

  changed() {
    sessionStorage.setItem(DRAFT, this.box.value);
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, innerHeight * .4)}px`;
    this.button.disabled = !this.isRunning && (!this.box.value.trim() || this.files.isSending);
  }

  onKey(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!this.isRunning && !this.files.isSending) this.element.requestSubmit();
  }

  onSubmit(event) {
    event.preventDefault();
    if (this.isRunning) this.room.stop();
    else if (this.box.value.trim()) this.submit(this.box.value.trim());
  }

  submit(question) {
    const stores = this.collection.value && !this.collection.disabled ? [this.collection.value] : undefined;
    this.write("");
    this.room.ask({question, model: this.model.value, vector_store_ids: stores, files: this.files.take()});
  }

  write(text) { this.box.value = text; this.changed(); }

  setRunning(isRunning) {
    this.isRunning = isRunning;
    const [name, label] = isRunning ? ["stop", t("stop")] : ["send", t("send")];
    this.button.replaceChildren(icon(name), h("span", {}, label));
    this.button.classList.toggle("running", isRunning);
    this.changed();
  }

  focus() { this.box.focus({preventScroll: true}); }
}
