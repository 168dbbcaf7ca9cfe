// Trying a pipeline: its inputs as a form, what it tells as it goes, its result with citations, tables and trace.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {action, choice, field, table} from "../shell/parts.js";
import {explain, language, settings, t} from "../shell/settings.js";
import {runOf} from "../chat/turn_trace.js";
import {say} from "./pipelines_words.js";

export class TryIt {
  constructor(pipeline) {
    this.pipeline = pipeline;
    this.inputs = Object.entries(pipeline.inputs).map(([name, one]) => ({name, one, input: inputOf(name, one)}));
    this.told = h("div", {class: "stack", "aria-live": "polite"});
    this.go = h("button", {type: "submit", class: "main"}, say("run"));
    this.halt = action(say("stop"), null, () => this.running?.abort(), {hidden: true});
    const form = h("form", {class: "form", onsubmit: event => { event.preventDefault(); this.run(); }},
      ...this.inputs.map(({name, one, input}) => field(one.title?.[language] ?? name, input)), h("div", {class: "bar"}, this.go, this.halt));
    this.element = h("section", {class: "stack"}, h("h3", {}, say("try")), h("p", {class: "hint"}, say("try_hint")), form, this.told);
  }

  values() {
    return Object.fromEntries(this.inputs.map(({name, one, input}) => [name, valueOf(one, input)]).filter(([, value]) => value !== null));
  }

  async run() {
    this.running = new AbortController();
    this.go.disabled = true;
    this.halt.hidden = false;
    this.told.replaceChildren(h("p", {class: "hint"}, say("running")));
    try {
      const run = await call(`/api/pipelines/${encodeURIComponent(this.pipeline.name)}/run`, {method: "POST", body: {inputs: this.values(), steps: false, language}, signal: this.running.signal});
      this.told.replaceChildren(...shown(run));
    } catch (error) {
      const sentence = error.name === "AbortError" ? say("stopped") : error instanceof TypeError ? t("connection_lost") : explain(error);
      this.told.replaceChildren(h("p", {class: error.name === "AbortError" ? "hint" : "problem"}, sentence));
    }
    this.go.disabled = false;
    this.halt.hidden = true;
  }
}

function inputOf(name, one) {
  if (one.type === "boolean") return h("input", {type: "checkbox", checked: one.default === true});
  if (one.choices.length) return choice(one.choices.map(each => [each, each]), one.default);
  const value = one.default == null ? "" : String(one.default);
  if (one.type === "text") return h("textarea", {rows: name === "question" ? 3 : 2, required: one.default == null}, value);
  if (one.type === "date") return h("input", {type: "date", value, required: one.default == null});
  return h("input", {type: "text", value, required: one.default == null, inputmode: one.type === "file" ? null : "decimal", placeholder: one.type === "file" ? "file-…" : null, autocomplete: "off"});
}

function valueOf(one, input) {
  if (one.type === "boolean") return input.checked;
  const text = input.value.trim();
  if (text === "") return one.default === "" ? "" : null;
  return one.type === "integer" || one.type === "number" ? Number(text.replace(",", ".")) : text;
}

function shown(run) {
  return [
    h("h4", {}, say("result")), h("pre", {class: "words", tabindex: 0}, run.text),
    run.annotations.length ? h("div", {}, h("h4", {}, say("result_citations")), h("ol", {}, run.annotations.map(one => h("li", {}, h("a", {href: one.url, target: "_blank", rel: "noopener"}, one.filename), one.page ? ` · ${t("page_number", {page: one.page})}` : null, h("blockquote", {}, one.quote))))) : null,
    ...run.data.map(one => table(one.source.name, one.columns.map(column => [column.name]), one.rows.slice(0, 20).map(row => row.map(cell)))),
    h("h4", {}, say("result_trace")), h("section", {class: "trace"}, runOf(run.steps)),
    h("p", {class: "hint"}, say("result_by", {pipeline: run.pipeline}))].filter(Boolean);
}

const figures = new Intl.NumberFormat(settings.language, {maximumFractionDigits: 6});
const cell = value => value === null ? "–" : typeof value === "number" ? figures.format(value) : typeof value === "object" ? JSON.stringify(value) : String(value);
