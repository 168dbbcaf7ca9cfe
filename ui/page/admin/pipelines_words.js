// What the room of declared pipelines says: sentences that only it needs, so they come with it.
import {filled, language} from "../shell/settings.js";

const {default: texts} = await import(`./pipelines_${language}.js`);

/** One sentence, its {places} filled. */
export const say = (key, values = {}) => filled(texts[key] ?? key, values);
export const has = key => key in texts;

const IN_WORDS = ["wanted", "found", "left", "right"];
const inWords = value => String(value).split(" ").map(one => texts[`word_${one}`] ?? one).join(texts.word_or);

/** What is wrong, in the reader's language; the server's English where a code is not known here. */
export function finding({code, values, message}) {
  if (!has(`finding_${code}`)) return message;
  const told = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, name === "nearest" ? value ? say("finding_nearest", {nearest: value}) : "" : IN_WORDS.includes(name) ? inWords(value) : value]));
  return say(`finding_${code}`, told);
}

/** What a field is called, and what it is for. model: of the schema. */
export const label = name => texts[`field_${name}`] ?? name;
export const about = (model, name) => texts[`about_${model}_${name}`] ?? texts[`about_Step_${name}`] ?? null;
export const kindName = kind => texts[`kind_${kind}`] ?? kind;
