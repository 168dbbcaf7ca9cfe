// Whether a collection may leave the box: the mark that everybody sees, and what is asked before it is given.
import {call} from "../shell/api.js";
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

/** The mark of a collection, with what it means. */
export function leavingMark(store) {
  const may = Boolean(store.may_leave), told = t(may ? "collection_leaves_lead" : "collection_stays_lead");
  return h("span", {class: `badge mark${may ? " refused" : ""}`, title: told}, icon(may ? "cloud" : "lock"), t(may ? "collection_may_leave" : "collection_stays"), h("span", {class: "unseen"}, `. ${told}`));
}

const mark = (store, may) => call(`/api/leaving/collections/${store.id}`, {method: "PUT", body: {may_leave: may}});

/** Give the mark, once somebody has said yes, or take it away at once. done(): afterwards. */
export async function letLeave(store, may, done) {
  if (!may) {
    await mark(store, false);
    return done();
  }
  const {formDialog} = await import("./collection_dialogs.js");
  return formDialog({title: t("collection_let_title", {name: store.name ?? ""}), action: t("collection_let"), cancel: t("cancel"), body: [h("p", {}, t("collection_let_hint"))], submit: async () => {
    await mark(store, true);
    await done();
  }});
}
