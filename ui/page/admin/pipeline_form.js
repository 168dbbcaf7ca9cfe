// A form made from a JSON Schema: sections, texts, numbers, choices, lists that grow, shrink and change their order.
// It knows the shapes that a schema has, and nothing of pipelines but how a step's kind chooses its fields.
import {h} from "../shell/dom.js";
import {action, choice, field, small} from "../shell/parts.js";
import {about, finding, kindName, label, say} from "./pipelines_words.js";

const LONG = 2000; // a text that may have more characters than this gets several lines
const LATER = ["then", "go_to"], EARLIER = ["sources", "passages"]; // fields that name a step

export class SchemaForm {
  /** changed(values): somebody changed something. */
  constructor(schema, values, changed) {
    this.schema = schema;
    this.values = values;
    this.changed = changed;
    this.places = new Map();
    this.findings = [];
    this.element = h("div", {class: "stack"});
    this.draw();
  }

  /** Each at its field; those whose field is not drawn stand at the nearest one around it. */
  mark(findings) {
    this.findings = findings;
    for (const {problem, input} of this.places.values()) { problem.replaceChildren(); problem.hidden = true; input?.removeAttribute("aria-invalid"); }
    for (const one of findings) {
      for (let depth = one.path.length; depth >= 0; depth -= 1) {
        const place = this.places.get(one.path.slice(0, depth).join("/"));
        if (!place) continue;
        place.problem.append(h("span", {}, finding(one)));
        place.problem.hidden = false;
        place.input?.setAttribute("aria-invalid", "true");
        break;
      }
    }
  }

