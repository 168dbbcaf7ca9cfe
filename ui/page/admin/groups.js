// Groups: who is in them, what part of the engines is theirs, and what they may use; also the limits of everybody.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h} from "../shell/dom.js";
import {limitFields} from "./limits.js";
import {action, choice, field, nothing, small, table, whole} from "../shell/parts.js";
import {decimal} from "./person.js";
import {number, t} from "../shell/settings.js";

export function open(room) { return new Groups(room); }

class Groups {
  constructor(room) {
    this.room = room;
    this.list = h("div", {});
    this.element = h("div", {class: "stack"}, h("p", {class: "hint"}, t("groups_lead")), this.list);
    this.tools = [action(t("group_new"), "plus", () => this.edit(null)), action(t("limits_everybody"), null, () => this.everybody())];
  }

  see(isSeen) { return isSeen ? this.refresh() : null; }

  refresh() {
    return this.room.attempt(async () => {
      this.groups = (await call("/api/groups")).data;
      const nameOf = id => this.groups.find(group => group.id === id)?.name ?? "";
      this.list.replaceChildren(this.groups.length ? table(t("admin_groups"), [[t("me_name")], [t("group_members"), "figure"], [t("weight"), "figure"], [t("group_parent"), "soft"], [t("column_actions"), "acts"]], this.groups.map(group => [
        h("button", {type: "button", class: "link", onclick: () => this.edit(group)}, group.name), whole(group.member_ids.length), group.weight === null ? "–" : number.format(group.weight), nameOf(group.parent_id),
        small(t("group_delete_of", {name: group.name}), "trash", () => this.remove(group))])) : nothing("people", t("groups_none")));
    });
  }

  edit(group) {
    return this.room.attempt(async () => {
      const limits = group ? await limitFields("group", group.id) : null;
      const name = h("input", {type: "text", maxLength: 200, required: true, autocomplete: "off", value: group?.name ?? ""});
      const weight = h("input", {type: "text", inputmode: "decimal", autocomplete: "off", placeholder: t("weight_none"), value: String(group?.weight ?? "")});
      const parent = choice([["", "–"], ...this.groups.filter(({id}) => id !== group?.id).map(other => [other.id, other.name])], group?.parent_id ?? "");
      formDialog({
        title: group?.name ?? t("group_new"), action: group ? t("save") : t("create"), cancel: t("cancel"), width: "520px",
        body: [field(t("me_name"), name), field(t("weight"), weight, t("weight_group_hint")), field(t("group_parent"), parent), limits?.element ?? ""],
        submit: async () => {
          const body = {name: name.value.trim(), weight: weight.value.trim() ? decimal(weight.value) : null, parent_id: parent.value || null};
          await call(group ? `/api/groups/${group.id}` : "/api/groups", {method: group ? "PATCH" : "POST", body});
          await limits?.save();
          await this.refresh();
          this.room.say(t("saved"));
        },
      });
      name.focus();
    });
  }

  everybody() {
    return this.room.attempt(async () => {
      const limits = await limitFields("everyone");
      formDialog({title: t("limits_everybody"), action: t("save"), cancel: t("cancel"), body: [h("p", {class: "hint"}, t("limits_everybody_lead")), limits.element], submit: async () => {
        await limits.save();
        this.room.say(t("saved"));
      }});
    });
  }

  remove(group) {
    formDialog({title: t("group_delete_of", {name: group.name}), action: t("delete"), isDanger: true, body: [h("p", {}, t("group_delete_lead"))], submit: async () => {
      await call(`/api/groups/${group.id}`, {method: "DELETE"});
      await this.refresh();
    }});
  }
}
