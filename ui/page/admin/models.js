// Models: what this machine is, what is on its disk and how it stands, what comes, and what else would fit.
import {call, Refusal} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h, redraw} from "../shell/dom.js";
import {Catalogue, contexts} from "./models_catalogue.js";
import {action, field, nothing, small, table, Watching} from "../shell/parts.js";
import {explain, fileSize, number, settings} from "../shell/settings.js";
import {say} from "./models_words.js";
import {shareBar} from "./engines.js";

const LOOK_MS = 1500;
const LIBRARY = "/api/models/library";
const BADGES = {ready: "ready", searching: "ready", failed: "failed"};

export function open(room) { return new Models(room); }

class Models {
  constructor(room) {
    this.room = room;
    this.watching = new Watching(LOOK_MS, () => room.attempt(() => this.look()));
    this.hardware = h("p", {class: "hint"});
    this.pulls = h("div", {class: "stack"});
    this.installed = h("div", {class: "stack"});
    this.catalogue = new Catalogue(this);
    this.element = h("div", {class: "stack"}, this.hardware, this.pulls, h("h2", {}, say("installed")), this.installed, this.catalogue.element);
  }

  async see(isSeen) {
    if (isSeen) this.room.attempt(() => this.catalogue.read());
    return this.watching.see(isSeen);
  }

  /** Nothing moves under somebody's eyes, or selection, for nothing: each part is drawn when it has changed. */
  async look() {
    const [library, running] = await Promise.all([call(LIBRARY), runs()]);
    this.noteArrivals(library);
    this.told(this.pulls, "pullsSeen", library.pulls, () => library.pulls.length ? [h("h2", {}, say("pulls")), ...library.pulls.map(pull => this.pull(pull))] : []);
    this.told(this.installed, "installedSeen", [library.models, library.searched_with, running], () => this.models(library, running));
    this.catalogue.know(library);
  }

  told(element, kept, value, draw) {
    const now = JSON.stringify(value);
    if (this[kept] === now) return;
    this[kept] = now;
    redraw(element, ...draw());
  }

  noteArrivals({models, pulls}) {
    const coming = new Set(pulls.map(pull => pull.name));
    for (const name of this.coming ?? []) if (!coming.has(name) && models.some(model => model.name === name)) this.room.say(say("pull_done", {name}));
    this.coming = coming;
  }

  async do(path, method, body, said) {
    await call(path, {method, body});
    await this.look();
    if (said) this.room.say(said);
  }

  machine({gpus, cpu, ram_free_bytes: ram, disk_free_bytes: disk}) {
    const cards = gpus.map(gpu => say("hardware_gpu", {name: gpu.name, memory: gib(gpu.memory_bytes ?? 0)}));
    this.hardware.textContent = `${cards.length ? `${cards.join("; ")}.` : say("hardware_none")} ${say("hardware_rest", {cores: number.format(cpu.cores), ram: gib(ram), disk: gib(disk)})}`;
  }

  models({models, searched_with: searched}, running) {
    if (!models.length) return [nothing("archive", say("installed_none"))];
    return [
      table(say("installed"), [[say("column_model")], [say("column_kind"), "soft"], [say("column_size"), "figure"], [say("column_state")], [settings.texts.column_actions, "acts"]], models.map(model => {
        const state = stateOf(model, running.find(one => one.model === model.name), searched);
        return [[model.name, h("small", {}, [model.source, model.licence].filter(Boolean).join(" · "))], say(`kind_${model.kind}`), fileSize(model.size_bytes), told(state), this.acts(model, state)];
      })),
      searched ? action(say("search_built_in"), null, () => this.room.attempt(() => this.do(`${LIBRARY}/search`, "PUT", {model: ""}, say("search_follows"))), {"data-act": "search-built-in"}) : null,
    ].filter(Boolean);
  }

  acts(model, {phase, isKept}) {
    const running = `/api/models/running/${encodeURIComponent(model.name)}`, acts = [];
    if (model.kind === "chat" && isKept && phase !== "failed") acts.push(action(say("stop"), "stop", () => this.stop(model, running), {"data-act": `stop-${model.name}`}));
    else if (model.kind === "chat") acts.push(action(say("start"), "play", () => this.start(model), {"data-act": `start-${model.name}`}));
    if (model.kind === "embedding" && model.format === "onnx" && phase !== "searching") acts.push(action(say("use_for_search"), "search", () => this.search(model), {"data-act": `search-${model.name}`}));
    return [...acts, small(say("remove", {name: model.name}), "trash", () => this.remove(model), {"data-act": `remove-${model.name}`})];
  }

  start(model) {
    const people = h("input", {type: "number", min: 1, max: 100000, required: true, value: this.catalogue.people.value || "20"});
    const context = contexts(this.catalogue.context.value);
    formDialog({
      title: say("start_title", {name: model.name}), action: say("start"), cancel: say("cancel"),
      body: [h("p", {class: "hint"}, say("start_lead")), field(say("people"), people), field(say("context"), context)],
      submit: () => this.do("/api/models/running", "POST", {model: model.name, people: Number(people.value), context_tokens: Number(context.value)}, say("started", {name: model.name})),
    });
  }

