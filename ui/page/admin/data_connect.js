// Connecting a database, and changing how it is reached: it is tried first, and its role is looked at.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h} from "../shell/dom.js";
import {roleReport} from "./data_role.js";
import {say, telling} from "./data_words.js";
import {choice, field} from "../shell/parts.js";
import {t} from "../shell/settings.js";

const TLS = ["verify-full", "verify-ca", "encrypted", "off"];
const SHOWN = ["host", "port", "database", "user", "password_file", "tls", "ca_file", "path"];

/** all: the list with what this box says of itself; one: null for a new one; done(made). */
export function connectForm(all, one, done) {
  const had = one?.settings ?? {};
  const text = (name, more = {}) => h("input", {type: "text", autocomplete: "off", spellcheck: "false", value: String(had[name] ?? ""), ...more});
  const name = h("input", {type: "text", maxLength: 200, required: true, autocomplete: "off", value: one?.name ?? ""});
  const description = h("textarea", {rows: "2", maxLength: 4000});
  description.value = one?.description ?? "";
  const kind = choice(all.kinds.map(value => [value, say(`kind.${value}`)]), one?.kind ?? all.kinds[0], {onchange: () => show(), disabled: Boolean(one)});
  const inputs = {
    host: text("host"), port: text("port", {inputmode: "numeric"}), database: text("database"), user: text("user"),
    password_file: text("password_file"), tls: choice(TLS.map(value => [value, say(`tls.${value}`)]), had.tls ?? "verify-full"), ca_file: text("ca_file"), path: text("path"),
  };
  const rows = text("rows", {inputmode: "numeric", value: String(one?.caps.rows ?? ""), placeholder: say("as_configured", {value: all.caps.rows})});
  const seconds = text("seconds", {inputmode: "decimal", value: String(one?.caps.timeout_s ?? ""), placeholder: say("as_configured", {value: all.caps.timeout_s})});
  const paused = h("input", {type: "checkbox", checked: one?.is_paused ?? false});
  const reason = h("input", {type: "text", autocomplete: "off", value: one?.writable_because ?? ""});
  const server = [
    field(say("host"), inputs.host, say("host_hint")), field(say("port"), inputs.port), field(say("database"), inputs.database), field(say("user"), inputs.user),
    field(say("password_file"), inputs.password_file, say("password_hint")), h("pre", {class: "log", tabindex: "0", "aria-label": say("copy_statements")}, `install -m 600 /dev/stdin ${all.password_folder}/NAME`),
    field(say("tls"), inputs.tls), field(say("ca_file"), inputs.ca_file)];
  const file = field(say("path"), inputs.path, say("path_hint", {folder: all.sqlite_folder}));
  const role = h("div", {class: "stack tight"});
  const because = h("div", {hidden: !one?.writable_because}, field(say("role_reason"), reason, say("role_reason_hint")));
  const show = () => {
    for (const row of server) row.hidden = kind.value === "sqlite";
    file.hidden = kind.value !== "sqlite";
  };
  show();
  const settings = () => ({...rest(had), ...kind.value === "sqlite" ? given({path: inputs.path.value}) : given({
    ...Object.fromEntries(["host", "database", "user", "password_file", "ca_file"].map(key => [key, inputs[key].value])), port: Number(inputs.port.value) || null, tls: inputs.tls.value})});
  formDialog({
    title: one?.name ?? say("connect"), action: one ? t("save") : say("connect"), cancel: t("cancel"), width: "640px",
    body: [field(t("me_name"), name, say("name_hint")), field(say("kind"), kind), ...server, file, field(say("description"), description, say("description_hint")),
      field(say("max_rows"), rows), field(say("max_seconds"), seconds),
      one ? h("label", {class: "choice"}, paused, say("paused")) : "", role, because],
    submit: () => telling(async () => {
      const reached = settings(), isSame = one && JSON.stringify(sorted(reached)) === JSON.stringify(sorted(had));
      if (!isSame) {
        const tested = await call("/api/data/sources/test", {method: "POST", body: {kind: kind.value, settings: reached}});
        role.replaceChildren(roleReport(tested.role, "", kind.value));
        because.hidden = !tested.role.can_write;
        if (tested.role.can_write && !reason.value.trim()) throw new Error(say("role_refused"));
      }
      const body = {name: name.value.trim(), description: description.value.trim(), caps: {rows: Number(rows.value) || null, timeout_s: Number(seconds.value.replace(",", ".")) || null}};
      if (!because.hidden) body.writable_because = reason.value.trim();
      if (!isSame) body.settings = reached;
      if (one) body.is_paused = paused.checked;
      else body.kind = kind.value;
      if (one && one.caps) body.caps = {...one.caps, ...body.caps};
      await done(await call(one ? `/api/data/sources/${one.id}` : "/api/data/sources", {method: one ? "PATCH" : "POST", body}));
    }),
  });
  name.focus();
}

/** Settings that this form does not know stay as they are. */
const rest = had => Object.fromEntries(Object.entries(had).filter(([key]) => !SHOWN.includes(key)));
const given = told => Object.fromEntries(Object.entries(told).map(([key, value]) => [key, typeof value === "string" ? value.trim() : value]).filter(([key, value]) => value && !(key === "tls" && value === "verify-full")));
const sorted = told => Object.entries(told).sort(([one], [other]) => one < other ? -1 : 1);
