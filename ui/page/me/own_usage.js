// What I used: by day and by model; and what of it still may be spent.
import {call} from "../shell/api.js";
import {budgetTable} from "../shell/budgets_view.js";
import {h} from "../shell/dom.js";
import {t} from "../shell/settings.js";
import {UsageView} from "../shell/usage_view.js";

export function open(room) { return new OwnUsage(room); }

class OwnUsage {
  constructor(room) {
    this.room = room;
    this.usage = new UsageView(room, {by: [["model", t("usage_by_model"), t("usage_model")]], whose: "me", offersCsv: true});
    this.budgets = h("section", {class: "stack", hidden: true});
    this.element = h("div", {class: "stack"}, this.usage.element, this.budgets);
  }

  async see(isSeen) {
    await this.usage.see(isSeen);
    if (!isSeen) return;
    await this.room.attempt(async () => {
      const {data, currency} = await call("/api/budgets/mine");
      this.budgets.hidden = !data.length;
      this.budgets.replaceChildren(...data.length ? [h("h2", {}, t("budgets")), budgetTable(data, currency, row => t(`budget_of_${row.subject_kind}`))] : []);
    });
  }
}
