// What the watchdog sees: one line for everybody whose answers are slow, cards with the evidence for administrators.
import {call} from "./api.js";
import {h, icon} from "./dom.js";
import {when} from "./parts.js";
import {filled, number, settings, t} from "./settings.js";

const EVERY_MS = 30_000;
const percent = new Intl.NumberFormat(document.documentElement.lang || "en", {style: "percent", maximumFractionDigits: 0});

/** Nothing where it cannot be asked: whoever answers questions says so in its own way. */
export async function findings() {
  try { return (await call("/api/watchdog")).data; } catch { return []; }
}

/** The most exact of the page's sentences. */
const sentence = (kind, finding) => settings.texts[`${kind}.${finding.kind}.${finding.reason ?? finding.values?.reason}`] ?? settings.texts[`${kind}.${finding.kind}`];

/** A line that appears while answers are slow, and goes when they are not. */
export class SlowLine {
  constructor() {
    this.element = h("p", {class: "slow-line", role: "status", hidden: true});
    document.addEventListener("visibilitychange", () => this.look());
    this.look();
    setInterval(() => this.look(), EVERY_MS);
  }

  async look() {
    if (document.hidden) return;
    const said = [...new Set((await findings()).filter(one => one.slows_answers).map(one => sentence("slow", one)))].filter(Boolean);
    this.element.hidden = !said.length;
    const text = said[0] ?? "";
    if (this.element.textContent !== text) this.element.replaceChildren(...text ? [icon("info"), h("span", {}, text)] : []);
  }
}

/** One finding with its evidence, since when, and what helps. */
export function card(finding) {
  const {severity} = finding, text = sentence("seen", finding);
  const values = {subject: finding.subject, ...finding.values};
  if (typeof values.share === "number") values.share = percent.format(values.share);
  if (values.reason) values.reason = settings.texts[`limited_by.${values.reason}`] ?? values.reason;
  const shown = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === "number" ? number.format(value) : value]));
  return h("li", {class: `finding ${severity}`},
    h("h3", {}, h("span", {class: `light ${severity}`}, icon(severity === "error" ? "alert" : "info"), t(`severity_${severity}`)), t("watchdog_now")),
    h("p", {}, text ? filled(text, shown) : finding.kind),
    h("p", {class: "soft"}, [t("watchdog_since", {moment: when(finding.since)}), settings.texts[`remedy_of.${finding.remedy}`], finding.restarts ? t("watchdog_restarted", {count: number.format(finding.restarts)}) : "", finding.is_given_up ? t("watchdog_given_up") : ""].filter(Boolean).join(" ")));
}
