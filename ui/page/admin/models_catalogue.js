// Which models would fit here, for how many people with how much context, why, and the button that gets one.
import {call} from "../shell/api.js";
import {copyButton} from "../chat/copying.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h, sheet} from "../shell/dom.js";
import {openDialog} from "../shell/dialog.js";
import {action, choice, field, table} from "../shell/parts.js";
import {fileSize, language, number, settings} from "../shell/settings.js";
import {sharedLook} from "../shell/shared_look.js";
import {say} from "./models_words.js";

const CONTEXTS = [4096, 8192, 16384, 32768, 65536, 131072];
const HUB = "https://huggingface.co";
const TOKEN = 'models.hub_token_file = "/etc/appliance/hub-token"';

/** How long a conversation may be. */
export const contexts = (chosen, more) => choice(CONTEXTS.map(count => [String(count), say("context_tokens", {count: number.format(count)})]), chosen, more);

export class Catalogue {
  constructor(models) {
    this.models = models;
    const read = () => models.room.attempt(() => this.read());
    this.people = h("input", {type: "number", min: 1, max: 100000, value: "20", onchange: read});
    this.context = contexts("16384", {onchange: read});
    this.fitting = h("div", {});
    this.others = h("div", {});
    this.source = h("input", {type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: false, maxLength: 1024, required: true});
    this.element = h("div", {class: "stack"},
      h("h2", {}, say("catalogue")), h("p", {class: "hint"}, say("catalogue_lead")),
      h("div", {class: "bar"}, field(say("people"), this.people), field(say("context"), this.context)), this.fitting,
      h("h2", {}, say("others")), this.others,
      h("h2", {}, say("elsewhere")),
      h("form", {class: "form", onsubmit: event => this.elsewhere(event)}, field(say("elsewhere_label"), this.source, say("elsewhere_hint")), h("div", {class: "buttons"}, h("button", {type: "submit", class: "plain"}, say("get")))));
  }

  async read() {
    const wish = new URLSearchParams({people: this.people.value || "20", context: this.context.value});
    const asked = this.asked = Symbol("asked"), answer = await call(`/api/models/catalogue?${wish}`);
    if (asked !== this.asked) return;
    this.answer = answer;
    this.models.machine(answer.hardware);
    this.draw();
  }

  /** What is here, or on its way, is not offered again. */
  know({models, pulls}) {
    const now = [...models, ...pulls].map(one => one.name).sort().join(" ");
    if (now === this.known) return;
    this.known = now;
    this.here = new Set(now.split(" "));
    if (this.answer) this.draw();
  }

  draw() {
    const {data, others} = this.answer;
    this.fitting.replaceChildren(table(say("catalogue"), [[say("column_model")], [say("column_size"), "figure"], [say("column_verdict")], [settings.texts.column_actions, "acts"]], data.map(plan => [
      named(plan.card, plan.model), fileSize(plan.weight_bytes), verdict(plan),
      [action(say("why"), null, () => explainPlan(plan), {"aria-label": say("why_of", {name: plan.model})}), plan.verdict === "no" || !plan.card ? null : this.getting(plan.card)].filter(Boolean)])));
    this.others.replaceChildren(table(say("others"), [[say("column_model")], [say("column_kind"), "soft"], [say("column_size"), "figure"], [settings.texts.column_actions, "acts"]], others.map(card => [
      named(card, card.name), say(`kind_${card.purpose}`), fileSize(card.weight_bytes), this.getting(card)])));
  }

  getting(card) {
    if (this.here?.has(card.name)) return h("span", {class: "soft"}, say("get_there"));
    return action(say("get"), "download", () => this.ask(card), {"aria-label": say("get_of", {name: card.name})});
  }

  ask(card) {
    const search = h("input", {type: "checkbox"});
    formDialog({
      title: say("get_of", {name: card.title}), action: say("get"), cancel: say("cancel"), width: "560px",
      body: [
        h("p", {}, say("get_lead", {size: fileSize(card.weight_bytes), source: card.repository, licence: card.licence})),
        card.is_gated ? h("div", {}, h("p", {}, say("gated_lead", {page: `${HUB}/${card.repository}`})), h("div", {class: "command"}, h("code", {}, TOKEN), copyButton(`${settings.texts.copy}: ${TOKEN}`, () => TOKEN))) : "",
        card.purpose === "embedding" ? h("label", {class: "choice"}, search, say("get_search")) : "",
      ],
      submit: () => this.models.get({source: card.name, use_for_search: search.checked}),
    });
  }

