// What the view of the data sources says: sentences that only it needs, so they come with it.
import {explain, filled, language} from "../shell/settings.js";

const {default: texts} = await import(`./data_${language}.js`);

/** One sentence, its {places} filled. */
export const say = (key, values = {}) => filled(texts[key] ?? key, values);

/** What went wrong with what the database or the machine said of it, which has no translation. */
export function told(error) {
  const first = explain(error), rest = error.detail?.code ? "" : (error.message ?? "").split(". ").slice(1).join(". ");
  return error.code && rest ? `${first} ${rest}` : first;
}

/** Tries it; a refusal says all that is known of it. */
export async function telling(work) {
  try { return await work(); } catch (error) { throw error.code ? new Error(told(error)) : error; }
}
