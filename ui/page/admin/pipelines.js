// Declared pipelines: how each stands, its file as a form or as text, its versions, and a place to try it.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h, icon} from "../shell/dom.js";
import {action, field, nothing, oneOf, small, table, when} from "../shell/parts.js";
import {language, t} from "../shell/settings.js";
import {SchemaForm} from "./pipeline_form.js";
import {TryIt} from "./pipeline_try.js";
import {finding, say} from "./pipelines_words.js";

const SAVES_AFTER_MS = 500;

export function open(room) { return new Pipelines(room); }

class Pipelines {
  constructor(room) {
    this.room = room;
    this.element = h("div", {class: "stack"});
  }

  see(isSeen) { return isSeen ? this.room.attempt(() => this.name ? null : this.showAll()) : null; }

  go(name) {
    this.name = name;
    return this.room.attempt(() => name ? this.showOne() : this.showAll());
  }

  async showAll() {
    const {data} = await call("/api/pipelines");
    const rows = data.map(one => [
      [h("button", {type: "button", class: "link", onclick: () => this.go(one.name)}, one.name), h("small", {}, one.title[language] ?? "")],
      [stateOf(one), one.findings.length ? h("small", {class: "problem"}, say("findings", {count: one.findings.length})) : null].filter(Boolean),
      one.version ?? "–", one.steps.length, say(`origin_${one.origin}`)]);
    this.element.replaceChildren(
      h("div", {class: "top"}, h("p", {class: "hint"}, say("lead")), action(say("new"), "plus", () => this.begin())),
      data.length ? table(t("admin_pipelines"), [[say("name")], [say("state")], [say("version"), "figure"], [say("steps"), "figure"], [say("origin"), "soft"]], rows) : nothing("steps", say("none")));
  }

  begin() {
    const name = h("input", {type: "text", required: true, maxLength: 63, pattern: "[a-z][a-z0-9\\-]*", autocomplete: "off", spellcheck: false});
    formDialog({title: say("new"), action: t("create"), cancel: t("cancel"), body: [field(say("name"), name, say("name_hint"))], submit: async () => {
      const wanted = name.value.trim();
      const draft = await call(`/api/pipelines/${encodeURIComponent(wanted)}/draft`, {method: "POST", body: {values: skeleton(wanted)}});
      this.name = wanted;
      this.showEditor({name: wanted, status: null, title: {}, inputs: {}, findings: draft.findings, text: draft.text, file: `${wanted}.yaml`, version: null, origin: "folder"}, draft);
    }});
    name.focus();
  }

  async showOne() {
    const name = this.name, path = `/api/pipelines/${encodeURIComponent(name)}`;
    const one = await call(path);
    const draft = await call(`${path}/draft`, {method: "POST", body: {text: one.text}});
    if (name === this.name) this.showEditor(one, draft);
  }

  showEditor(one, draft) {
    const editor = new Editor(this, one, draft);
    this.element.replaceChildren(action(say("back"), "back", () => this.go(null)), editor.element);
    editor.open();
  }
}

const stateOf = one => h("span", {class: `state ${one.status}`}, say(`state_${one.status}`));
const skeleton = name => ({format: 1, name, title: {en: name, es: name}, steps: [{name: "found", kind: "retrieve", limit: 8}, {name: "answer", kind: "prompt", sources: "found", text: language === "es" ? "Responde solo con los pasajes numerados y pon tras cada frase el número del suyo, así: [1]." : "Answer from the numbered passages alone, and put the number of its passage behind each sentence, like this: [1]."}], output: "answer"});

class Editor {
  constructor(desk, one, draft) {
    this.desk = desk;
    this.one = one;
    this.path = `/api/pipelines/${encodeURIComponent(one.name)}`;
    this.draft = draft;
    this.seen = draft.values ? "form" : "yaml";
    this.place = h("div", {class: "stack"});
    this.found = h("div", {class: "stack", role: "status"});
    this.state = h("p", {class: "hint"}, one.status ? stateOf(one) : say("unsaved"), one.version ? ` · ${say("version")} ${one.version}` : null);
    this.save = h("button", {type: "button", class: "main", onclick: () => this.keep()}, say("save"));
    this.history = h("section", {class: "stack"});
    const isFile = one.origin === "folder" && one.status;
    this.element = h("div", {class: "stack"},
      h("div", {class: "top"}, h("h2", {}, one.title[language] ?? one.name), h("span", {class: "bar"}, one.status && draft.values ? action(say(draft.values.enabled === false ? "switch_on" : "switch_off"), null, () => this.turn(draft.values.enabled === false)) : null, isFile ? small(say("remove"), "trash", () => this.remove()) : null)),
      this.state, oneOf(say("seen_as"), "seen-as", [["form", say("as_form")], ["yaml", say("as_yaml")]], this.seen, seen => this.show(seen)), this.place,
      h("div", {class: "bar"}, this.save, action(say("check"), "check", () => this.look())),
      one.status === "serving" || one.status === "outdated" ? new TryIt(one).element : null, this.history);
  }

  open() {
    this.show(this.seen);
    this.mark(this.draft.findings);
    if (this.one.status) this.desk.room.attempt(() => this.showHistory());
  }

