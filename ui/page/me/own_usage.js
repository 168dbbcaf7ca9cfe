// What I used: by day and by model.
import {t} from "../shell/settings.js";
import {UsageView} from "../shell/usage_view.js";

export function open(room) { return new UsageView(room, {by: [["model", t("usage_by_model"), t("usage_model")]], whose: "me", offersCsv: true}); }
