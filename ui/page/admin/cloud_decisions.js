// Every time a cloud was thought of: whether the question left, and why.
import {say} from "./cloud_words.js";
import {h} from "../shell/dom.js";
import {choice, field, when} from "../shell/parts.js";
import {Pages} from "./pages.js";
import {number, settings, t} from "../shell/settings.js";

const CODES = Object.keys(settings.texts).filter(key => key.startsWith("stay.")).map(key => [key.slice("stay.".length), settings.texts[key]]);

export function decisions(room) {
  const decision = choice([["", t("filter_any")], ...["leave", "stay"].map(value => [value, say(`decision.${value}`)])], "");
  const code = choice([["", t("filter_any")], ...CODES], "");
  const search = () => h("input", {type: "search", autocomplete: "off"});
  const filters = {decision, code, person: search(), model: search(), from: h("input", {type: "date"}), to: h("input", {type: "date"})};
  const pages = new Pages(room, {
    path: "/api/leaving/decisions", label: say("decisions"), empty: say("decisions_none"), filters,
    fields: [field(say("decision"), decision), field(say("why"), code), field(t("audit_person"), filters.person), field(say("model"), filters.model), field(t("filter_from"), filters.from), field(t("filter_to"), filters.to)],
    columns: [[t("filter_when"), "soft"], [t("email")], [say("model")], [say("thought_of"), "soft"], [say("decision")], [say("why")]],
    row: one => [when(one.happened_at), [one.email ?? "–", one.key ? h("small", {}, say("with_key", {key: one.key})) : ""], h("code", {}, one.model), say(`reason.${one.reason}`, {seconds: number.format(one.waited_s)}),
      h("span", {class: `badge ${one.decision === "leave" ? "refused" : "ready"}`}, say(`decision.${one.decision}`)),
      [settings.texts[`stay.${one.code}`] ?? one.why, one.redactions ? h("small", {}, say("hidden", {count: number.format(one.redactions)})) : ""]],
    told: () => {
      pages.empty = say(Object.keys(pages.query()).length ? "decisions_none_found" : "decisions_none");
      return [];
    },
  });
  return pages;
}
