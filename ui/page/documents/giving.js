// Giving a collection to somebody else: a person or a group, found by name; whoever gives it away says so twice.
import {call} from "../shell/api.js";
import {formDialog} from "./collection_dialogs.js";
import {h} from "../shell/dom.js";
import {t} from "../shell/settings.js";

const TYPING_MS = 200;

export function openGiving(shelf, store) {
  const options = h("datalist", {id: "given-to"}), known = new Map();
  let timer;
  const look = async () => {
    const words = input.value.trim();
    if (words.length < 2 || known.has(words)) return;
    const {data} = await call(`/api/collections/${store.id}/shares/candidates?q=${encodeURIComponent(words)}`);
    for (const one of data) known.set(one.label, one.with);
    options.replaceChildren(...data.map(one => h("option", {value: one.label, label: one.name || (one.with.startsWith("group:") ? t("group") : "")})));
  };
  const input = h("input", {type: "text", required: true, maxLength: 300, autocomplete: "off", placeholder: t("share_find_hint"), oninput: () => { clearTimeout(timer); timer = setTimeout(() => look().catch(() => {}), TYPING_MS); }});
  input.setAttribute("list", "given-to");
  formDialog({
    title: t("give_title", {name: store.name ?? ""}), action: t("give"), isDanger: true, cancel: t("cancel"),
    body: [h("p", {}, t("give_lead")), h("label", {class: "field"}, h("span", {}, t("give_to")), input, options)],
    submit: async () => {
      const words = input.value.trim();
      await call(`/api/collections/${store.id}`, {method: "PATCH", body: {owner: known.get(words) ?? words}});
      await shelf.choose(null);
    },
  });
  input.focus();
}
