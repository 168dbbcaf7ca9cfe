// Budgets in money: how all of them stand, and where they are set, changed and taken away.
import {call} from "../shell/api.js";
import {budgetTable} from "../shell/budgets_view.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h} from "../shell/dom.js";
import {action, choice, download, field, nothing, small} from "../shell/parts.js";
import {t} from "../shell/settings.js";

const SUBJECTS = ["organisation", "everyone", "group", "user"];

export class Budgets {
  constructor(room) {
    this.room = room;
    this.list = h("div", {class: "stack"});
    this.element = h("section", {class: "stack"}, h("div", {class: "top"}, h("h2", {}, t("budgets")), h("span", {class: "bar"}, download("/api/budgets/state"), action(t("budget_new"), "plus", () => this.edit()))), h("p", {class: "hint"}, t("budgets_lead")), this.list);
  }

  async refresh() {
    const asked = this.asked = Symbol("asked");
    const [set, state] = await Promise.all([call("/api/budgets"), call("/api/budgets/state")]);
    if (asked !== this.asked) return;          // read before something was set, told after it
    this.currency = set.currency;
    const rest = set.data.filter(one => one.subject_kind === "everyone" && !state.data.some(row => row.id === one.id));
    const rows = [...state.data, ...rest.map(one => ({...one, spent: 0, held: 0, level: 0, whole_at: null}))];
    const byId = new Map(set.data.map(one => [one.id, one]));
    this.list.replaceChildren(rows.length ? budgetTable(rows, set.currency, row => this.whose(row, byId.get(row.id)), [[t("column_actions"), "acts"], row => this.acts(row, byId.get(row.id))]) : nothing("gauge", t("budgets_none")));
  }

  /** Somebody for whom everyone's counts stands under that name too. */
  whose(row, set) {
    const name = row.subject_name ?? (row.subject_kind === "user" ? row.subject : t(`budget_for_${row.subject_kind}`));
    const isEveryones = set?.subject_kind === "everyone" && row.subject_kind === "user";
    return [h("button", {type: "button", class: "link", onclick: () => this.edit(set ?? row)}, name), isEveryones ? h("small", {}, t("budget_for_everyone")) : ""];
  }

  acts(row, set) {
    if (!set || set.subject_kind === "everyone" && row.subject_kind === "user") return "";
    const name = set.subject_name ?? t(`budget_for_${set.subject_kind}`);
    return small(t("budget_remove_of", {name}), "trash", () => this.room.attempt(async () => {
      await call(`/api/budgets/${set.id}`, {method: "DELETE"});
      await this.refresh();
      this.room.say(t("saved"));
    }));
  }

  edit(set = null) {
    return this.room.attempt(async () => {
      const [{data: groups}, {data: people}] = await Promise.all([call("/api/groups"), call("/api/users?limit=1000")]);
      const whom = {group: groups.map(({id, name}) => [id, name]), user: people.map(({id, email}) => [id, email])};
      const kinds = SUBJECTS.filter(kind => !whom[kind] || whom[kind].length);
      const kind = choice(kinds.map(name => [name, t(`budget_for_${name}`)]), set?.subject_kind ?? "organisation", {onchange: () => show()});
      const each = choice(["day", "month"].map(name => [name, t(`budget_each_${name}`)]), set?.window ?? "month");
      const covers = choice(["all", "cloud"].map(name => [name, t(`budget_covers_${name}`)]), set?.covers ?? "all");
      const amount = h("input", {type: "text", inputmode: "decimal", required: true, autocomplete: "off", value: set ? String(set.amount) : ""});
      const place = h("div", {});
      let subject = null;
      const show = () => {
        subject = whom[kind.value] ? choice(whom[kind.value], set?.subject_kind === kind.value ? set.subject : whom[kind.value][0][0]) : null;
        place.replaceChildren(...subject ? [field(t(`limits_of_${kind.value}`), subject)] : []);
      };
      show();
      formDialog({
        title: t(set ? "budget_change" : "budget_new"), action: t("save"), cancel: t("cancel"), width: "520px",
        body: [field(t("budget_whose"), kind), place, field(t("budget_each"), each), field(t("budget_covers"), covers), field(t("budget_amount", {currency: this.currency}), amount)],
        submit: async () => {
          await call("/api/budgets", {method: "PUT", body: {subject_kind: kind.value, subject: subject?.value ?? null, window: each.value, covers: covers.value, amount: amount.value.trim().replace(",", ".")}});
          await this.refresh();
          this.room.say(t("saved"));
        },
      });
      amount.focus();
    });
  }
}
