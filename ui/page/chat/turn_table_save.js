// A question and its SQL are kept, to be asked again: in which words, and what in it may change.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h} from "../shell/dom.js";
import {field} from "../shell/parts.js";
import {language, t} from "../shell/settings.js";
import {say, shown} from "./turn_table_words.js";

const NAME = "[a-z_][a-z0-9_]{0,39}";
const lines = text => text.split("\n").map(line => line.trim()).filter(Boolean);

/** table: a result. done(entry): after it was saved. Throws Refusal where the result is gone. */
export async function saveQuestion(table, done) {
  const draft = await call("/api/data/questions/draft", {method: "POST", body: {result_id: table.id, language}});
  const words = fields({question: draft.question, wordings: [], language});
  const gaps = draft.gaps.map(gap => gapRow(gap));
  const propose = h("input", {type: "checkbox"});
  formDialog({
    title: say("save_title"), action: say("keep"), cancel: t("cancel"), width: "600px",
    body: [h("p", {class: "hint"}, say("save_lead")), ...words.elements,
      gaps.length ? h("fieldset", {class: "gaps"}, h("legend", {}, say("gaps")), h("p", {class: "hint"}, say("gaps_hint")), ...gaps.map(({element}) => element)) : null,
      h("label", {class: "tick"}, propose, say("propose"))].filter(Boolean),
    submit: async () => {
      const taken = gaps.filter(({isTaken}) => isTaken());
      const entry = await call("/api/data/questions", {method: "POST", body: {source_id: draft.source.id, sql: draft.sql, ...words.values(), is_proposed: propose.checked,
        gaps: Object.fromEntries(taken.map(({gap, name}) => [gap.number, name()])),
        parameters: taken.map(({gap, name}) => ({name: name(), kind: gap.kind, label: gap.column, default: gap.value}))}});
      done?.(entry);
    },
  });
  words.question.focus();
}

/** The words of a question, to be typed: {elements, question, values()}. */
export function fields({question, wordings, language: own}) {
  const asked = h("input", {type: "text", maxLength: 500, required: true, value: question, autocomplete: "off", lang: own});
  const others = h("textarea", {rows: 3, maxLength: 4000});
  others.value = wordings.join("\n");
  const example = language === "es" ? "ventas de {mes}" : "sales in {month}";
  return {question: asked, elements: [field(say("question"), asked), field(say("wordings"), others, say("wordings_hint", {example}))],
    values: () => ({question: asked.value.trim(), wordings: lines(others.value), language: own})};
}

function gapRow(gap) {
  const value = shown(gap.value, {kind: gap.kind, name: gap.column}) ?? "–", label = gap.column ? say("gap", {column: gap.column, value}) : say("gap_rows", {value});
  const tick = h("input", {type: "checkbox", onchange: () => { name.disabled = name.hidden = !tick.checked; }});
  const name = h("input", {type: "text", value: gap.name, pattern: NAME, required: true, disabled: true, hidden: true, autocomplete: "off", "aria-label": `${say("gap_name")}: ${label}`});
  return {gap, isTaken: () => tick.checked, name: () => name.value, element: h("div", {class: "gap"}, h("label", {class: "tick"}, tick, label), name)};
}
