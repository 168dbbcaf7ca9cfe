// My keys for programs: made – the secret is shown this once –, listed, revoked.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h} from "../shell/dom.js";
import {action, choice, field, nothing, table, toCopy, when} from "../shell/parts.js";
import {t} from "../shell/settings.js";

const DAY_MS = 86_400_000;

export function open(room) { return new Keys(room); }

class Keys {
  constructor(room) {
    this.room = room;
    this.name = h("input", {type: "text", maxLength: 200, required: true, autocomplete: "off", placeholder: t("key_name_hint")});
    this.lasts = choice([["", t("key_for_ever")], ["30", t("key_days", {count: 30})], ["90", t("key_days", {count: 90})], ["365", t("key_days", {count: 365})]], "90");
    this.batch = h("input", {type: "checkbox"});
    this.made = h("div", {class: "card made", hidden: true});
    this.list = h("div", {});
    this.element = h("div", {class: "stack"}, h("p", {class: "hint"}, t("key_lead", {address: `${location.origin}/v1`})), this.made,
      h("div", {class: "card"}, h("h2", {}, t("key_new")), h("form", {class: "form", onsubmit: event => { event.preventDefault(); this.make(); }},
        field(t("key_name"), this.name), field(t("key_lasts"), this.lasts),
        h("label", {class: "tick"}, this.batch, t("key_batch")), h("div", {class: "buttons"}, h("button", {type: "submit", class: "main"}, t("key_create"))))),
      this.list);
  }

  see(isSeen) {
    if (isSeen) return this.room.attempt(() => this.read());
    this.made.hidden = true;               // once told, it is gone
    this.made.replaceChildren();
  }

  async read() {
    const {data} = await call("/api/keys");
    const live = data.filter(key => !key.revoked_at);
    const rows = live.map(key => [[key.name || "–", key.is_batch ? h("small", {}, t("key_is_batch")) : null].filter(Boolean), h("code", {}, `${key.prefix}…`), when(key.created_at), key.last_used_at ? when(key.last_used_at) : t("key_never"),
      key.expires_at ? when(key.expires_at) : t("key_for_ever"), action(t("key_revoke"), null, () => this.revoke(key), {class: "plain danger", "aria-label": t("key_revoke_of", {name: key.name || key.prefix})})]);
    this.list.replaceChildren(rows.length
      ? table(t("me_keys"), [[t("key_name")], [t("key_begins")], [t("key_created"), "soft"], [t("key_used"), "soft"], [t("key_expires"), "soft"], [t("column_actions"), "acts"]], rows)
      : nothing("clip", t("key_none")));
  }

  make() {
    return this.room.attempt(async () => {
      const days = Number(this.lasts.value);
      const made = await call("/api/keys", {method: "POST", body: {name: this.name.value.trim(), is_batch: this.batch.checked, expires_at: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null}});
      this.name.value = "";
      this.made.replaceChildren(h("h2", {tabindex: "-1"}, t("key_made", {name: made.name})), h("p", {}, t("key_once")), toCopy(made.key, t("key_secret")));
      this.made.hidden = false;
      this.made.firstElementChild.focus();
      await this.read();
    });
  }

  revoke(key) {
    formDialog({title: t("key_revoke_of", {name: key.name || key.prefix}), body: [h("p", {}, t("key_revoke_lead"))], action: t("key_revoke"), isDanger: true, submit: async () => {
      await call(`/api/keys/${key.id}`, {method: "DELETE"});
      this.room.say(t("key_revoked", {name: key.name || key.prefix}));
      this.made.hidden = true;
      await this.read();
    }});
  }
}
