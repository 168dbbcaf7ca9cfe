// New people: one, by a link on which they choose their password, or many, from a CSV file, with a link for each.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h, icon} from "../shell/dom.js";
import {openDialog} from "../shell/dialog.js";
import {choice, field, toCopy, when} from "../shell/parts.js";
import {explain, language, number, t} from "../shell/settings.js";
import {titled} from "../documents/titled.js";
import {dialogsLook} from "../documents/dialogs_look.js";

export const ROLES = ["user", "auditor", "admin"];

export const roleChoice = chosen => choice(ROLES.map(role => [role, t(`role_${role}`)]), chosen);

/** Boxes to tick, one for each group; `chosen()` gives the ids that are. */
export function groupTicks(groups, chosen) {
  const boxes = groups.map(({id, name}) => h("label", {class: "tick"}, h("input", {type: "checkbox", value: id, checked: chosen.includes(id)}), name));
  const element = groups.length ? h("fieldset", {}, h("legend", {}, t("admin_groups")), h("div", {class: "ticks"}, boxes)) : h("p", {class: "hint"}, t("groups_none"));
  return {element, chosen: () => [...element.querySelectorAll("input:checked")].map(box => box.value)};
}

/** What to hand on by mail or chat: the page sends none itself. */
export function showLink(link, label) {
  const dialog = openDialog({label, look: dialogsLook, width: "560px", content: h("div", {class: "form"}, titled(label, () => dialog.close()),
    h("p", {}, t("link_hand_on", {email: link.email})), toCopy(link.url, t("link_label")), h("p", {class: "hint"}, t("link_until", {moment: when(link.expires_at)})))});
  dialog.element.querySelector("input").focus();
}

export function openInvite(list) {
  const email = h("input", {type: "text", inputmode: "email", required: true, maxLength: 320, autocomplete: "off"});
  const name = h("input", {type: "text", maxLength: 200, autocomplete: "off"});
  const role = roleChoice("user"), speaks = choice([["es", "Español"], ["en", "English"]], language), groups = groupTicks(list.groups, []);
  formDialog({
    title: t("invite_title"), action: t("invite_make"), cancel: t("cancel"), width: "520px",
    body: [field(t("email"), email), field(t("me_name"), name), field(t("people_role"), role), field(t("language_label"), speaks), groups.element],
    submit: async () => {
      const made = await call("/api/users", {method: "POST", body: {email: email.value.trim(), name: name.value.trim(), role: role.value, language: speaks.value, group_ids: groups.chosen(), invite: true}});
      await list.refresh();
      setTimeout(() => showLink(made.invitation, t("invite_made")));       // after this dialog has closed
    },
  });
  email.focus();
}

export function openImport(list) {
  const file = h("input", {type: "file", accept: ".csv,text/csv", required: true});
  formDialog({
    title: t("import_title"), action: t("import_people"), cancel: t("cancel"), width: "560px",
    body: [h("p", {class: "hint"}, t("import_lead")), h("p", {}, h("code", {}, "email,name,role,groups")), field(t("import_file"), file)],
    submit: async () => {
      if (!file.files.length) throw {message: t("import_choose")};
      const told = await call("/api/users/import", {method: "POST", body: {csv: await file.files[0].text()}});
      await list.refresh();
      setTimeout(() => showImported(told));
    },
  });
  file.focus();
}

function showImported({added, data}) {
  const refused = data.filter(line => line.error), made = data.filter(line => line.invitation);
  const text = made.map(({email, invitation}) => `${email}\t${invitation.url}`).join("\n");
  const links = h("a", {class: "plain", href: URL.createObjectURL(new Blob([text], {type: "text/plain"})), download: "invitations.txt"}, icon("download"), t("import_links"));
  const dialog = openDialog({label: t("import_title"), look: dialogsLook, width: "640px", onClose: () => URL.revokeObjectURL(links.href), content: h("div", {class: "form"}, titled(t("import_title"), () => dialog.close()),
    h("p", {role: "status"}, t("import_done", {added: number.format(added), refused: number.format(refused.length)})), made.length ? links : null,
    refused.length ? h("ul", {class: "names"}, refused.map(line => h("li", {}, t("import_line", {line: line.line, email: line.email, reason: explain({message: line.error})})))) : null)});
}
