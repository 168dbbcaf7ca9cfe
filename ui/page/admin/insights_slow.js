// How long answers took, by model, and of the slowest where their time went: the queue, the documents, the engine.
import {h} from "../shell/dom.js";
import {nothing, table, when, whole} from "../shell/parts.js";
import {language, t} from "../shell/settings.js";

const PARTS = ["queue", "documents", "engine"], LONG_MS = 10_000;
const short = new Intl.NumberFormat(language, {maximumFractionDigits: 1}), long = new Intl.NumberFormat(language, {maximumFractionDigits: 0});

/** "1.3 s", a dash for nothing. */
const took = ms => ms === null || ms === undefined ? "–" : t("seconds", {seconds: (ms < LONG_MS ? short : long).format(ms / 1000)}).replace(" ", "\u00a0");
const both = (half, most) => `${took(half)} / ${took(most)}`;

export function slowAnswers({models, answers}) {
  if (!models.length) return nothing("gauge", t("insights_slow_none"));
  const right = name => [t(name), "figure"];
  return h("div", {class: "stack"}, h("h3", {}, t("insights_models")),
    table(t("insights_models"), [[t("usage_model")], right("insights_answers"), right("insights_first"), right("insights_total"), right("insights_queue"), right("insights_total_before")], models.map(one =>
      [one.model, whole(one.answers), both(one.first_p50, one.first_p95), both(one.total_p50, one.total_p95), took(one.queue_p95), took(one.before_total_p95)])),
    answers.length ? h("h3", {}, t("insights_slowest")) : null,
    answers.length ? table(t("insights_slowest"), [[t("insights_took")], [t("insights_parts")], [t("usage_model"), "soft"], [t("filter_when"), "soft"], [t("insights_lookup"), "soft"]], answers.map(one =>
      [[h("strong", {}, took(one.total_ms)), one.first_ms === null ? null : h("small", {}, t("insights_first_word", {time: took(one.first_ms)}))].filter(Boolean), parts(one),
        [one.model, one.engine ? h("small", {}, one.engine) : null].filter(Boolean), when(one.started_at), h("code", {}, one.request_id)])) : null);
}

/** A bar in three pieces for the eye, and the same in words. */
function parts(answer) {
  const bar = h("span", {class: "share pieces", "aria-hidden": "true"}, PARTS.map(name => {
    const piece = h("i", {class: name});
    piece.style.width = `${100 * answer[`${name}_ms`] / Math.max(1, answer.total_ms)}%`;
    return piece;
  }));
  const most = Math.max(...PARTS.map(name => answer[`${name}_ms`]));
  const words = PARTS.filter(name => answer[`${name}_ms`] > 0).map(name => h(answer[`${name}_ms`] === most ? "strong" : "span", {}, t(`insights_part_${name}`, {time: took(answer[`${name}_ms`])})));
  return [bar, h("small", {}, words.flatMap((word, at) => at ? [" · ", word] : [word]))];
}
