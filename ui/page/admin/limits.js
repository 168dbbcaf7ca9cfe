// What somebody, a group or everybody may use: one figure for each kind, none where there is no limit.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {field} from "../shell/parts.js";
import {t} from "../shell/settings.js";

export const KINDS = [["requests_per_minute", "limit_requests_minute"], ["tokens_per_minute", "limit_tokens_minute"], ["tokens_per_day", "limit_tokens_day"], ["tokens_per_month", "limit_tokens_month"], ["concurrent_requests", "limit_at_once"]];

/** kind: "user", "group", "key", "model" or "everyone"; subject: its id. Returns {element, save()}; save sends only what was changed. */
export async function limitFields(kind, subject = null) {
  const {data} = await call("/api/limits");
  const set = new Map(data.filter(one => one.subject_kind === kind && (kind === "everyone" || one.subject === subject)).map(one => [one.kind, one]));
  const inputs = KINDS.map(([name, key]) => [name, h("input", {type: "text", inputmode: "numeric", pattern: "[0-9]*", autocomplete: "off", placeholder: t("limit_none"), value: String(set.get(name)?.most ?? "")}), t(key)]);
  const save = async () => {
    for (const [name, input] of inputs) {
      const old = set.get(name), wanted = input.value.replace(/[\s.,]/g, "");
      if (wanted === String(old?.most ?? "")) continue;
      if (!wanted) await call(`/api/limits/${old.id}`, {method: "DELETE"});
      else await call("/api/limits", {method: "PUT", body: {subject_kind: kind, subject, kind: name, most: Number(wanted)}});
    }
  };
  return {element: h("fieldset", {class: "limits"}, h("legend", {}, t("limits")), inputs.map(([, input, label]) => field(label, input))), save};
}
