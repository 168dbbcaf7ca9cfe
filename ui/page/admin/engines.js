// Engines and their models as they run just now.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {nothing, table, Watching, whole} from "../shell/parts.js";
import {language, number, t} from "../shell/settings.js";

const LOOK_MS = 4000;
const percent = new Intl.NumberFormat(language, {style: "percent", maximumFractionDigits: 0});

/** A small bar with its figure beside it. part: 0 to 1. */
export function shareBar(part, told = percent.format(part)) {
  const fill = h("i", {});
  fill.style.width = `${Math.round(Math.max(0, Math.min(1, part)) * 100)}%`;
  return h("span", {}, h("span", {class: "share", "aria-hidden": "true"}, fill), told);
}

export function open(room) {
  const element = h("div", {class: "stack"});
  let before = "";
  const watching = new Watching(LOOK_MS, () => room.attempt(async () => {
    const told = await call("/api/engines"), now = JSON.stringify(told);
    if (now === before) return;               // nothing moves under somebody's eyes, or selection, for nothing
    before = now;
    element.replaceChildren(...told.data.length ? told.data.map(card) : [nothing("cloud", t("no_engine"))]);
  }));
  return {element, see: isSeen => watching.see(isSeen)};
}

function card(engine) {
  const {running, waiting, slots, kv_use: cache} = engine.load;
  const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h("div", {class: "card"},
    h("h2", {}, engine.name, " ", h("span", {class: `badge ${engine.is_healthy ? "ready" : "failed"}`}, t(engine.is_healthy ? "answers" : "answers_not"))),
    h("p", {class: "soft"}, [engine.engine, engine.base_url].filter(Boolean).join(" · ")),
    engine.is_healthy || !engine.reason ? null : h("p", {class: "problem"}, engine.reason),
    h("dl", {class: "figures"}, figure(t("queue_running"), slots ? `${number.format(running)} / ${number.format(slots)}` : number.format(running)), figure(t("queue_waiting"), number.format(waiting)), cache === null || cache === undefined ? null : figure(t("engine_cache"), percent.format(cache))),
    engine.models.length ? table(t("models"), [[t("usage_model")], [t("kind"), "soft"], [t("engine_context"), "figure"]], engine.models.map(model => [h("code", {}, model.id), model.kind, model.context_tokens ? t("usage_tokens_count", {count: whole(model.context_tokens)}) : "–"])) : null);
}
