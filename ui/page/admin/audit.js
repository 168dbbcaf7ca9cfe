// Who did what to whom, and when: of a kind, of a person, in a span of time.
import {h} from "../shell/dom.js";
import {choice, field, when} from "../shell/parts.js";
import {Pages} from "./pages.js";
import {settings, t} from "../shell/settings.js";

const KINDS = [["sign_in", "audit_sign_in"], ["session", "audit_session"], ["password", "audit_password"], ["key", "audit_key"], ["user", "audit_user"], ["role", "audit_role"], ["group", "audit_group"], ["limit", "audit_limit"], ["share", "audit_share"], ["deletion", "audit_deletion"], ["job", "audit_job"], ["question", "audit_question"], ["model", "audit_model"], ["leaving", "audit_leaving"], ["data", "audit_data"], ["prompt", "audit_prompt"], ["tools", "admin_tools"]];

const said = value => typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
const details = detail => Object.entries(detail).map(([name, value]) => `${name}: ${said(value)}`).join(", ");

export function open(room) {
  const kind = choice([["", t("filter_any")], ...KINDS.map(([value, key]) => [value, t(key)])], "");
  const person = h("input", {type: "search", inputmode: "email", autocomplete: "off"});
  const from = h("input", {type: "date"}), to = h("input", {type: "date"});
  return new Pages(room, {
    path: "/api/audit", label: t("admin_audit"), empty: t("audit_empty"), filters: {kind, person, from, to},
    fields: [field(t("audit_kind"), kind), field(t("audit_person"), person), field(t("filter_from"), from), field(t("filter_to"), to)],
    columns: [[t("audit_action")], [t("audit_actor")], [t("audit_subject")], [t("session_address"), "soft"], [t("filter_when"), "soft"]],
    row: line => [[settings.texts[`action.${line.action}`] ?? line.action, Object.keys(line.detail).length ? h("small", {}, details(line.detail)) : null].filter(Boolean), line.actor ?? "–", line.subject ?? "", line.address, when(line.happened_at)],
  });
}
