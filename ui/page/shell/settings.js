// What the gateway wrote into the page: language, person, and every sentence in that language.
const element = document.getElementById("page-settings");
export const settings = element ? JSON.parse(element.textContent) : {language: "en", texts: {}};
export const language = settings.language;

/** A sentence with its {places} filled. */
export const filled = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);

/** One sentence, its {places} filled. A missing key shows itself rather than nothing. */
export const t = (key, values = {}) => filled(settings.texts[key] ?? key, values);

/** The sentence for an error's code, and what more there is to it; the server's own English one where the page has none. */
export function explain(error) {
  const sentence = settings.texts[`error.${error.code}`] ?? error.message ?? t("error.internal_error"), more = `refused.${error.detail?.code}`;
  return settings.texts[more] ? `${sentence} ${t(more, error.detail.values)}` : sentence;
}

export const number = new Intl.NumberFormat(language, {maximumFractionDigits: 1});

/** An amount with as many digits as tell something: "0.0004 €" of a short answer, "12.50 €" of a month. */
export function money(amount, currency) {
  const digits = amount && Math.abs(amount) < .1 ? {maximumSignificantDigits: 2} : {};
  return new Intl.NumberFormat(language, {style: "currency", currency, ...digits}).format(amount);
}

export function fileSize(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let size = bytes, unit = 0;
  while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${number.format(unit ? size : Math.round(size))} ${units[unit]}`;
}

/** The page's language, in a cookie that holds nothing else, so that signing in speaks it too. */
export function rememberLanguage(choice) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `appliance_language=${choice}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}

/** The same before anybody has signed in: then everything is drawn anew. */
export function chooseLanguage(choice) {
  rememberLanguage(choice);
  location.reload();
}
