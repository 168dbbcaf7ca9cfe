// What administrators narrow: when at most, with personal data, whose questions, which models, and what stays whatever else is said.
import {call} from "../shell/api.js";
import {say} from "./cloud_words.js";
import {h, icon} from "../shell/dom.js";
import {choice, field, oneOf} from "../shell/parts.js";
import {t} from "../shell/settings.js";

const STEPS = ["never", "local_down", "queue"];

export class Rules {
  /** saved(told): what counts after a change. */
  constructor(room, saved) {
    this.room = room;
    this.saved = saved;
    this.element = h("form", {class: "card form wide", onsubmit: event => { event.preventDefault(); this.save(); }});
  }

  /** Drawn anew only where something else counts now: what somebody is typing stays. */
  async show(told) {
    const seen = JSON.stringify([told.permitted, told.narrowed]);
    if (seen === this.seen) return;
    const [people, groups, models] = await Promise.all([call("/api/users?limit=1000"), call("/api/groups"), call("/v1/models")]);
    this.known = [
      ...people.data.map(({id, email}) => ({kind: "user", id, name: email})),
      ...groups.data.map(({id, name}) => ({kind: "group", id, name})),
      ...models.data.map(({id}) => ({kind: "model", id, name: id})),
    ];
    this.draw(told);
    this.seen = seen;
  }

  draw({permitted, narrowed}) {
    const {at_most: most, queue_s: queue, personal_data: data, stays, only} = narrowed;
    const steps = STEPS.slice(0, STEPS.indexOf(permitted.when)).map(step => [step, say(`when.${step}`)]);
    this.most = choice([["", say("as_the_file")], ...steps.length ? steps : [["never", say("when.never")]]], most ?? "");
    this.queue = h("input", {type: "text", inputmode: "decimal", autocomplete: "off", placeholder: String(permitted.queue_s), value: queue ?? ""});
    this.veto = h("input", {type: "checkbox", checked: data === "veto"});
    this.people = new Only(this, "whose", "everybody", ["user", "group"], only.people && [...named("user", only.people.users), ...named("group", only.people.groups)]);
    this.models = new Only(this, "which_models", "all_models", ["model"], only.models?.map(model));
    this.stays = new Chosen(this, say("people_groups_models"), ["user", "group", "model"], [...named("user", stays.users), ...named("group", stays.groups), ...stays.models.map(model)], "none_chosen");
    this.element.replaceChildren(
      permitted.when === "never" ? h("p", {class: "hint"}, say("rules_idle")) : "",
      h("div", {class: "bar"}, field(say("at_most"), this.most), permitted.when === "queue" ? field(say("queue_s"), this.queue) : ""),
      permitted.personal_data === "redact" ? h("label", {class: "tick"}, this.veto, say("veto")) : "",
      this.people.element, this.models.element,
      h("fieldset", {}, h("legend", {}, say("always_stays")), h("p", {class: "hint"}, say("always_stays_lead")), this.stays.element),
      h("div", {class: "buttons"}, h("button", {type: "submit", class: "main"}, t("save"))));
  }

  save() {
    return this.room.attempt(async () => {
      const queue = this.queue.value.trim().replace(",", "."), people = this.people.value, models = this.models.value;
      const told = await call("/api/leaving", {method: "PUT", body: {
        at_most: this.most.value || null, queue_s: queue ? Number(queue) : null, personal_data: this.veto.checked ? "veto" : null,
        stays: {users: ids(this.stays.value, "user"), groups: ids(this.stays.value, "group"), models: ids(this.stays.value, "model")},
        only: {people: people && {users: ids(people, "user"), groups: ids(people, "group")}, models: models && ids(models, "model")},
      }});
      this.seen = JSON.stringify([told.permitted, told.narrowed]);
      this.draw(told);
      this.saved(told);
      this.room.say(t("saved"));
    });
  }
}

/** Everybody, or those that are chosen below. */
class Only {
  constructor(rules, label, all, kinds, chosen) {
    this.isAll = !chosen;
    this.chosen = new Chosen(rules, say(kinds.includes("model") ? "kind.model" : "people_groups"), kinds, chosen ?? [], "nobody_chosen");
    const show = () => { this.chosen.element.hidden = this.isAll; };
    this.element = h("div", {class: "stack tight"}, oneOf(say(label), `cloud-${label}`, [["all", say(all)], ["only", say("only_these")]], this.isAll ? "all" : "only", value => { this.isAll = value === "all"; show(); }), this.chosen.element);
    show();
  }

  get value() { return this.isAll ? null : this.chosen.value; }
}

/** A list that grows by a name from among those that are known. */
class Chosen {
  constructor(rules, label, kinds, value, none) {
    Object.assign(this, {rules, label, kinds, value, none});
    const offered = rules.known.filter(one => kinds.includes(one.kind)), list = h("datalist", {id: `cloud-known-${Chosen.count = (Chosen.count ?? 0) + 1}`}, offered.map(({name, kind}) => h("option", {value: name, label: say(`kind.${kind}`)})));
    const hint = kinds.length === 1 ? "add_hint_models" : kinds.length === 2 ? "add_hint" : "add_hint_all";
    this.input = h("input", {type: "text", autocomplete: "off", "aria-label": `${label}: ${say(hint)}`, placeholder: say(hint), onkeydown: event => { if (event.key === "Enter") { event.preventDefault(); this.add(); } }});
    this.input.setAttribute("list", list.id);
    this.problem = h("p", {class: "problem", role: "alert", hidden: true});
    this.list = h("ul", {class: "chips", "aria-label": label});
    this.element = h("div", {class: "stack tight"}, this.list, h("div", {class: "adding"}, this.input, list, h("button", {type: "button", class: "plain", onclick: () => this.add()}, icon("plus"), say("add"))), this.problem);
    this.draw();
  }

  add() {
    const typed = this.input.value.trim(), low = typed.toLowerCase();
    if (!typed) return;
    const one = this.rules.known.find(({kind, name}) => this.kinds.includes(kind) && name.toLowerCase() === low);
    this.problem.replaceChildren(...one ? [] : [icon("alert"), say("add_unknown", {name: typed})]);
    this.problem.hidden = Boolean(one);
    if (!one) return;
    if (!this.value.some(({kind, id}) => kind === one.kind && id === one.id)) this.value = [...this.value, one];
    this.input.value = "";
    this.draw();
    this.input.focus();
  }

  draw() {
    const take = one => {
      this.value = this.value.filter(other => other !== one);
      this.draw();
      this.input.focus();
    };
    this.list.replaceChildren(...this.value.length ? this.value.map(one => h("li", {class: "chip"}, h("span", {}, one.name ?? one.id, h("small", {}, say(`kind.${one.kind}`))),
      h("button", {type: "button", class: "quiet", title: say("take", {name: one.name ?? one.id}), "aria-label": say("take", {name: one.name ?? one.id}), onclick: () => take(one)}, icon("close"))))
      : [h("li", {class: "hint"}, say(this.none))]);
  }
}

const named = (kind, those) => those.map(({id, name}) => ({kind, id, name}));
const model = id => ({kind: "model", id, name: id});
const ids = (those, wanted) => those.filter(({kind}) => kind === wanted).map(({id}) => id);
