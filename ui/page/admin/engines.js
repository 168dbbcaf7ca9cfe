// Engines and their models as they run just now.
import {call} from "../shell/api.js";
import {history, isOut, outOf, say} from "./circuits.js";
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
  const element = h("div", {class: "stack"}), histories = new Map();
  let before = "", told = new Map();
  const look = () => room.attempt(async () => {
    const [{data: engines}, {data: circuits}] = await Promise.all([call("/api/engines"), call("/api/engines/breakers")]);
    const now = JSON.stringify([engines, circuits.map(lasting)]);
    if (now === before) {                     // nothing moves under somebody's eyes, or selection, for nothing
      for (const circuit of circuits) told.get(nameOf(circuit))?.tell(circuit);
      return;
    }
    before = now;
    told = new Map(circuits.filter(isOut).map(circuit => [nameOf(circuit), outOf(room, circuit, look)]));
    for (const {name} of engines) if (!histories.has(name)) histories.set(name, history(room, name));
    const outOfRotation = name => circuits.filter(circuit => circuit.engine === name && isOut(circuit)).map(circuit => told.get(nameOf(circuit)).element);
    element.replaceChildren(...engines.length ? engines.map(engine => card(engine, outOfRotation(engine.name), histories.get(engine.name))) : [nothing("cloud", t("no_engine"))]);
  });
  const watching = new Watching(LOOK_MS, look);
  return {element, see: isSeen => watching.see(isSeen)};
}

const nameOf = ({engine, model}) => `${engine}\n${model}`;
/** Of a circuit what does not change by the second. */
const lasting = circuit => [circuit.engine, circuit.model, isOut(circuit), circuit.since, circuit.cause];

/** out: elements of its circuits that are open. */
function card(engine, out, history) {
  const {running, waiting, slots, kv_use: cache} = engine.load;
  const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  return h("div", {class: "card"},
    h("h2", {}, engine.name, " ", h("span", {class: `badge ${engine.is_healthy ? "ready" : "failed"}`}, t(engine.is_healthy ? "answers" : "answers_not")), out.length ? [" ", h("span", {class: "badge failed"}, say("out"))] : null),
    h("p", {class: "soft"}, [engine.engine, engine.base_url].filter(Boolean).join(" · ")),
    engine.is_healthy || !engine.reason ? null : h("p", {class: "problem"}, engine.reason),
    out,
    h("dl", {class: "figures"}, figure(t("queue_running"), slots ? `${number.format(running)} / ${number.format(slots)}` : number.format(running)), figure(t("queue_waiting"), number.format(waiting)), cache === null || cache === undefined ? null : figure(t("engine_cache"), percent.format(cache))),
    engine.models.length ? table(t("models"), [[t("usage_model")], [t("kind"), "soft"], [t("engine_context"), "figure"]], engine.models.map(model => [h("code", {}, model.id), model.kind, model.context_tokens ? t("usage_tokens_count", {count: whole(model.context_tokens)}) : "–"])) : null,
    history);
}
