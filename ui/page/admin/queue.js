// The line and the engines over the last quarter of an hour, live: waiting, running, fairness, tokens a second; and who is in it.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {nothing, table, Watching, whole} from "../shell/parts.js";
import {linePlot} from "../shell/plots.js";
import {shareBar} from "./engines.js";
import {language, number, t} from "../shell/settings.js";

const LOOK_MS = 5000, GROWING = 2;            // steps whose tokens are still being added
const clock = new Intl.DateTimeFormat(language, {hour: "2-digit", minute: "2-digit"});
const two = new Intl.NumberFormat(language, {maximumFractionDigits: 2});

export function open(room) {
  const plots = h("div", {class: "plots"}), people = h("div", {class: "stack"}), state = h("p", {class: "hint"});
  const element = h("div", {class: "stack"}, state, plots, people);
  const watching = new Watching(LOOK_MS, () => room.attempt(async () => {
    const [now, history] = await Promise.all([call("/api/queue"), call("/api/queue/history")]);
    state.textContent = t(now.is_shared ? "queue_shared" : "queue_alone");
    plots.replaceChildren(...drawn(now, history));
    people.replaceChildren(h("h2", {}, t("queue_people")), now.people?.length ? whoIsThere(now.people) : nothing("people", t("queue_nobody")));
  }));
  return {element, see: isSeen => watching.see(isSeen)};
}

const sum = (values, of) => Object.values(values).reduce((total, one) => total + (of(one) ?? 0), 0);

/** The least fair of the lines; null where nobody had to wait for another. */
function fairnessOf(point) {
  const known = Object.values(point.pools).map(({fairness}) => fairness).filter(value => value !== null && value !== undefined);
  return known.length ? Math.min(...known) : null;
}

function drawn(now, {points, kept_s: kept, step_s: step}) {
  const to = Math.max(points.at(-1)?.at ?? 0, Math.floor(Date.now() / 1000 / step) * step), span = [to - kept, to];
  const ends = span.map(at => clock.format(new Date(at * 1000)));
  const line = (name, known, of) => {
    const values = [];
    for (const [at, point] of known.entries()) {
      if (at && point.at - known[at - 1].at > step * 2) values.push([point.at - step, null]);      // nothing was written between them
      values.push([point.at, of(point)]);
    }
    return {name, points: values, now: values.at(-1)?.[1] ?? null};
  };
  // A point may hold tokens alone, where nobody saw the line just then; and of the latest tokens not all are known yet.
  const seen = points.filter(({pools}) => Object.keys(pools).length), told = points.filter(({at}) => at <= to - GROWING * step);
  const plot = (title, series, more = {}, format = number) => {
    for (const one of series) one.now = one.now === null ? "–" : format.format(one.now);
    return linePlot({title, label: `${title}: ${series.map(one => `${one.name} ${one.now}`).join(", ")}`, series, span, ends, ...more});
  };
  const waiting = line(t("queue_waiting"), seen, point => sum(point.pools, pool => pool.waiting)), running = line(t("queue_running"), seen, point => sum(point.pools, pool => pool.running));
  waiting.now = sum(now.pools, pool => pool.waiting.interactive + pool.waiting.batch);
  running.now = sum(now.pools, pool => pool.running);
  return [
    plot(t("queue_requests"), [running, waiting], {atLeast: 4}),
    plot(t("queue_speed"), [line(t("queue_tokens"), told, point => sum(point.engines, engine => engine.tokens_per_s))], {atLeast: 10}),
    plot(t("queue_fairness"), [line(t("queue_index"), seen, fairnessOf)], {top: 1, nothing: t("queue_fair")}, two),
  ];
}

function whoIsThere(people) {
  return table(t("queue_people"), [[t("email")], [t("queue_running"), "figure"], [t("queue_waiting"), "figure"], [t("weight"), "figure"], [t("queue_five_minutes"), "figure"], [t("usage_share")]],
    people.map(one => [one.email, number.format(one.running), number.format(one.waiting), number.format(one.weight), whole(one.tokens), shareBar(one.share)]));
}
