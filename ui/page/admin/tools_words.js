// What Administration › Tools says: sentences that only it needs, so they come with it.
import {filled, language} from "../shell/settings.js";

const {default: texts} = await import(`./tools_${language}.js`);

/** One sentence, its {places} filled. */
export const say = (key, values = {}) => filled(texts[key] ?? key, values);
