// Which collections may leave: a mark on each, given and taken with a click.
import {call} from "../shell/api.js";
import {say} from "./cloud_words.js";
import {letLeave} from "../documents/leaving_mark.js";
import {h, icon} from "../shell/dom.js";
import {action, nothing, table} from "../shell/parts.js";
import {t} from "../shell/settings.js";

const PATH = "/api/leaving/collections";

export class Collections {
  constructor(room) {
    this.room = room;
    this.element = h("div", {});
  }

  refresh() {
    return this.room.attempt(async () => {
      const {data} = await call(PATH);
      this.element.replaceChildren(data.length ? table(say("collections"), [[say("collection")], [say("whose_collection"), "soft"], [say("mark")], [t("column_actions"), "acts"]], data.map(one => this.row(one))) : nothing("folder", say("collections_none")));
    });
  }

  row(one) {
    const may = one.may_leave;
    return [one.name, one.owner_kind === "everybody" ? say("of_everybody") : one.owner ?? "–",
      h("span", {class: `badge mark ${may ? "refused" : "ready"}`}, icon(may ? "cloud" : "lock"), t(may ? "collection_may_leave" : "collection_stays")),
      action(t(may ? "collection_keep" : "collection_let"), null, () => this.turn(one), {"aria-label": say(may ? "keep_of" : "let_of", {name: one.name})})];
  }

  turn(one) {
    const done = async () => {
      await this.refresh();
      this.room.say(t(one.may_leave ? "collection_keep_done" : "collection_let_done", {name: one.name}));
    };
    return this.room.attempt(() => letLeave(one, !one.may_leave, done));
  }
}