  stop(model, path) {
    formDialog({title: say("stop_title", {name: model.name}), action: say("stop"), cancel: say("cancel"), body: [h("p", {}, say("stop_lead"))], submit: () => this.do(path, "DELETE", undefined, say("stopped", {name: model.name}))});
  }

  search(model) {
    formDialog({title: say("search_title", {name: model.name}), action: say("use_for_search"), cancel: say("cancel"), body: [h("p", {}, say("search_lead"))], submit: () => this.do(`${LIBRARY}/search`, "PUT", {model: model.name}, say("search_follows"))});
  }

  remove(model) {
    formDialog({title: say("remove_title", {name: model.name}), action: say("remove_do"), isDanger: true, body: [h("p", {}, say("remove_lead", {size: fileSize(model.size_bytes)}))], submit: () => this.do(`${LIBRARY}/${encodeURIComponent(model.name)}`, "DELETE", undefined, say("removed", {name: model.name}))});
  }

  pull(pull) {
    const cancel = () => this.room.attempt(() => this.do(`${LIBRARY}/pulls/${encodeURIComponent(pull.name)}`, "DELETE"));
    const again = () => this.room.attempt(() => this.get({source: pull.source, name: pull.name, use_for_search: pull.use_for_search}));
    const hasFailed = pull.state === "failed";
    return h("div", {class: "card"},
      h("h3", {}, pull.name, " ", h("small", {class: "soft"}, say("pull_from", {source: pull.source}))),
      hasFailed
        ? h("div", {}, h("p", {class: "problem"}, explain(pull.failure)), pull.failure.detail ? h("p", {lang: "en", class: "hint"}, pull.failure.detail) : null)
        : h("div", {role: "progressbar", "aria-label": pull.name, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": pull.total_bytes ? String(Math.floor(100 * pull.done_bytes / pull.total_bytes)) : null}, howFar(pull)),
      h("div", {class: "buttons"},
        hasFailed ? action(settings.texts.try_again, "again", again, {"data-act": `again-${pull.name}`}) : null,
        pull.state === "ending" ? null : action(hasFailed ? say("pull_discard") : say("pull_cancel", {name: pull.name}), hasFailed ? "trash" : "close", cancel, {"data-act": `cancel-${pull.name}`})));
  }

  get(body) { return this.do(LIBRARY, "POST", body, say("pull_asked", {name: body.name || body.source})); }
}

/** A box whose models are started by other means has no such route. */
async function runs() {
  try {
    return (await call("/api/models/running")).data ?? [];
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return [];
    throw error;
  }
}

function stateOf(model, kept, searched) {
  if (model.name === searched) return {phase: "searching"};
  if (kept) return {...kept, phase: kept.state, isKept: true};
  return {phase: model.kind === "chat" ? "stopped" : "there"};
}

function told(state) {
  const seconds = state.eta_s ?? null, loads = state.phase === "loading" && seconds !== null;
  const words = state.phase === "loading" ? say(loads ? "state_loading" : "state_loading_soon", {seconds: number.format(Math.ceil(seconds))}) : say(`state_${state.phase}`);
  return [h("span", {class: `badge ${BADGES[state.phase] ?? ""}`}, words),
    state.phase === "failed" && state.reason ? h("small", {lang: "en"}, state.reason) : null,
    state.phase === "failed" && state.last_lines?.length ? h("details", {}, h("summary", {}, say("last_lines")), h("pre", {class: "log", tabindex: "0", "aria-label": say("last_lines")}, state.last_lines.join("\n"))) : null].filter(Boolean);
}

function howFar(pull) {
  if (pull.state === "ending") return h("span", {}, say("pull_ending"));
  if (pull.state === "waiting") return h("span", {}, say("pull_waiting"));
  if (!pull.total_bytes) return h("span", {}, say("pull_begins"));
  const left = pull.seconds_left === null ? "" : ` · ${say("pull_left", {time: span(pull.seconds_left)})}`;
  return shareBar(pull.done_bytes / pull.total_bytes, `${say("pull_running", {done: fileSize(pull.done_bytes), total: fileSize(pull.total_bytes), rate: fileSize(pull.bytes_per_second)})}${left}`);
}

/** "42 s", "3 min", "2 h" */
const span = seconds => seconds < 90 ? `${number.format(seconds)} s` : seconds < 5400 ? `${number.format(Math.round(seconds / 60))} min` : `${number.format(seconds / 3600)} h`;
const gib = bytes => `${number.format(bytes / 2 ** 30 >= 10 ? Math.round(bytes / 2 ** 30) : bytes / 2 ** 30)} GiB`;
