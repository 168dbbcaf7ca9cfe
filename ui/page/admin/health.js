// What the doctor finds: what is the matter, worst first, with the command to copy; then all that is well.
import {copyButton} from "../chat/copying.js";
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {action, nothing, table, when} from "../shell/parts.js";
import {card as seen, findings} from "../shell/watchdog.js";
import {filled, language, number, settings, t} from "../shell/settings.js";

const WORST_FIRST = ["error", "warning"];
const SIGNS = {error: "alert", warning: "info", ok: "check"};

export function open(room) { return new Health(room); }

class Health {
  constructor(room) {
    this.again = action(t("health_again"), "again", () => room.attempt(() => this.see(true)));
    this.tools = [this.again];
    this.state = h("p", {class: "hint", role: "status"});
    this.now = h("ul", {class: "findings", "aria-label": t("watchdog_now"), hidden: true});
    this.list = h("div", {class: "stack"});
    this.element = h("div", {class: "stack"}, this.now, this.state, this.list);
  }

  async see(isSeen) {
    if (!isSeen) return;
    this.state.textContent = t("health_looking");
    this.again.disabled = true;
    findings().then(found => { this.now.hidden = !found.length; this.now.replaceChildren(...found.map(seen)); });
    try { await this.read(); } catch (error) {
      this.state.textContent = "";
      throw error;                            // the room says why
    } finally { this.again.disabled = false; }
  }

  async read() {
    // These sentences are many, and nobody else needs them: they come with this view.
    const [told, {default: texts}] = await Promise.all([call("/api/doctor"), import(`./findings_${language}.js`)]), {error, warning} = told.counts;
    const found = WORST_FIRST.flatMap(severity => told.data.filter(finding => finding.severity === severity));
    const well = told.data.filter(({severity}) => severity === "ok");
    this.state.textContent = `${error + warning ? t("health_found", {errors: number.format(error), warnings: number.format(warning)}) : t("health_well")} ${t("health_when", {moment: when(told.examined_at)})}`;
    this.list.replaceChildren(
      found.length ? h("ul", {class: "findings"}, found.map(finding => card(finding, texts))) : nothing("check", t("health_nothing")),
      h("h2", {}, t("health_ok")),
      table(t("health_ok"), [[t("health_check")], [t("health_finding")]], well.map(finding => [h("span", {class: "light ok"}, icon(SIGNS.ok), nameOf(finding)), [said("finding", finding, texts), finding.command ? copyable(finding.command) : null].filter(Boolean)])));
  }
}

const nameOf = finding => settings.texts[`check_${finding.check}`] ?? finding.check;

/** The page's own sentence, its numbers as this language writes them; the server's English one where the page has none. */
function said(kind, finding, texts) {
  const sentence = texts[`${kind}.${finding.id}`];
  if (!sentence) return kind === "finding" ? finding.sentence : finding.remedy;
  return filled(sentence, Object.fromEntries(Object.entries(finding.values).map(([name, value]) => [name, typeof value === "number" ? number.format(value) : value])));
}

function card(finding, texts) {
  const remedy = said("remedy", finding, texts);
  return h("li", {class: `finding ${finding.severity}`},
    h("h3", {}, h("span", {class: `light ${finding.severity}`}, icon(SIGNS[finding.severity]), t(`severity_${finding.severity}`)), nameOf(finding)),
    h("p", {}, said("finding", finding, texts)),
    finding.lines.length ? h("pre", {class: "log", tabindex: "0", "aria-label": t("health_log")}, finding.lines.join("\n")) : null,
    remedy ? h("p", {class: "soft"}, remedy) : null,
    finding.command ? copyable(finding.command) : null);
}

const copyable = command => h("div", {class: "command"}, h("code", {}, command), copyButton(`${t("copy")}: ${command}`, () => command));
