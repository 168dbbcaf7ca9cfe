// The emergency stop: one click and one word, and nothing leaves any more; who stopped it, when and why.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {say} from "./cloud_words.js";
import {h, icon, redraw} from "../shell/dom.js";
import {field, Watching, when} from "../shell/parts.js";
import {t} from "../shell/settings.js";

const LOOK_MS = 5000, PATH = "/api/egress/stop";

export class KillSwitch {
  /** turned(): it has been thrown, or released, here or elsewhere. */
  constructor(room, turned) {
    this.room = room;
    this.turned = turned;
    this.element = h("section", {class: "card switch", "aria-label": say("switch")});
    this.watching = new Watching(LOOK_MS, () => this.refresh());
  }

  see(isSeen) { return this.watching.see(isSeen); }

  refresh() {
    const asked = this.asked = Symbol("asked");
    return this.room.attempt(async () => {
      const {stopped} = await call(PATH);
      if (asked === this.asked) this.draw(stopped);      // else read before it was turned, told after it
    });
  }

  draw(stop) {
    const told = JSON.stringify(stop);
    if (told === this.told) return;            // nothing moves under somebody's finger for nothing
    this.told = told;
    this.stopped = stop;
    this.element.classList.toggle("stopped", Boolean(stop));
    redraw(this.element, h("div", {}, h("h2", {}, say("switch")), h("div", {role: "status"}, ...this.state(stop))), this.button(stop));
    this.turned();
  }

  state(stop) {
    if (!stop) return [h("p", {}, say("switch_off"))];
    const values = {moment: when(stop.since), actor: stop.actor};
    return [h("p", {class: "verdict"}, icon("stop"), say("switch_on")), h("p", {}, say(stop.by_settings ? "switch_by_settings" : stop.actor ? "switch_since" : "switch_by_hand", values)),
      stop.reason ? h("p", {class: "soft"}, say("switch_reason", {reason: stop.reason})) : ""];
  }

  button(stop) {
    if (stop?.by_settings) return "";
    return stop ? h("button", {type: "button", class: "plain", "data-act": "switch", onclick: () => this.resume()}, say("switch_resume"))
      : h("button", {type: "button", class: "main danger", "data-act": "switch", onclick: () => this.stop()}, icon("stop"), say("switch_stop"));
  }

  stop() {
    const reason = h("input", {type: "text", maxLength: 300, autocomplete: "off"});
    formDialog({
      title: say("switch_stop"), action: say("switch_do"), isDanger: true, cancel: t("cancel"), body: [h("p", {}, say("switch_stop_lead")), field(say("switch_why"), reason)],
      submit: () => this.turn({method: "PUT", body: {reason: reason.value.trim()}}, "switch_done"),
    });
    reason.focus();
  }

  resume() {
    formDialog({title: say("switch_resume_title"), action: say("switch_resume_do"), cancel: t("cancel"), body: [h("p", {}, say("switch_resume_lead"))], submit: () => this.turn({method: "DELETE"}, "switch_resumed")});
  }

  async turn(how, said) {
    const {stopped} = await call(PATH, how);
    this.asked = null;
    this.draw(stopped);
    this.room.say(say(said));
  }
}
