// Why requests do not go to an engine just now, when it is asked again, and what happened to it before.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {action, table, when} from "../shell/parts.js";
import {filled, language, number} from "../shell/settings.js";

// These sentences come with this view, because nobody else sees them.
const {default: texts} = await import(`./circuits_${language}.js`);

export const say = (key, values = {}) => filled(texts[key] ?? key, values);

const clock = new Intl.DateTimeFormat(language, {timeStyle: "short"});
const isToday = iso => new Date(iso).toDateString() === new Date().toDateString();
const moment = iso => isToday(iso) ? clock.format(new Date(iso)) : when(iso);

/** "three answers in a row broke off" */
function why({cause, outcome, count, calls}) {
  const key = `why.${cause}.${outcome}`, values = {count: number.format(count), calls: number.format(calls)};
  return say(key in texts ? key : `why.${cause}`, values);
}

function again(circuit) {
  const left = circuit.retry_in_s;
  if (left === null) return say("again_config");
  if (left > 120) return say("again_in_minutes", {minutes: number.format(Math.ceil(left / 60))});
  if (left > 0) return say("again_in", {seconds: number.format(Math.ceil(left))});
  return say(circuit.is_asked ? "again_now" : "again_next");
}

export const isOut = circuit => circuit.state !== "closed";

/** One that is out of rotation, and the button that has it asked. look(): after that. tell(circuit): how long it takes. */
export function outOf(room, circuit, look) {
  const wait = h("p", {class: "soft"});
  const tryNow = action(say("try_now"), "again", () => room.attempt(async () => {
    tryNow.disabled = true;
    try {
      await call("/api/engines/breakers/try", {method: "POST", body: {engine: circuit.engine, model: circuit.model}});
      room.say(say(circuit.is_asked ? "tried" : "tried_next", {engine: circuit.engine}));
    } finally { tryNow.disabled = false; }
    await look();
  }));
  const element = h("div", {class: "circuit card"},
    h("p", {class: "problem"}, h("code", {}, circuit.model), " ", say("out_since", {moment: moment(circuit.since), why: why(circuit)})),
    wait,
    h("div", {class: "buttons"}, tryNow));
  const tell = now => {
    const failed = now.failed_probes ? say("probes_failed", {count: number.format(now.failed_probes)}) : "";
    wait.textContent = [failed, again(now)].filter(Boolean).join(" ");
  };
  tell(circuit);
  return {element, tell};
}

function what(line) {
  if (line.state !== "open") return say(`went.${line.state}`);
  return say(line.cause === "probe" ? "went.open_again" : "went.open", {why: why(line)});
}

/** Opens upon a click, and asks only then. */
export function history(room, engine) {
  const lines = h("div", {});
  const element = h("details", {class: "history"}, h("summary", {}, say("history")), lines);
  element.addEventListener("toggle", () => element.open && room.attempt(async () => {
    const {data} = await call(`/api/engines/breakers/history?${new URLSearchParams({engine})}`);
    lines.replaceChildren(data.length
      ? table(say("history"), [[say("history_when"), "soft"], [say("history_model")], [say("history_what")]], data.map(line => [when(line.at), h("code", {}, line.model), what(line)]))
      : h("p", {class: "soft"}, say("history_none")));
  }));
  return element;
}
