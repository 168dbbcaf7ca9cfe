// What a database's role could do beside reading, and the statements that make one which cannot.
import {copyText} from "../chat/copying.js";
import {h, icon} from "../shell/dom.js";
import {action} from "../shell/parts.js";
import {say} from "./data_words.js";
import {t} from "../shell/settings.js";

/** role: as the server reports it; reason: why it was accepted, where it was; kind: of database. */
export function roleReport(role, reason, kind) {
  if (!role) return h("p", {class: "hint"}, "–");
  const isFile = kind === "sqlite";
  const lines = role.grants.map(statement => isFile ? statement : `${statement};`).join("\n");
  const copy = action(t("copy"), "copy", async () => {
    await copyText(lines);
    copy.replaceChildren(icon("check"), t("copied"));
  });
  return h("div", {class: "stack tight"},
    h("p", {class: role.can_write ? "problem" : ""}, role.can_write ? icon("alert") : "", say(isFile ? "role_opened" : role.can_write ? "role_writes" : "role_reads", {name: role.name})),
    reason ? h("p", {}, say("role_accepted", {reason})) : "",
    role.problems.length && !isFile ? h("p", {class: "hint"}, say("role_could", {problems: role.problems.map(problem).join(", ")})) : "",
    lines && role.problems.length ? h("div", {class: "stack tight"}, h("p", {class: "hint"}, say(isFile ? "role_file" : "role_grants")), h("pre", {class: "log", tabindex: "0", "aria-label": say("copy_statements")}, lines), h("div", {}, copy)) : "");
}

/** `writes:public.sale` as a sentence; what has none stands as the server says it. */
function problem(code) {
  const [kind, ...what] = code.split(":"), said = say(`problem.${kind}`, {what: what.join(":")});
  return said === `problem.${kind}` ? code : said;
}
