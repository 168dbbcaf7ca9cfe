// What I said for good about tools of others, to be taken back.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {nothing, small, table, when} from "../shell/parts.js";
import {t} from "../shell/settings.js";

export function open(room) { return new OwnTools(room); }

class OwnTools {
  constructor(room) {
    this.room = room;
    this.list = h("div", {});
    this.element = h("div", {class: "stack"}, h("p", {class: "hint"}, t("me_tools_lead")), this.list);
  }

  see(isSeen) { return isSeen ? this.refresh() : null; }

  refresh() {
    return this.room.attempt(async () => {
      const {data} = await call("/api/tools/consents");
      const rows = data.map(one => [one.tool, one.server, t(`consent_${one.answer}`), when(one.answered_at),
        small(t("tool_forget", {name: `${one.server}.${one.tool}`}), "trash", () => this.forget(one))]);
      this.list.replaceChildren(rows.length ? table(t("me_tools"), [[t("tool")], [t("tool_server")], [t("your_answer")], [t("key_created"), "soft"], [t("column_actions"), "acts"]], rows) : nothing("steps", t("me_tools_none")));
    });
  }

  forget({server_id, tool}) {
    return this.room.attempt(async () => {
      await call(`/api/tools/consents/${server_id}/${encodeURIComponent(tool)}`, {method: "DELETE"});
      await this.refresh();
      this.room.say(t("saved"));
    });
  }
}
