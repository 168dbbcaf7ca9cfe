// The form of a new version of a prompt: two languages, examples, temperature, model, and what is different.
import {h} from "../shell/dom.js";
import {action, choice, field, small} from "../shell/parts.js";
import {say} from "./prompts_words.js";

const LANGUAGES = ["en", "es"];

/** kept: the prompt as it is listed, null for a new one; from: the version that the new one begins with. */
export function promptForm(kept, from, models) {
  const name = h("input", {type: "text", required: true, maxLength: 63, pattern: "[a-z][a-z0-9\\-]*", autocomplete: "off"});
  const texts = Object.fromEntries(LANGUAGES.map(language => [language, h("textarea", {rows: 8, lang: language, required: Boolean(kept?.is_shipped)}, from?.texts[language] ?? "")]));
  const examples = Object.fromEntries(LANGUAGES.map(language => [language, new Examples(language, from?.examples[language] ?? [])]));
  const temperature = h("input", {type: "text", inputmode: "decimal", autocomplete: "off", value: from?.temperature == null ? "" : String(from.temperature)});
  const known = from?.model && !models.includes(from.model) ? [from.model, ...models] : models;
  const model = choice([["", say("prompt_model_any")], ...known.map(id => [id, id])], from?.model ?? "");
  const note = h("input", {type: "text", maxLength: 500, autocomplete: "off"});
  const atOnce = h("input", {type: "checkbox"});
  const marks = kept?.must_hold.length ? say("prompt_must_hold", {marks: kept.must_hold.join(", ")}) : null;
  const takes = what => !kept || kept[`takes_${what}`];
  const body = [
    kept ? null : field(say("prompt_name"), name, say("prompt_name_hint")),
    ...LANGUAGES.flatMap(language => [field(say(`prompt_text_${language}`), texts[language], marks), takes("examples") ? examples[language].element : null]),
    takes("temperature") ? field(say("prompt_temperature"), temperature, say("prompt_temperature_hint")) : null,
    takes("model") ? field(say("prompt_model"), model) : null,
    field(say("prompt_note"), note),
    h("label", {class: "choice"}, atOnce, say("prompt_at_once"))].filter(Boolean);
  return {
    body,
    name: () => name.value.trim(),
    focus: () => (kept ? texts.en : name).focus(),
    value: () => ({
      texts: Object.fromEntries(LANGUAGES.map(language => [language, texts[language].value.trim()]).filter(([, said]) => said || kept?.is_shipped)),
      examples: Object.fromEntries(LANGUAGES.map(language => [language, examples[language].value()]).filter(([, each]) => each.length)),
      temperature: temperature.value.trim() ? Number(temperature.value.trim().replace(",", ".")) : null,
      model: model.value, note: note.value.trim(), in_force: atOnce.checked,
    }),
  };
}

class Examples {
  constructor(language, given) {
    this.language = language;
    this.list = h("div", {class: "stack"});
    this.rows = [];
    this.element = h("fieldset", {class: "stack"}, h("legend", {}, say(`prompt_examples_${language}`)), this.list, action(say("prompt_add_example"), "plus", () => this.add({asked: "", answered: ""}).asked.focus()));
    given.forEach(one => this.add(one));
  }

  add({asked, answered}) {
    const row = {asked: h("textarea", {rows: 2, lang: this.language}, asked), answered: h("textarea", {rows: 2, lang: this.language}, answered)};
    row.element = h("div", {class: "stack"}, field(say("prompt_asked"), row.asked), field(say("prompt_answered"), row.answered), small(say("prompt_remove_example"), "trash", () => {
      this.rows.splice(this.rows.indexOf(row), 1);
      row.element.remove();
    }));
    this.rows.push(row);
    this.list.append(row.element);
    return row;
  }

  value() { return this.rows.map(row => ({asked: row.asked.value.trim(), answered: row.answered.value.trim()})); }
}
