// One person: role, groups, weight, limits, sign-ins, and the links by which they choose a password.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {groupTicks, roleChoice, showLink} from "./inviting.js";
import {h} from "../shell/dom.js";
import {limitFields} from "./limits.js";
import {action, field, when} from "../shell/parts.js";
import {explain, t} from "../shell/settings.js";

/** A number as people write it: with a comma or a point. */
export const decimal = text => Number(text.trim().replace(",", "."));

export async function openPerson(list, person) {
  const [limits, {data: sessions}] = await Promise.all([limitFields("user", person.id), call(`/api/users/${person.id}/sessions`)]);
  const name = h("input", {type: "text", maxLength: 200, autocomplete: "off", value: person.name});
  const role = roleChoice(person.role), groups = groupTicks(list.groups, person.group_ids);
  const weight = h("input", {type: "text", inputmode: "decimal", autocomplete: "off", value: String(person.weight)});
  const suspended = h("input", {type: "checkbox", checked: person.is_suspended});
  const problem = h("p", {class: "problem", role: "alert", hidden: true});
  const dialog = formDialog({
    title: person.name || person.email, action: t("save"), cancel: t("cancel"), width: "560px",
    body: [h("p", {class: "hint"}, t("person_since", {email: person.email, moment: when(person.created_at)})),
      field(t("me_name"), name), field(t("people_role"), role), h("label", {class: "tick"}, suspended, t("person_suspended")), groups.element,
      field(t("weight"), weight, t("weight_hint")), limits.element, signIns(list, person, sessions, problem), links(list, person, () => dialog.close()), problem],
    submit: async () => {
      const body = changed(person, {name: name.value.trim(), role: role.value, is_suspended: suspended.checked, weight: decimal(weight.value)});
      if (Object.keys(body).length) await call(`/api/users/${person.id}`, {method: "PATCH", body});        // the audit tells of changes only
      await join(list.groups, person, groups.chosen());
      await limits.save();
      await list.refresh();
      list.room.say(t("saved"));
    },
  });
}

const changed = (before, after) => Object.fromEntries(Object.entries(after).filter(([key, value]) => before[key] !== value));

/** Into the groups that are chosen, out of the others. */
async function join(groups, person, chosen) {
  for (const group of groups) {
    const isIn = group.member_ids.includes(person.id), isWanted = chosen.includes(group.id);
    if (isIn === isWanted) continue;
    const user_ids = isWanted ? [...group.member_ids, person.id] : group.member_ids.filter(id => id !== person.id);
    await call(`/api/groups/${group.id}/members`, {method: "PUT", body: {user_ids}});
  }
}

function signIns(list, person, sessions, problem) {
  const told = h("p", {class: "hint", role: "status"}, sessions.length ? "" : t("person_signed_out"));
  const items = h("ul", {class: "names"}, sessions.map(one => h("li", {}, [one.device || t("session_unknown"), one.address, when(one.last_seen)].filter(Boolean).join(" · "))));
  const end = action(t("person_sign_out"), null, () => attempt(problem, async () => {
    await call(`/api/users/${person.id}/sessions`, {method: "DELETE"});
    items.replaceChildren();
    end.hidden = true;
    told.textContent = t("person_signed_out");
  }), {hidden: !sessions.length});
  return h("fieldset", {}, h("legend", {}, t("me_sessions")), items, told, end);
}

function links(list, person, close) {
  const make = (path, title) => list.room.attempt(async () => {
    const link = await call(path, {method: "POST", body: {user_id: person.id}});
    close();
    showLink(link, title);
  });
  return h("div", {class: "buttons"}, person.last_login_at ? action(t("link_new_password"), null, () => make("/api/password-resets", t("link_new_password")))
    : action(t("link_new_invitation"), null, () => make("/api/invitations", t("link_new_invitation"))));
}

async function attempt(problem, deed) {
  try {
    await deed();
    problem.hidden = true;
  } catch (error) {
    problem.textContent = error instanceof TypeError ? t("connection_lost") : explain(error);
    problem.hidden = false;
  }
}
