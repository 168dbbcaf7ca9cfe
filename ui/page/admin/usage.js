// What everybody used: by day, person, group and model.
import {t} from "../shell/settings.js";
import {UsageView} from "../shell/usage_view.js";

export function open(room) {
  return new UsageView(room, {by: [["user", t("usage_by_person"), t("role_user")], ["group", t("usage_by_group"), t("group")], ["model", t("usage_by_model"), t("usage_model")]], offersCsv: true});
}
