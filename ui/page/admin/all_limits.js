// Every limit there is, whomever or whatever it holds for; those of keys and models are set here and nowhere else on the page.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h} from "../shell/dom.js";
import {Budgets} from "./budgets.js";
import {KINDS, limitFields} from "./limits.js";
import {action, choice, field, nothing, table, whole} from "../shell/parts.js";
import {t} from "../shell/settings.js";

const NAMES = new Map(KINDS);

export function open(room) { return new AllLimits(room); }

class AllLimits {
  constructor(room) {
    this.room = room;
    this.list = h("div", {});
    this.budgets = new Budgets(room);
    this.element = h("div", {class: "stack"}, h("p", {class: "hint"}, t("limits_lead")), this.list, this.budgets.element);
    this.tools = [action(t("limits_model"), "plus", () => this.choose("model")), action(t("limits_key"), "plus", () => this.choose("key")), action(t("limits_everybody"), null, () => this.edit("everyone", null, t("limits_everybody"), t("limits_everybody_lead")))];
  }

  async see(isSeen) {
    if (!isSeen) return;
    await this.refresh();
    await this.room.attempt(() => this.budgets.refresh());
  }

  refresh() {
    const asked = this.asked = Symbol("asked");
    return this.room.attempt(async () => {
      const {data} = await call("/api/limits"), rows = grouped(data);
      if (asked !== this.asked) return;        // read before something was set, told after it
      this.list.replaceChildren(rows.length ? table(t("limits"), [[t("limits_whose")], [t("kind"), "soft"], [t("limits")]], rows.map(limits => this.row(limits))) : nothing("lines", t("limits_none")));
    });
  }

  row(limits) {
    const [{subject_kind: kind, subject, subject_name: name}] = limits;
    const label = kind === "everyone" ? t("people_all") : name ?? subject;
    return [h("button", {type: "button", class: "link", onclick: () => this.edit(kind, subject, label, kind === "everyone" ? t("limits_everybody_lead") : "")}, kind === "key" ? t("key_called", {prefix: label}) : label), t(`limits_of_${kind}`),
      h("ul", {class: "names"}, limits.map(one => h("li", {}, `${t(NAMES.get(one.kind))}: ${whole(one.most)}`)))];
  }

  /** A model or a key of all there are; its figures stand below as soon as it is chosen. */
  choose(kind) {
    return this.room.attempt(async () => {
      const options = await (kind === "model" ? models() : keys());
      if (!options.length) throw new Error(t(kind === "model" ? "limits_no_model" : "limits_no_key"));
      const figures = h("div", {}), show = async id => {
        figures.replaceChildren();             // what is typed into another one's fields would be lost
        const shown = await limitFields(kind, id);
        if (subject.value === id) figures.replaceChildren(shown.element);
        return shown;
      };
      const subject = choice(options, options[0][0], {onchange: () => { limits = show(subject.value); }});
      let limits = show(subject.value);
      await limits;
      formDialog({title: t(kind === "model" ? "limits_model" : "limits_key"), action: t("save"), cancel: t("cancel"), width: "520px", body: [field(t(`limits_of_${kind}`), subject), figures], submit: async () => this.save(await limits)});
    });
  }

  edit(kind, subject, title, lead) {
    return this.room.attempt(async () => {
      const limits = await limitFields(kind, subject);
      formDialog({title, action: t("save"), cancel: t("cancel"), body: [lead ? h("p", {class: "hint"}, lead) : "", limits.element], submit: () => this.save(limits)});
    });
  }

  async save(limits) {
    await limits.save();
    await this.refresh();
    this.room.say(t("saved"));
  }
}

/** The limits of one subject together, in the order in which they came. */
function grouped(limits) {
  const found = new Map();
  for (const one of limits) {
    const key = `${one.subject_kind} ${one.subject}`;
    found.set(key, [...found.get(key) ?? [], one]);
  }
  return [...found.values()];
}

const models = async () => (await call("/v1/models")).data.map(({id}) => [id, id]);

async function keys() {
  const [{data}, {data: people}] = await Promise.all([call("/api/keys?everybody=true"), call("/api/users?limit=1000")]);
  const emails = new Map(people.map(({id, email}) => [id, email]));
  return data.filter(key => !key.revoked_at).map(key => [key.id, [emails.get(key.user_id), key.name, `${key.prefix}…`].filter(Boolean).join(" · ")]);
}
