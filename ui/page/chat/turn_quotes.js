// Where no model answers: the documents' own words, offered when something in them fits the question.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const SOURCES = "answer-with-sources", OF_THE_ENGINE = /^(engine|cloud|model)_/;

/** turn: a TurnView that has just failed. Resolves with a button, or null where there is nothing to offer. */
export async function quotesOffer(turn) {
  if (turn.model === SOURCES || turn.blocks.hasText || !OF_THE_ENGINE.test(turn.error?.code)) return null;
  const found = await call("/api/search", {method: "POST", body: {query: turn.question.slice(0, 8000), max_num_results: 1}}).catch(() => null);
  if (!found?.is_relevant || !found.data.length) return null;
  return h("button", {type: "button", class: "plain offer-quotes", onclick: () => turn.room.transcript.rerun(turn, {model: SOURCES})}, icon("document"), t("offer_quotes"));
}
