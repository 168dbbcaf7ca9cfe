// What was asked and used: the sums, a column for each day, and a table by model, person or group.
import {call} from "./api.js";
import {h} from "./dom.js";
import {choice, compact, dayOf, download, field, nothing, table, whole} from "./parts.js";
import {columnPlot} from "./plots.js";
import {language, money, number, t} from "./settings.js";

const DAYS = [7, 30, 90, 365];
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const tokensOf = row => row.prompt_tokens + row.completion_tokens;
const percent = new Intl.NumberFormat(language, {style: "percent", maximumFractionDigits: 0});

/** Seconds, as hours and minutes. */
const hours = seconds => seconds < 60 ? `${number.format(Math.round(seconds * 10) / 10)} s` : seconds < 3600 ? `${number.format(Math.round(seconds / 6) / 10)} min` : `${number.format(Math.round(seconds / 360) / 10)} h`;
/** Joules, as watt hours. */
const energy = joules => joules < 3.6e6 ? `${number.format(Math.round(joules / 360) / 10)} Wh` : `${number.format(Math.round(joules / 36_000) / 100)} kWh`;
const MORE = [["audio_s", "usage_heard", hours], ["engine_s", "usage_engine", hours], ["energy_j", "usage_energy", energy]];

/** by: [what, label of its column] of each table. whose: for one person, "me". offersCsv: whether it may be carried away. */
export class UsageView {
  constructor(room, {by, whose, offersCsv}) {
    this.room = room;
    this.by = by;
    this.whose = whose ? {user: whose} : {};
    this.days = choice(DAYS.map(days => [String(days), t("usage_days", {count: number.format(days)})]), "30", {onchange: () => this.see(true)});
    this.shown = h("div", {class: "stack"});
    this.csv = h("span", {class: "bar"});
    this.offersCsv = offersCsv;
    this.element = h("div", {class: "stack"}, h("div", {class: "bar"}, field(t("usage_span"), this.days), this.csv), this.shown);
  }

  query(by) {
    const first = new Date(Date.now() - (Number(this.days.value) - 1) * 86_400_000);
    const from = new Intl.DateTimeFormat("en-CA", {year: "numeric", month: "2-digit", day: "2-digit"}).format(first);
    return {by, from, tz: zone, ...this.whose};
  }

  see(isSeen) {
    if (!isSeen) return;
    const ask = by => call(`/api/usage?${new URLSearchParams(this.query(by))}`);
    return this.room.attempt(async () => {
      const [days, ...tables] = await Promise.all([ask("day"), ...this.by.map(([what]) => ask(what))]);
      if (this.offersCsv) this.csv.replaceChildren(...[["day", t("usage_by_day")], ...this.by].map(([what, label]) => {
        const link = download("/api/usage", this.query(what));
        link.append(` · ${label}`);
        return link;
      }));
      this.shown.replaceChildren(...days.total.calls || days.total.requests ? this.drawn(days, tables) : [nothing("lines", t("usage_none"))]);
    });
  }

  drawn({data, total, currency}, tables) {
    this.currency = currency;
    const ends = [dayOf(data[0].key), dayOf(data.at(-1).key)];
    const label = t("usage_told", {from: ends[0], to: ends[1], tokens: whole(tokensOf(total)), requests: whole(total.requests)});
    const columns = data.map(day => ({value: tokensOf(day), label: `${dayOf(day.key)}: ${t("usage_tokens_count", {count: whole(tokensOf(day))})}`}));
    const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
    const everyDay = h("details", {}, h("summary", {}, t("usage_each_day")), this.table(t("usage_by_day"), data.filter(day => day.calls || day.requests).reverse().map(day => ({...day, label: dayOf(day.key)})), t("usage_day")));
    return [
      h("dl", {class: "figures"}, figure(t("usage_requests"), whole(total.requests)), figure(t("usage_read"), compact(total.prompt_tokens)), figure(t("usage_written"), compact(total.completion_tokens)), figure(t("usage_failed"), whole(total.failed)), total.audio_s ? figure(t("usage_heard"), hours(total.audio_s)) : null, total.engine_s ? figure(t("usage_engine"), hours(total.engine_s)) : null, total.energy_j ? figure(t("usage_energy"), energy(total.energy_j)) : null, currency ? figure(t("usage_cost"), this.cost(total)) : null, currency && total.energy_cost !== null ? figure(t("usage_energy_cost"), money(total.energy_cost, currency)) : null),
      columnPlot(t("usage_tokens_by_day"), label, columns, ends), everyDay,
      ...tables.flatMap((told, at) => told.data.length ? [h("h2", {}, this.by[at][1]), this.table(this.by[at][1], told.data, this.by[at][2])] : [])];
  }

  cost({cost}) { return cost === null ? "–" : money(cost, this.currency); }

  table(label, rows, name) {
    const all = rows.reduce((sum, row) => sum + tokensOf(row), 0) || 1;
    const figure = ["figure"], isPriced = Boolean(this.currency);
    const more = MORE.filter(([name]) => rows.some(row => row[name]));   // a column only where somebody has something
    return table(label, [[name], [t("usage_requests"), ...figure], [t("usage_read"), ...figure], [t("usage_written"), ...figure], [t("usage_failed"), ...figure], ...more.map(([, label]) => [t(label), ...figure]), ...isPriced ? [[t("usage_cost"), ...figure]] : [], [t("usage_share"), ...figure]],
      rows.map(row => [row.label ?? row.key, whole(row.requests), whole(row.prompt_tokens), whole(row.completion_tokens), whole(row.failed), ...more.map(([name, , shown]) => row[name] === null ? "–" : shown(row[name])), ...isPriced ? [this.cost(row)] : [], percent.format(tokensOf(row) / all)]));
  }
}
