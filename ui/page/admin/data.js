// The company's databases: which are connected and how they are; one of them with its tables, who may ask, and what drifted.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h, icon} from "../shell/dom.js";
import {connectForm} from "./data_connect.js";
import {Shares} from "./data_sharing.js";
import {Tables} from "./data_tables.js";
import {Trial} from "./data_trial.js";
import {roleReport} from "./data_role.js";
import {say, telling} from "./data_words.js";
import {action, nothing, small, table, when, whole} from "../shell/parts.js";
import {number, t} from "../shell/settings.js";

export function open(room) { return new Data(room); }

class Data {
  constructor(room) {
    this.room = room;
    this.element = h("div", {class: "stack"});
  }

  see(isSeen) { return isSeen ? this.room.attempt(() => this.chosen ? this.showOne() : this.showAll()) : null; }

  go(id) {
    this.chosen = id;
    return this.see(true);
  }

  async showAll() {
    this.all = await call("/api/data/sources");
    if (this.chosen) return;
    const rows = this.all.data.map(one => [
      [h("button", {type: "button", class: "link", onclick: () => this.go(one.id)}, one.name), one.description ? h("small", {}, one.description) : null].filter(Boolean),
      say(`kind.${one.kind}`), whole(one.table_count), states(one),
      small(say("remove_of", {name: one.name}), "trash", () => this.remove(one))]);
    this.element.replaceChildren(
      h("div", {class: "top"}, h("p", {class: "hint"}, say("lead")), action(say("connect"), "plus", () => this.connect(null))),
      rows.length ? table(t("admin_data"), [[t("me_name")], [say("kind"), "soft"], [say("tables"), "figure"], [say("state")], [t("column_actions"), "acts"]], rows) : nothing("archive", say("none")));
  }

  async showOne(known = null) {
    const id = this.chosen, path = `/api/data/sources/${id}`;
    const [one, {data: readable}] = await Promise.all([known ?? call(path), call(`${path}/tables`)]);
    if (!this.all) this.all = await call("/api/data/sources");
    if (id !== this.chosen) return;
    const part = (name, lead, ...content) => h("section", {class: "stack", "aria-label": say(name)}, h("div", {class: "top"}, h("h2", {}, say(name))), lead ? h("p", {class: "hint"}, say(lead)) : null, ...content);
    const changed = made => this.showOne(made);
    this.element.replaceChildren(
      action(say("back"), "back", () => this.go(null)),
      h("div", {class: "top"}, h("h2", {}, one.name), h("span", {class: "bar"}, action(say("read_anew"), "again", () => this.refresh(one)), action(say("change"), "pencil", () => this.connect(one)))),
      one.description ? h("p", {}, one.description) : "",
      this.facts(one),
      one.drift.length ? part("drift", "drift_lead", h("ul", {}, one.drift.map(drift => h("li", {}, say(`drift.${drift.change}`, drift))))) : "",
      part("tables", "choose_lead", new Tables(this.room, one, readable, changed).element),
      part("share", "share_lead", new Shares(this.room, one).element),
      part("role", null, roleReport(one.role, one.writable_because, one.kind)),
      part("trial", "trial_lead", new Trial(this.room, one).element));
  }

  facts(one) {
    const {caps} = this.all, figure = (name, ...value) => h("div", {}, h("dt", {}, say(name)), h("dd", {}, ...value));
    const rows = Math.min(one.caps.rows ?? caps.rows, caps.rows), seconds = Math.min(one.caps.timeout_s ?? caps.timeout_s, caps.timeout_s);
    return h("div", {class: "card"},
      h("p", {}, states(one)),
      one.problem ? h("p", {class: "problem"}, icon("alert"), one.problem.detail || say("state.unanswered")) : "",
      h("dl", {class: "facts"}, figure("kind", say(`kind.${one.kind}`)), figure("reached", reached(one.settings)), figure("read_at", when(one.read_at)),
        figure("bounds", say("bounds_value", {rows: whole(rows), seconds: number.format(seconds)}))));
  }

  refresh(one) {
    return this.room.attempt(() => telling(async () => {
      await this.showOne(await call(`/api/data/sources/${one.id}/refresh`, {method: "POST", body: {}}));
      this.room.say(say("read_done"));
    }));
  }

  connect(one) {
    return this.room.attempt(async () => {
      this.all = await call("/api/data/sources");
      connectForm(this.all, one, made => this.go(made.id));
    });
  }

  remove(one) {
    formDialog({title: say("remove_of", {name: one.name}), action: t("delete"), isDanger: true, body: [h("p", {}, say("remove_lead"))], submit: async () => {
      await call(`/api/data/sources/${one.id}`, {method: "DELETE"});
      await this.go(null);
    }});
  }
}

const states = one => (one.states.length ? one.states : ["ready"]).map(code => say(`state.${code}`)).join(" · ");
const reached = ({path, host, unix_socket: socket, port, database, user}) => path ?? `${user}@${host ?? socket}${port ? `:${port}` : ""}/${database}`;
