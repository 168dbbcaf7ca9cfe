// What the catalogue of prompts says: sentences that only it needs, so they come with it.
import {filled, language} from "../shell/settings.js";

const {default: texts} = await import(`./prompts_${language}.js`);

/** One sentence, its {places} filled. */
export const say = (key, values = {}) => filled(texts[key] ?? key, values);
/** What a purpose is called; what an administrator made is called as they called it. */
export const named = purpose => texts[`purpose_${purpose}`] ?? purpose;
export const about = purpose => texts[`purpose_lead_${purpose}`] ?? say("prompt_own");
