// My password, and where I am signed in.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {action, field, table, when} from "../shell/parts.js";
import {settings, t} from "../shell/settings.js";

export function open(room) { return new Signing(room); }

class Signing {
  constructor(room) {
    this.room = room;
    this.old = h("input", {type: "password", autocomplete: "current-password", required: true});
    this.fresh = h("input", {type: "password", autocomplete: "new-password", required: true});
    this.sessions = h("div", {class: "stack"});
    this.element = h("div", {class: "stack"},
      h("div", {class: "card"}, h("h2", {}, t("me_password")), h("form", {class: "form", onsubmit: event => { event.preventDefault(); this.changePassword(); }},
        h("input", {type: "email", value: settings.email ?? "", autocomplete: "username", hidden: true, readonly: true, tabindex: "-1"}),
        field(t("me_password_old"), this.old), field(t("link_password"), this.fresh, t("me_password_hint")),
        h("div", {class: "buttons"}, h("button", {type: "submit", class: "main"}, t("me_password_change"))))),
      h("div", {class: "card"}, h("h2", {}, t("me_sessions")), this.sessions));
  }

  see(isSeen) { return isSeen ? this.room.attempt(() => this.read()) : null; }

  async read() {
    const {data} = await call("/api/sessions");
    const rows = data.map(one => [
      [one.device || t("session_unknown"), one.is_current ? h("span", {class: "badge ready"}, t("session_current")) : null].filter(Boolean).flatMap(part => [part, " "]),
      one.address || "–", when(one.last_seen), one.is_current ? "" : action(t("session_end"), null, () => this.end(one.id), {"aria-label": t("session_end_of", {device: one.device || t("session_unknown")})})]);
    this.sessions.replaceChildren(table(t("me_sessions"), [[t("session_device")], [t("session_address"), "soft"], [t("session_seen"), "soft"], [t("column_actions"), "acts"]], rows),
      data.length > 1 ? h("div", {class: "buttons"}, action(t("session_end_others"), null, () => this.end("others"))) : "");
  }

  end(id) {
    return this.room.attempt(async () => {
      await call(`/api/sessions/${id}`, {method: "DELETE"});
      this.room.say(t("session_ended"));
      await this.read();
      this.sessions.closest(".card").querySelector("button")?.focus();
    });
  }

  changePassword() {
    return this.room.attempt(async () => {
      await call("/api/me/password", {method: "PUT", body: {old_password: this.old.value, new_password: this.fresh.value}});
      this.old.value = this.fresh.value = "";
      this.room.say(t("me_password_changed"));
      await this.read();
    });
  }
}
