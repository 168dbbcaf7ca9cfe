// What left the box, in sums and one by one, and the switch that stops it.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h} from "../shell/dom.js";
import {action, choice, field, table, when, whole} from "../shell/parts.js";
import {Pages} from "./pages.js";
import {fileSize, filled, language, number, t} from "../shell/settings.js";

// These sentences come with this view, because nobody else sees them.
const {default: texts} = await import(`./egress_${language}.js`);

const say = (key, values = {}) => filled(texts[key] ?? key, values);
const purposes = Object.keys(texts).filter(key => key.startsWith("purpose.")).map(key => key.slice("purpose.".length));
const purposeOf = name => texts[`purpose.${name}`] ?? name;
const DONE = "ended,refused,stopped,resumed";

export function open(room) { return new WhatLeft(room); }

class WhatLeft {
  constructor(room) {
    this.room = room;
    this.state = h("div", {class: "stack", role: "status"});
    this.sums = h("div", {class: "stack"});
    const happened = choice([[DONE, say("show_done")], ["ended", say("show_ended")], ["refused", say("show_refused")], ["began", say("show_began")], ["stopped,resumed", say("show_switch")]], DONE);
    const purpose = choice([["", t("filter_any")], ...purposes.map(name => [name, purposeOf(name)])], "");
    const search = () => h("input", {type: "search", autocomplete: "off"});
    const filters = {happened, purpose, actor: search(), host: search(), from: h("input", {type: "date"}), to: h("input", {type: "date"})};
    this.pages = new Pages(room, {
      path: "/api/egress", label: t("admin_egress"), empty: say("empty"), filters,
      fields: [field(say("show"), happened), field(say("purpose"), purpose), field(say("actor_filter"), filters.actor), field(say("host_filter"), filters.host), field(t("filter_from"), filters.from), field(t("filter_to"), filters.to)],
      columns: [[t("filter_when"), "soft"], [say("actor")], [say("purpose")], [say("host")], [say("sent"), "figure"], [say("received"), "figure"], [say("outcome")], [say("why"), "soft"]],
      row: line => [when(line.at), line.actor || "–", [purposeOf(line.purpose), line.engine ? h("small", {}, line.engine) : ""], line.host, line.host ? fileSize(line.sent_bytes) : "", line.host ? fileSize(line.received_bytes) : "", outcome(line), why(line)],
      told: () => {
        const {happened: shown, ...others} = this.pages.query();
        this.pages.empty = shown !== DONE || Object.keys(others).length ? say("empty_found") : say("empty");
        this.refresh();
        return [];
      },
    });
    this.element = h("div", {class: "stack"}, h("p", {class: "hint"}, say("lead")), this.state, this.sums, h("h2", {}, say("lines")), this.pages.element);
  }

  see(isSeen) { return this.pages.see(isSeen); }

  refresh() {
    return this.room.attempt(async () => {
      const {happened: _, ...query} = this.pages.query();
      const told = await call(`/api/egress/totals?${new URLSearchParams(query)}`);
      this.draw(told.stopped);
      this.sums.replaceChildren(...told.data.length ? [h("h2", {}, say("totals")), table(say("totals"),
        [[say("host")], [say("purpose")], [say("departures"), "figure"], [say("refused"), "figure"], [say("sent"), "figure"], [say("received"), "figure"]],
        told.data.map(one => [one.host, purposeOf(one.purpose), whole(one.departures), whole(one.refused), fileSize(one.sent_bytes), fileSize(one.received_bytes)]))] : []);
    });
  }

  draw(stop) {
    if (!stop) {
      this.state.replaceChildren(h("div", {class: "buttons"}, action(say("stop"), "stop", () => this.stop(), {class: "plain danger"})));
      return;
    }
    const by = stop.by_settings ? "" : stop.actor ? say("stopped_by", {actor: stop.actor}) : say("stopped_by_hand");
    this.state.replaceChildren(
      h("p", {class: "problem"}, stop.by_settings ? say("stopped_by_settings") : say("is_stopped", {moment: when(stop.since)}), " ", by, stop.reason ? ` ${stop.reason}` : ""),
      stop.by_settings ? "" : h("div", {class: "buttons"}, action(say("resume"), "again", () => this.room.attempt(async () => {
        await call("/api/egress/stop", {method: "DELETE"});
        this.room.say(say("resume_done"));
        await this.pages.see(true);
      }))));
  }

  stop() {
    const reason = h("input", {type: "text", maxLength: 300, autocomplete: "off"});
    formDialog({
      title: say("stop"), action: say("stop_do"), isDanger: true, cancel: t("cancel"), body: [h("p", {}, say("stop_lead")), field(say("stop_reason"), reason)],
      submit: async () => {
        await call("/api/egress/stop", {method: "PUT", body: {reason: reason.value.trim()}});
        this.room.say(say("stop_done"));
        await this.pages.see(true);
      },
    });
    reason.focus();
  }
}

function outcome(line) {
  if (line.happened !== "ended") return h("span", {class: `badge ${line.happened === "refused" ? "failed" : ""}`}, say(`did.${line.happened}`));
  if (line.reason) return [h("span", {class: "badge failed"}, say("did.failed")), line.status ? ` ${line.status}` : ""];
  return [h("span", {class: "badge ready"}, say("did.ended")), line.status ? ` ${line.status}` : ""];
}

/** What allowed it, or kept it here, in the words of the ledger. */
function why(line) {
  const hidden = line.redactions ? say("redactions", {count: number.format(line.redactions)}) : "";
  const parts = [line.why, line.reason].filter(Boolean).map(told => h("div", {lang: "en"}, told));
  return [...parts, hidden ? h("small", {}, hidden) : ""];
}
