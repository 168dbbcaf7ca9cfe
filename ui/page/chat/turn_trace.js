// What a search did: what was looked for, found and left out, why, and how long it took. Loaded when somebody asks.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {explain, number, settings, t} from "../shell/settings.js";

const SHOWN = 12;
const key = name => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");
const said = (prefix, name) => settings.texts[prefix + key(name)] ?? name;

/** A section that fills itself. */
export function showTrace(turn) {
  const section = h("section", {class: "trace", "aria-label": t("trace")}, h("p", {class: "hint"}, t("trace_loading")));
  call(`/api/turns/${turn.id}/trace`).then(({trace, request_id, trace_id}) => section.replaceChildren(...trace ? drawn(trace) : [h("p", {class: "hint"}, t("trace_none"))],
    h("p", {class: "hint ids"}, t("trace_request", {id: request_id}), trace_id ? ` · ${t("trace_of", {id: trace_id})}` : null)))
    .catch(error => section.replaceChildren(h("p", {class: "problem"}, error instanceof TypeError ? t("connection_lost") : explain(error))));
  return section;
}

function drawn(trace) {
  const {queries = [], exact = [], steps = [], found = [], dropped = [], run} = trace;
  const ran = run ? group(t("trace_run", {pipeline: run.pipeline}), runOf(run.steps)) : null;
  if (!queries.length && ran) return [ran];
  return [
    ran,
    group(t("trace_queries"), h("ul", {class: "queries"}, queries.map(query => h("li", {}, query)),
      exact.map(({text, passages}) => h("li", {class: "exact"}, h("code", {}, text), " ", t(passages === 1 ? "trace_exact_one" : "trace_exact", {passages}))))),
    group(t("trace_steps"), timeline(steps)),
    group(t("trace_found", {count: found.length}), passages(found)),
    dropped.length ? h("details", {}, h("summary", {}, t("trace_dropped", {count: dropped.length})), passages(dropped)) : null,
  ].filter(Boolean);
}

const group = (title, content) => h("section", {}, h("h4", {}, title), content);

// Steps may have run side by side: each bar is a time of its own, against the longest.
function timeline(steps) {
  const longest = Math.max(1, ...steps.map(({took_ms}) => took_ms));
  const bar = took => { const one = h("span", {class: "bar"}); one.style.width = `${Math.max(1, took / longest * 100)}%`; return h("span", {class: "track", "aria-hidden": "true"}, one); };
  return h("ol", {class: "steps"}, steps.map(({name, took_ms}) =>
    h("li", {}, h("span", {}, said("trace_step_", name)), bar(took_ms), h("span", {class: "ms"}, t("milliseconds", {ms: number.format(took_ms < 10 ? took_ms : Math.round(took_ms))})))));
}

/** The steps of a declared pipeline: what each did, how long it took, what it cost, how it ended. */
export function runOf(steps) {
  const took = ms => t("milliseconds", {ms: number.format(ms < 10 ? ms : Math.round(ms))});
  const did = ({figures, prompt_tokens, completion_tokens}) => [
    ...Object.entries(figures).map(([name, value]) => `${said("trace_figure_", name)} ${typeof value === "number" ? number.format(value) : value}`),
    prompt_tokens || completion_tokens ? t("trace_tokens", {read: number.format(prompt_tokens), written: number.format(completion_tokens)}) : null].filter(Boolean).join(" · ");
  return h("ol", {class: "run"}, steps.map(step => h("li", {class: step.outcome},
    h("span", {class: "name"}, step.name, h("span", {class: "where"}, ` · ${said("trace_kind_", step.kind)}`)),
    h("span", {class: "ms"}, took(step.took_ms)),
    h("span", {class: "how"}, [said("trace_outcome_", step.outcome), step.error ? said("error.", step.error) : null, did(step)].filter(Boolean).join(" · ")))));
}

function passages(rows) {
  if (!rows.length) return h("p", {class: "hint"}, t("trace_nothing"));
  const shown = rows.slice(0, SHOWN).map(row), rest = rows.slice(SHOWN);
  const list = h("ol", {class: "found"}, shown);
  if (rest.length) list.append(h("li", {class: "rest"}, h("button", {type: "button", class: "link", onclick: event => event.currentTarget.parentNode.replaceWith(...rest.map(row))}, t("trace_more", {count: rest.length}))));
  return list;
}

function row({filename, page, score, dense, lexical, reason, withheld}) {
  const how = [dense == null ? null : t("trace_meaning", {score: number.format(dense)}), lexical == null ? null : t("trace_words", {score: number.format(lexical)})].filter(Boolean).join(" · ");
  return h("li", {}, h("span", {class: "name"}, withheld ? t("trace_withheld") : filename, page ? h("span", {class: "where"}, ` · ${t("page_number", {page})}`) : null),
    h("span", {class: "score", title: how}, fine.format(score)), reason ? h("span", {class: "reason"}, said("trace_reason_", reason)) : null);
}

const fine = new Intl.NumberFormat(settings.language, {maximumFractionDigits: 3});
