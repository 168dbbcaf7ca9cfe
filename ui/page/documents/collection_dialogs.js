// What is asked before a collection or a document is made, renamed or deleted, and the receipt afterwards.
import {call} from "../shell/api.js";
import {dialogsLook} from "./dialogs_look.js";
import {h, icon} from "../shell/dom.js";
import {openDialog} from "../shell/dialog.js";
import {explain, fileSize, number, t} from "../shell/settings.js";

const RECEIPT = ["collections", "files", "places", "pages", "passages", "vectors", "words", "blobs", "bytes", "page_images", "tables", "generations", "vectors_in_memory"];

/** A dialog with a heading and a row of buttons; submit: what the main one does, which closes it unless it throws. */
export function formDialog({title, body, action, isDanger, submit, width = "480px", cancel = t("keep")}) {
  const problem = h("p", {class: "problem", role: "alert", hidden: true});
  const main = h("button", {type: "submit", class: `main${isDanger ? " danger" : ""}`}, action);
  const form = h("form", {class: "form", onsubmit: async event => {
    event.preventDefault();
    main.disabled = true;
    try {
      await submit();
      dialog.close();
    } catch (error) {
      problem.replaceChildren(icon("alert"), error instanceof TypeError ? t("connection_lost") : explain(error));
      problem.hidden = false;
    }
    main.disabled = false;
  }}, h("h2", {}, title), ...body, problem, h("div", {class: "buttons"}, h("button", {type: "button", class: "plain", onclick: () => dialog.close()}, cancel), main));
  const dialog = openDialog({label: title, look: dialogsLook, width, content: form});
  return dialog;
}

const field = (label, input) => h("label", {class: "field"}, h("span", {}, label), input);
const nameInput = value => h("input", {type: "text", maxLength: 200, required: true, value, autocomplete: "off"});

export async function openNewCollection(shelf) {
  const [me, groups] = await Promise.all([call("/api/me"), call("/api/groups").catch(() => ({data: []}))]);
  const own = groups.data.filter(group => me.group_ids?.includes(group.id));
  const choices = [["user", t("for_me")], ...own.map(group => [`group:${group.id}`, t("for_group", {group: group.name})]), ...me.role === "admin" ? [["everybody", t("for_everybody")]] : []];
  const name = nameInput("");
  const radios = h("fieldset", {}, h("legend", {}, t("collection_for")), ...choices.map(([value, label], at) => h("label", {class: "choice"}, h("input", {type: "radio", name: "owner", value, checked: at === 0}), label)));
  formDialog({
    title: t("new_collection"), action: t("create"), cancel: t("cancel"), body: [field(t("collection_name"), name), radios],
    submit: async () => {
      const store = await call("/v1/vector_stores", {method: "POST", body: {name: name.value.trim(), owner: radios.querySelector(":checked").value}});
      await shelf.choose(store.id);
    },
  });
  name.focus();
}

export function openRename(shelf, store) {
  const name = nameInput(store.name ?? "");
  formDialog({
    title: t("rename_collection"), action: t("save"), cancel: t("cancel"), body: [field(t("collection_name"), name)],
    submit: async () => {
      await call(`/v1/vector_stores/${store.id}`, {method: "POST", body: {name: name.value.trim()}});
      await shelf.choose(store.id);
    },
  });
  name.select();
}

export async function openDeletion(shelf, store) {
  const goes = await call(`/api/collections/${store.id}/removal`);
  const files = h("input", {type: "checkbox"});
  formDialog({
    title: t("delete_collection_title", {name: store.name ?? ""}), action: t("delete_for_good"), isDanger: true,
    body: [
      h("p", {}, t("delete_collection_goes", {documents: number.format(goes.documents), passages: number.format(goes.passages)})),
      goes.shares ? h("p", {}, t("delete_collection_shares", {shares: number.format(goes.shares)})) : "",
      h("p", {class: "hint"}, t("delete_collection_stays")),
      goes.own_files_only_here ? h("label", {class: "choice"}, files, t("delete_collection_files", {count: number.format(goes.own_files_only_here)})) : "",
    ],
    submit: async () => {
      shelf.list.rest();
      const told = await call(`/api/collections/${store.id}?with_files=${files.checked}`, {method: "DELETE"});
      await shelf.choose(null);
      showReceipt(told.receipt.id, told.removed);
    },
  });
}

/** Out of the collection; for good where it is the viewer's own and nowhere else. */
export function openRemoval(shelf, file) {
  const store = shelf.store, isForGood = file.is_own && !file.elsewhere;
  formDialog({
    title: t("remove_title", {filename: file.filename}), action: isForGood ? t("delete_for_good") : t("remove"), isDanger: true,
    body: [h("p", {}, t(isForGood ? "remove_all" : "remove_here")), file.inside ? h("p", {}, t("remove_inside", {count: number.format(file.inside)})) : ""],
    submit: async () => {
      const told = await call(isForGood ? `/v1/files/${file.id}` : `/v1/vector_stores/${store.id}/files/${file.id}`, {method: "DELETE"});
      await shelf.choose(store.id);
      const receipt = told.appliance?.receipt;
      if (receipt) showReceipt(receipt.id, receipt.removed);
    },
  });
}

function showReceipt(id, removed) {
  const rows = RECEIPT.filter(name => removed[name]).map(name => [h("dt", {}, t(`receipt_${name}`)), h("dd", {}, name === "bytes" ? fileSize(removed[name]) : number.format(removed[name]))]);
  const dialog = openDialog({label: t("receipt"), look: dialogsLook, width: "420px", content: h("div", {class: "form"}, h("h2", {}, t("receipt")), h("dl", {class: "receipt"}, ...rows.flat()),
    h("p", {class: "hint"}, t("receipt_number", {id})), h("div", {class: "buttons"}, h("button", {type: "button", class: "main", onclick: () => dialog.close()}, t("close"))))});
}

/** names: of files that are there already. Resolves to replace, both or skip; closing it adds nothing. */
export function askVersions(names) {
  return new Promise(resolve => {
    let choice = "skip";
    const title = names.length === 1 ? t("versions_title_one", {filename: names[0]}) : t("versions_title");
    const button = (value, key, kind) => h("button", {type: "button", class: kind, onclick: () => { choice = value; dialog.close(); }}, t(key));
    const dialog = openDialog({label: title, look: dialogsLook, width: "520px", onClose: () => resolve(choice), content: h("div", {class: "form"}, h("h2", {}, title),
      names.length > 1 ? h("ul", {class: "names"}, ...names.slice(0, 8).map(name => h("li", {}, name)), names.length > 8 ? h("li", {}, "…") : "") : "",
      h("p", {class: "hint"}, t("versions_lead")), h("div", {class: "buttons"}, button("skip", "versions_skip", "plain"), button("both", "versions_both", "plain"), button("replace", "versions_replace", "main")))});
    dialog.element.querySelector(".main").focus();
  });
}
