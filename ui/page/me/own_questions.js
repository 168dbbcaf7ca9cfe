// Saved questions: one's own and those one may ask; for administrators what is offered to everybody, to be verified.
import {call} from "../shell/api.js";
import {DataTable, turnTableLook} from "../chat/turn_table.js";
import {fields} from "../chat/turn_table_save.js";
import {say, shown} from "../chat/turn_table_words.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h, icon} from "../shell/dom.js";
import {action, field, nothing, small, table, when} from "../shell/parts.js";
import {language, t} from "../shell/settings.js";

export function open(room) { return new Questions(room, false); }

const stateOf = one => one.problem ? "broken" : one.is_verified ? "verified" : one.is_proposed ? "proposed" : "own";

export class Questions {
  /** verifies: whether what others offer is looked at here. */
  constructor(room, verifies) {
    this.room = room;
    this.verifies = verifies;
    this.list = h("div", {});
    this.result = h("div", {"aria-live": "polite"});
    this.element = h("div", {class: "stack"}, h("p", {class: "hint"}, say(verifies ? "admin_lead" : "list_lead")), this.list, this.result);
    const {shadowRoot} = room.host;
    if (!shadowRoot.adoptedStyleSheets.includes(turnTableLook)) shadowRoot.adoptedStyleSheets.push(turnTableLook);
  }

  see(isSeen) { return isSeen ? this.refresh() : null; }

  refresh() {
    return this.room.attempt(async () => {
      const {data} = await call("/api/data/questions");
      const some = this.verifies ? data.filter(one => one.is_proposed || one.is_verified) : data;
      const rows = some.map(one => [this.asked(one), say(`state.${stateOf(one)}`), when(one.changed_at), h("span", {class: "bar"}, this.deeds(one))]);
      this.list.replaceChildren(rows.length ? table(t("me_questions"), [[say("question")], [say("state")], [say("changed"), "soft"], [t("column_actions"), "acts"]], rows) : nothing("archive", say("list_none")));
    });
  }

  asked(one) {
    return h("details", {class: "asked-of-data"}, h("summary", {lang: one.language}, one.question),
      one.problem ? h("p", {class: "problem"}, icon("alert"), one.problem.detail || say("state.broken")) : null,
      one.wordings.length ? h("ul", {}, one.wordings.map(words => h("li", {}, words))) : null,
      h("pre", {tabindex: "0", role: "region", "aria-label": say("sql")}, h("code", {}, one.sql)));
  }

  deeds(one) {
    const {question} = one, named = key => say(key, {question});
    return [
      small(named("run"), "play", () => this.run(one)),
      one.may_change ? small(named("edit"), "pencil", () => this.edit(one)) : null,
      this.verifies ? action(say(one.is_verified ? "withdraw" : "verify"), one.is_verified ? "back" : "check", () => this.judge(one), {"aria-label": `${say(one.is_verified ? "withdraw" : "verify")}: ${question}`}) : null,
      one.may_change ? small(named("remove"), "trash", () => this.remove(one)) : null,
    ].filter(Boolean);
  }

  run(one) {
    const asked = one.parameters.map(parameter => ({parameter, input: inputFor(parameter)}));
    const submit = async () => {
      const values = Object.fromEntries(asked.map(({parameter, input}) => [parameter.name, input.value.trim()]).filter(([, value]) => value));
      const found = await call(`/api/data/questions/${one.id}/run`, {method: "POST", body: {values}});
      this.result.replaceChildren(h("h2", {}, one.question), new DataTable(found).element);
      this.result.scrollIntoView({block: "nearest"});
    };
    if (!asked.length) return this.room.attempt(submit);
    formDialog({title: one.question, action: say("run_title"), cancel: t("cancel"), submit,
      body: asked.map(({parameter, input}) => field(parameter.label || parameter.name, input, hintFor(parameter)))});
  }

  edit(one) {
    const words = fields(one), propose = h("input", {type: "checkbox", checked: one.is_proposed || one.is_verified});
    formDialog({title: say("change_title"), action: t("save"), cancel: t("cancel"), width: "600px",
      body: [...words.elements, one.is_own && !one.is_verified ? h("label", {class: "tick"}, propose, say("propose")) : null].filter(Boolean),
      submit: async () => {
        const {source_id, sql, parameters, is_example, is_offered} = one;
        await call(`/api/data/questions/${one.id}`, {method: "PUT", body: {source_id, sql, parameters, is_example, is_offered, ...words.values(), is_proposed: propose.checked && !one.is_verified}});
        await this.refresh();
      }});
  }

  judge(one) {
    return this.room.attempt(async () => {
      await call(`/api/data/questions/${one.id}/verdict`, {method: "PUT", body: {is_good: !one.is_verified}});
      await this.refresh();
      this.room.say(t("saved"));
    });
  }

  remove(one) {
    formDialog({title: say("remove", {question: one.question}), action: t("delete"), isDanger: true, body: [h("p", {}, say("remove_lead"))], submit: async () => {
      await call(`/api/data/questions/${one.id}`, {method: "DELETE"});
      await this.refresh();
    }});
  }
}

function inputFor({choices, default: usual}) {
  if (!choices.length) return h("input", {type: "text", maxLength: 200, value: String(usual ?? ""), autocomplete: "off"});
  return h("select", {}, choices.map(value => h("option", {value, selected: value === usual}, value)));
}

function hintFor({kind, choices}) {
  const example = {date: language === "es" ? "marzo, mes pasado, 2026-03-01" : "March, last month, 2026-03-01", integer: shown(10, {kind: "integer", name: ""})}[kind];
  return example && !choices.length ? say("value_hint", {example}) : undefined;
}
