// What may leave the box: what counts now and who says so, the switch that stops everything, and below it what narrows it.
import {call} from "../shell/api.js";
import {Collections} from "./cloud_collections.js";
import {decisions} from "./cloud_decisions.js";
import {KillSwitch} from "./cloud_switch.js";
import {Rules} from "./cloud_rules.js";
import {say} from "./cloud_words.js";
import {h, icon} from "../shell/dom.js";
import {whole} from "../shell/parts.js";
import {number, settings} from "../shell/settings.js";

export function open(room) { return new Cloud(room); }

class Cloud {
  constructor(room) {
    this.room = room;
    this.now = h("div", {class: "card"});
    this.switch = new KillSwitch(room, () => this.draw());
    this.rules = new Rules(room, told => this.draw(told));
    this.collections = new Collections(room);
    this.decisions = decisions(room);
    const part = (name, lead, content) => h("section", {class: "stack", "aria-label": say(name)}, h("div", {class: "top"}, h("h2", {}, say(name))), lead ? h("p", {class: "hint"}, say(lead)) : null, content);
    this.element = h("div", {class: "stack"}, this.now, this.switch.element,
      part("rules", "rules_lead", this.rules.element), part("collections", "collections_lead", this.collections.element), part("decisions", "decisions_lead", this.decisions.element));
  }

  see(isSeen) {
    this.switch.see(isSeen);
    if (!isSeen) return null;
    return Promise.all([this.refresh(), this.collections.refresh(), this.decisions.see(true)]);
  }

  refresh() {
    return this.room.attempt(async () => {
      const told = await call("/api/leaving");
      this.draw(told);
      await this.rules.show(told);
    });
  }

  /** told: as the server says it; left out where only the switch has turned. */
  draw(told = this.told) {
    this.told = told;
    if (!told) return;
    const {permitted, counts_now: now, narrowed, last_24_hours: lately} = told;
    const isStopped = Boolean(this.switch.stopped), isOff = isStopped || now.when === "never", figure = (name, ...value) => h("div", {}, h("dt", {}, say(name)), h("dd", {}, ...value.flat()));
    const stayed = Object.entries(lately.stayed);
    this.now.replaceChildren(
      h("h2", {}, say("now")),
      h("p", {class: `verdict${isOff ? "" : " open"}`}, icon(isOff ? "lock" : "cloud"), say(isOff ? "nothing_leaves" : "something_leaves")),
      h("p", {class: "hint"}, say(permitted.when === "never" ? "by_file" : isStopped ? "by_switch" : isOff ? "by_page" : isNarrowed(narrowed) ? "narrowed" : "as_file")),
      permitted.when === "never" ? h("pre", {class: "log"}, "[leaving]\nwhen = \"local_down\"") : "",
      isOff ? "" : h("dl", {class: "facts"},
        figure("when", say(`when.${now.when}`), now.when === "queue" ? h("small", {}, say("seconds", {seconds: number.format(now.queue_s)})) : ""),
        figure("personal_data", say(`personal.${now.personal_data}`)), figure("by_name", say(now.by_name ? "allowed" : "not_allowed")), figure("chat_files", say(now.chat_files ? "allowed" : "not_allowed"))),
      h("dl", {class: "facts"}, figure("left", whole(lately.left)), figure("stayed", whole(stayed.reduce((sum, [, count]) => sum + count, 0)), stayed.map(([code, count]) => h("small", {}, `${whole(count)} · ${settings.texts[`stay.${code}`] ?? code}`)))),
      h("p", {class: "hint"}, say("names_hint")));
  }
}

const isNarrowed = ({at_most: most, queue_s: queue, personal_data: data, stays, only}) =>
  most !== null || queue !== null || data !== null || only.people !== null || only.models !== null || [...stays.users, ...stays.groups, ...stays.models].length > 0;