  /** What is shown is made of the draft, which follows what is typed. */
  async show(seen) {
    await this.settle();
    this.seen = seen;
    if (seen === "yaml") {
      this.text = h("textarea", {rows: Math.min(26, this.draft.text.split("\n").length + 2), class: "code", spellcheck: false, wrap: "off", oninput: () => this.later({text: this.text.value})}, this.draft.text);
      this.place.replaceChildren(field(say("file_text", {file: this.one.file}), this.text), this.found);
    } else if (this.draft.values) {
      this.schema ??= await call("/api/pipelines/schema");
      this.form = new SchemaForm(this.schema, this.draft.values, values => this.later({values}));
      this.place.replaceChildren(this.found, /^\s*#/m.test(this.draft.text) ? h("p", {class: "hint"}, say("comments")) : "", this.form.element);
    } else this.place.replaceChildren(nothing("alert", say("no_form")), this.found);
    this.mark(this.draft.findings);
  }

  later(body) {
    this.waiting = body;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.desk.room.attempt(() => this.settle()), SAVES_AFTER_MS);
  }

  async settle() {
    clearTimeout(this.timer);
    const body = this.waiting;
    if (!body) return;
    this.waiting = null;
    const draft = await call(`${this.path}/draft`, {method: "POST", body});
    if (this.waiting) return;
    this.draft = body.values ? {...draft, values: body.values} : draft;
    this.mark(draft.findings);
  }

  mark(findings) {
    if (this.seen === "form") this.form?.mark(findings);
    this.found.replaceChildren(...findings.length ? [h("p", {class: "problem"}, icon("alert"), say("findings", {count: findings.length})), h("ul", {class: "findings"}, findings.map(one =>
      h("li", {}, h("button", {type: "button", class: "link", onclick: () => this.point(one)}, say("at_line", {line: one.line, column: one.column})), ` ${finding(one)}`)))] : []);
  }

  point(one) {
    if (this.seen === "form") return this.form.focus(one.path);
    const lines = this.text.value.split("\n");
    const at = lines.slice(0, one.line - 1).reduce((sum, line) => sum + line.length + 1, 0) + one.column - 1;
    this.text.focus();
    this.text.setSelectionRange(at, at + Math.max(1, (lines[one.line - 1] ?? "").length - one.column + 1));
    return null;
  }

  look() {
    return this.desk.room.attempt(async () => {
      await this.settle();
      if (!this.draft.findings.length) this.desk.room.say(say("all_good"));
    });
  }

  keep(text = null) {
    return this.desk.room.attempt(async () => {
      await this.settle();
      if (!text && this.draft.findings.length) { this.found.scrollIntoView({block: "nearest"}); return; }
      const saved = await call(this.path, {method: "PUT", body: {text: text ?? this.draft.text}});
      await this.desk.showOne();
      this.desk.room.say(say("saved", {pipeline: saved.pipeline}));
    });
  }

  turn(isOn) {
    return this.desk.room.attempt(async () => {
      const line = `enabled: ${isOn}`, text = this.draft.text;
      await this.keep(/^enabled:.*$/m.test(text) ? text.replace(/^enabled:.*$/m, line) : text.replace(/^(name:.*)$/m, `$1\n${line}`));
    });
  }

  remove() {
    formDialog({title: say("remove"), action: say("remove"), cancel: t("cancel"), isDanger: true, body: [h("p", {}, say("remove_sure", {name: this.one.name}))], submit: async () => {
      await call(this.path, {method: "DELETE"});
      await this.desk.go(null);
      this.desk.room.say(say("removed", {name: this.one.name}));
    }});
  }

  async showHistory() {
    const {data} = await call(`${this.path}/versions`);
    this.compared = h("div", {class: "stack"});
    const latest = data[0]?.version;
    const rows = data.map(one => [one.version, when(one.saved_at), say(`via_${one.via}`), one.saved_by ?? "–", one.version === latest ? "" : [
      small(say("compare", {version: one.version}), "lines", () => this.compare(one.version, latest)),
      small(say("bring_back", {version: one.version}), "back", () => this.bringBack(one.version))]]);
    this.history.replaceChildren(h("h3", {}, say("history")), data.length ? table(say("history"), [[say("version"), "figure"], [t("filter_when")], [say("via")], [say("saved_by"), "soft"], [t("column_actions"), "acts"]], rows) : nothing("steps", say("history_none")), this.compared);
  }

  compare(before, after) {
    return this.desk.room.attempt(async () => {
      const {lines} = await call(`${this.path}/difference?before=${before}&after=${after}`);
      const title = say("difference", {before, after});
      const kind = line => line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : line.startsWith("@@") ? "place" : "";
      this.compared.replaceChildren(h("section", {class: "stack", tabindex: -1, "aria-label": title}, h("h4", {}, title), lines.length ? h("pre", {class: "difference", tabindex: 0}, lines.slice(2).map(line => h("span", {class: kind(line)}, `${line}\n`))) : nothing("check", say("same"))));
      this.compared.firstChild.focus();
    });
  }

  bringBack(version) {
    return this.desk.room.attempt(async () => {
      const made = await call(`${this.path}/rollback`, {method: "POST", body: {version}});
      await this.desk.showOne();
      this.desk.room.say(say("brought_back", {version, pipeline: made.pipeline}));
    });
  }
}