  elsewhere(event) {
    event.preventDefault();
    return this.models.room.attempt(async () => {
      await this.models.get({source: this.source.value.trim()});
      this.source.value = "";
    });
  }
}

const named = (card, name) => [card?.title ?? name, h("small", {}, [name, card?.licence, card?.is_gated ? say("gated") : null].filter(Boolean).join(" · "))];

function verdict(plan) {
  const isNo = plan.verdict === "no", givenUp = givenUpOf(plan);
  return [
    h("span", {class: `badge ${isNo ? "failed" : plan.verdict === "fits" ? "ready" : ""}`}, say(`verdict.${plan.verdict}`)),
    isNo ? null : h("small", {}, `${say("fit", {people: number.format(plan.people), context: number.format(plan.context_tokens)})} · ${say("fit_once", {slots: number.format(plan.slots)})}`),
    ...givenUp.slice(0, 1).map(sentence => h("small", {}, sentence)),
  ].filter(Boolean);
}

const exact = new Intl.NumberFormat(language, {maximumFractionDigits: 2, minimumFractionDigits: 2});
const shown = values => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value !== "number" ? value : value && Math.abs(value) < 1 ? exact.format(value) : number.format(value)]));
const sumLook = sheet(sharedLook + `
.sums { display: grid; gap: 16px; padding: 22px 24px; overflow-y: auto; min-height: 0; }
h2 { font: 600 20px/1.3 var(--font-quote); overflow-wrap: anywhere; }
h3, th { font-size: 14px; font-weight: 600; }
table { width: 100%; border-collapse: collapse; font-size: 14.500px; }
th, td { padding: 5px 12px 5px 0; text-align: start; vertical-align: top; border-bottom: 1px solid var(--line); }
th.figure, td.figure { text-align: end; padding-inline-end: 0; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
ul { padding-inline-start: 20px; list-style: disc; margin: 6px 0 0; }
small { display: block; margin-top: 6px; font-size: 14px; }
.buttons { display: flex; justify-content: flex-end; }
.main { min-height: 38px; padding: 0 16px; border-radius: 10px; background: var(--accent); color: var(--accent-ink); font-size: 14.500px; font-weight: 600; }
`);

const givenUpOf = plan => plan.given_up.map(({code, sentence}) => known(`given.${code}`, {tokens: plan.context_tokens, wanted_tokens: plan.wanted_context_tokens, words: Math.floor(plan.context_tokens * 3 / 4), slots: plan.slots, wanted_slots: plan.wanted_slots, gpus: plan.gpus.length, model: plan.model}, sentence));

/** The server's English where this page has no sentence of its own. */
function known(key, values, otherwise) {
  const sentence = say(key, shown(values));
  return sentence === key ? otherwise : sentence;
}

function step(one) {
  const parts = one.values.parts ?? 1;
  return known(`step.${one.code}`, {...one.values, divided: parts === 1 ? "" : say("step.divided", {parts: number.format(parts)})}, one.sentence);
}

function explainPlan(plan) {
  const gib = bytes => exact.format(bytes / 2 ** 30);
  const sum = (kind, label, total) => table(label, [[label], [say("why_size"), "figure"]], [...plan.steps.filter(one => one.kind === kind).map(one => [step(one), gib(one.size_bytes)]), [h("b", {}, "="), h("b", {}, gib(total))]]);
  const givenUp = givenUpOf(plan), notes = plan.steps.filter(one => one.kind === "note").map(step);
  const title = say("why_of", {name: plan.card?.title ?? plan.model});
  const close = h("button", {type: "button", class: "main", onclick: () => dialog.close()}, settings.texts.close);
  const content = h("div", {class: "sums"}, h("h2", {}, title), h("div", {}, verdict({...plan, given_up: []})),
    ...plan.steps.length ? [sum("have", say("why_have"), plan.available_bytes), sum("need", say("why_need"), plan.needed_bytes)] : [],
    givenUp.length ? h("div", {}, h("h3", {}, say("why_given_up")), h("ul", {}, givenUp.map(sentence => h("li", {}, sentence)))) : null,
    ...notes.map(note => h("p", {class: "hint"}, note)),
    plan.is_measured ? h("p", {class: "hint"}, say("why_measured")) : null,
    h("div", {class: "buttons"}, close));
  const dialog = openDialog({label: title, look: sumLook, width: "680px", content});
}
