// What people thought of answers. Question and answer are there only where they let administrators read them.
import {h} from "../shell/dom.js";
import {choice, field, when} from "../shell/parts.js";
import {Pages} from "./pages.js";
import {number, t} from "../shell/settings.js";

const REASONS = ["wrong", "incomplete", "not_in_sources", "bad_citation", "language", "slow", "other"];

export function open(room) {
  const rating = choice([["", t("filter_any")], ["up", t("feedback_up")], ["down", t("feedback_down")]], "");
  const reason = choice([["", t("filter_any")], ...REASONS.map(name => [name, t(`reason_${name}`)])], "");
  const from = h("input", {type: "date"}), to = h("input", {type: "date"});
  return new Pages(room, {
    path: "/api/feedback", label: t("admin_feedback"), empty: t("feedback_empty"), filters: {rating, reason, from, to},
    fields: [field(t("feedback_rating"), rating), field(t("feedback_reason"), reason), field(t("filter_from"), from), field(t("filter_to"), to)],
    columns: [[t("feedback_rating")], [t("feedback_said")], [t("usage_model"), "soft"], [t("filter_when"), "soft"]],
    row: one => [h("span", {class: `badge ${one.rating === "up" ? "ready" : "failed"}`}, t(one.rating === "up" ? "feedback_up" : "feedback_down")),
      [one.reason ? h("div", {}, t(`reason_${one.reason}`)) : null, one.comment ? h("div", {}, one.comment) : null, one.question ? h("blockquote", {}, one.question) : null, one.answer ? h("blockquote", {}, one.answer) : null].filter(Boolean), one.model, when(one.given_at)],
    told: ({counts}) => {
      const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, number.format(value)));
      return counts.up + counts.down ? [h("dl", {class: "figures"}, figure(t("feedback_up"), counts.up), figure(t("feedback_down"), counts.down), Object.entries(counts.reasons).map(([name, count]) => figure(t(`reason_${name}`), count)))] : [];
    },
  });
}