  focus(path) {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const place = this.places.get(path.slice(0, depth).join("/"));
      if (place?.input) return place.input.focus();
    }
    return null;
  }

  draw(focus = null) {
    this.places.clear();
    this.element.replaceChildren(this.section(this.schema, this.values, [], "PipelineFile"));
    this.mark(this.findings);
    if (focus) this.focus(focus);
  }

  tell() { this.changed(this.values); }

  resolve(schema) {
    let found = schema;
    if (found.$ref) found = {...this.schema.$defs[found.$ref.split("/").at(-1)], model: found.$ref.split("/").at(-1), description: found.description};
    if (found.anyOf) {
      const some = found.anyOf.filter(one => one.type !== "null");
      const nullable = some.length < found.anyOf.length;
      const list = some.find(one => one.type === "array");
      if (some.length > 1 && list) return {...list, isOneOrMany: true};
      if (some.length > 1) return {type: "scalar", nullable, default: found.default};
      return {...this.resolve(some[0]), nullable, default: found.default};
    }
    return found;
  }

  /** Fields of an object with known keys. */
  section(schema, values, path, model) {
    const wanted = new Set(schema.required ?? []);
    return h("div", {class: "stack"}, this.problem(path), ...Object.entries(schema.properties).filter(([name, one]) => one.const === undefined && !(name === "kind" && path.length === 2)).map(([name, one]) =>
      this.any(this.resolve(one), values, name, [...path, name], model, wanted.has(name))));
  }

  problem(path, input = null) {
    const problem = h("p", {class: "problem", role: "status", hidden: true});
    this.places.set(path.join("/"), {problem, input});
    return problem;
  }

  any(schema, owner, name, path, model, isWanted) {
    const said = label(name), hint = model === "Words" ? null : coded(about(model, name));
    const take = value => {
      if ((value === "" || value === null) && !isWanted) delete owner[name]; else owner[name] = value;
      this.tell();
    };
    if (schema.discriminator) return null;
    if (schema.type === "array" && schema.items?.discriminator) return this.steps(schema.items, owner, name, path);
    if (schema.type === "array" && this.resolve(schema.items).properties) return this.many(schema.items, owner, name, path, said, hint);
    if (schema.type === "array") return this.lines(schema, owner, name, path, said, hint, take);
    if (schema.properties) return this.within(schema, owner, name, path, said, hint, isWanted);
    if (schema.type === "object") return this.named(schema, owner, name, path, said, hint);
    if (path[0] === "steps" && (LATER.includes(name) || EARLIER.includes(name))) return this.stepNamed(owner[name], name, path, said, hint, take);
    return this.single(schema, owner[name], path, said, hint, take, isWanted);
  }

  /** Another step: a later one that this one goes on to, or an earlier one with passages. */
  stepNamed(value, name, path, said, hint, take) {
    const steps = this.values.steps ?? [], at = path[1];
    const known = LATER.includes(name) ? [...steps.slice(at + 1).map(step => step.name), "end"] : steps.slice(0, at).filter(step => ["retrieve", "rerank"].includes(step.kind)).map(step => step.name);
    const names = [...new Set(value && !known.includes(value) ? [value, ...known] : known)].filter(Boolean);
    const input = choice([["", say("unset")], ...names.map(one => [one, one])], value ?? "", {onchange: event => take(event.target.value)});
    return h("div", {}, field(said, input, hint), this.problem(path, input));
  }

  single(schema, value, path, said, hint, take, isWanted) {
    if (schema.type === "boolean") {
      const input = h("input", {type: "checkbox", checked: value ?? schema.default ?? false, onchange: event => take(event.target.checked)});
      return h("div", {class: "field"}, h("label", {class: "choice"}, input, said), hint ? h("p", {class: "hint"}, hint) : null, this.problem(path, input));
    }
    if (schema.enum) {
      const input = choice(schema.enum.map(one => [one, one]), value ?? schema.default, {onchange: event => take(event.target.value)});
      return h("div", {}, field(said, input, hint), this.problem(path, input));
    }
    const isNumber = schema.type === "integer" || schema.type === "number";
    const given = value === undefined || value === null ? "" : String(value);
    const read = text => isNumber || schema.type === "scalar" ? scalar(text, schema.type) : text;
    const more = {oninput: event => take(read(event.target.value)), placeholder: schema.default == null ? "" : String(schema.default), autocomplete: "off", spellcheck: false};
    const isLong = schema.type === "string" && (schema.maxLength ?? 0) > LONG;
    const input = isLong ? h("textarea", {rows: Math.min(14, given.split("\n").length + 1), ...more}, given) : h("input", {type: "text", inputmode: isNumber ? "decimal" : null, value: given, "aria-required": String(isWanted), ...more});
    return h("div", {}, field(said, input, hint), this.problem(path, input));
  }

  /** A list of texts: one on each line. */
  lines(schema, owner, name, path, said, hint, take) {
    const value = owner[name], given = Array.isArray(value) ? value : value == null ? [] : [value];
    const input = h("textarea", {rows: Math.max(2, given.length), spellcheck: false, oninput: event => {
      const found = event.target.value.split("\n").map(one => one.trim()).filter(Boolean);
      take(schema.isOneOrMany && found.length === 1 ? found[0] : found.length || schema.isOneOrMany ? found : null);
    }}, given.join("\n"));
    return h("div", {}, field(said, input, [...hint ?? [], " ", say("each_line")]), this.problem(path, input));
  }

  /** A section in the section; one that may be left out is added and taken away. */
  within(schema, owner, name, path, said, hint, isWanted) {
    const change = () => { this.draw(path); this.tell(); };
    if (owner[name] == null && !isWanted) return h("div", {class: "field"}, h("span", {}, said), hint ? h("p", {class: "hint"}, hint) : null, this.problem(path), action(say("add_to", {what: said}), "plus", () => { owner[name] = {}; change(); }));
    owner[name] ??= {};
    return h("fieldset", {class: "stack"}, h("legend", {}, said), hint ? h("p", {class: "hint"}, hint) : null, this.section(schema, owner[name], path, schema.model),
      isWanted ? null : small(say("remove_one", {name: said}), "trash", () => { delete owner[name]; change(); }));
  }

  /** Keys that the author chooses: of sections, of single values, or of anything, which is written as JSON. */
  named(schema, owner, name, path, said, hint) {
    const each = schema.patternProperties ? Object.values(schema.patternProperties)[0] : schema.additionalProperties;
    const of = typeof each === "object" ? this.resolve(each) : null;
    if (!of || name === "answer_schema") return this.free(owner, name, path, said, hint);
    const rows = Object.entries(owner[name] ?? {});
    const put = entries => { if (entries.length || name === "inputs") owner[name] = Object.fromEntries(entries); else delete owner[name]; };
    const redraw = entries => { put(entries); this.draw([...path, entries.at(-1)?.[0] ?? ""]); this.tell(); };
    const drawn = rows.map(([key, value], at) => {
      const place = [...path, key];
      const keyInput = h("input", {type: "text", value: key, spellcheck: false, autocomplete: "off", "aria-label": say("key"), onchange: event => { rows[at] = [event.target.value.trim(), rows[at][1]]; redraw(rows); }});
      const gone = small(say("remove_one", {name: key}), "trash", () => redraw(rows.filter((_, one) => one !== at)));
      if (of.properties) return h("fieldset", {class: "stack"}, h("legend", {}, key), h("div", {class: "bar"}, field(say("key"), keyInput), gone), this.section(of, value, place, of.model));
      const valueInput = h("input", {type: "text", value: value === null ? "" : String(value), "aria-label": `${key}: ${say("value")}`, spellcheck: false, autocomplete: "off", oninput: event => { rows[at] = [rows[at][0], scalar(event.target.value, "scalar")]; put(rows); this.tell(); }});
      return h("div", {}, h("div", {class: "bar"}, keyInput, valueInput, gone), this.problem(place, valueInput));
    });
    const fresh = () => { let number = rows.length + 1; while (rows.some(([key]) => key === `value_${number}`)) number += 1; return `value_${number}`; };
    return h("fieldset", {class: "stack"}, h("legend", {}, said), hint ? h("p", {class: "hint"}, hint) : null, this.problem(path), ...drawn,
      action(say("add_to", {what: said}), "plus", () => redraw([...rows, [fresh(), of.properties ? {type: "text"} : ""]])));
  }

  free(owner, name, path, said, hint) {
    const value = owner[name];
    const wrong = h("p", {class: "problem", hidden: true}, say("json_wrong"));
    const input = h("textarea", {rows: value ? 10 : 2, spellcheck: false, class: "code", oninput: event => {
      const text = event.target.value.trim();
      wrong.hidden = true;
      if (!text) { delete owner[name]; return this.tell(); }
      try { owner[name] = JSON.parse(text); } catch { wrong.hidden = false; return null; }
      return this.tell();
    }}, value ? JSON.stringify(value, null, 2) : "");
    return h("div", {}, field(said, input, [...hint ?? [], " ", say("json_hint")]), wrong, this.problem(path, input));
  }

  many(items, owner, name, path, said, hint) {
    const schema = this.resolve(items), rows = owner[name] ??= [];
    return h("fieldset", {class: "stack"}, h("legend", {}, said), hint ? h("p", {class: "hint"}, hint) : null, this.problem(path),
      ...rows.map((value, at) => h("fieldset", {class: "stack"}, h("legend", {}, `${said} ${at + 1}`), this.ordering(rows, at, path, `${said} ${at + 1}`), this.section(schema, value, [...path, at], schema.model))),
      action(say("add_to", {what: said}), "plus", () => { rows.push({}); this.draw([...path, rows.length - 1, Object.keys(schema.properties)[0]]); this.tell(); }));
  }

  ordering(rows, at, path, name) {
    const move = to => { rows.splice(to, 0, ...rows.splice(at, 1)); this.draw([...path, to, "name"]); this.tell(); };
    return h("div", {class: "bar"},
      small(say("up", {name}), "send", () => move(at - 1), {disabled: at === 0}),
      small(say("down", {name}), "lower", () => move(at + 1), {disabled: at === rows.length - 1}),
      small(say("remove_one", {name}), "trash", () => { rows.splice(at, 1); this.draw(path); this.tell(); }));
  }

  steps(items, owner, name, path) {
    const rows = owner[name] ??= [], kinds = Object.keys(items.discriminator.mapping);
    const cards = rows.map((step, at) => {
      const model = items.discriminator.mapping[step.kind]?.split("/").at(-1), place = [...path, at];
      const kind = choice([...model ? [] : [[step.kind ?? "", step.kind ?? say("unset")]], ...kinds.map(one => [one, kindName(one)])], step.kind, {onchange: event => {
        const kept = {name: step.name, kind: event.target.value, ...step.then ? {then: step.then} : {}};
        rows[at] = kept;
        this.draw([...place, "kind"]);
        this.tell();
      }});
      const title = `${say("step_number", {number: at + 1})}${step.name ? `: ${step.name}` : ""}`;
      return h("fieldset", {class: "stack step"}, h("legend", {}, title), this.ordering(rows, at, path, title), h("div", {}, field(label("kind"), kind), this.problem([...place, "kind"], kind)),
        model ? this.section(this.schema.$defs[model], step, place, model) : this.problem(place));
    });
    return h("fieldset", {class: "stack"}, h("legend", {}, label(name)), h("p", {class: "hint"}, coded(about("PipelineFile", name))), this.problem(path), ...cards,
      action(say("add_step"), "plus", () => { rows.push({name: "", kind: "prompt", text: ""}); this.draw([...path, rows.length - 1, "name"]); this.tell(); }));
  }
}

/** What stands between backticks, as code. */
function coded(sentence) {
  return sentence?.split("`").map((piece, at) => at % 2 ? h("code", {}, piece) : piece) ?? null;
}

/** A number or true and false where the text is one; else the text. */
function scalar(text, type) {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  const value = Number(trimmed.replace(",", "."));
  if (type !== "string" && trimmed !== "" && Number.isFinite(value) && /^-?[\d.,]+$/.test(trimmed)) return value;
  if (type === "scalar" && (trimmed === "true" || trimmed === "false")) return trimmed === "true";
  return text;
}
