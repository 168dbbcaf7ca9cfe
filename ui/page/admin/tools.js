// MCP servers of others: what they offer, what of it is approved and for whom, and what was called.
import {call} from "../shell/api.js";
import {formDialog} from "../documents/collection_dialogs.js";
import {h} from "../shell/dom.js";
import {action, field, nothing, small, table, when, whole} from "../shell/parts.js";
import {explain, t} from "../shell/settings.js";
import {say} from "./tools_words.js";

export function open(room) { return new Tools(room); }

const tick = (label, checked = false) => {
  const input = h("input", {type: "checkbox", checked});
  return [input, h("label", {class: "tick"}, input, label)];
};

class Tools {
  constructor(room) {
    this.room = room;
    this.list = h("div", {class: "stack"});
    this.calls = h("div", {});
    this.element = h("div", {class: "stack"}, h("p", {class: "hint"}, say("lead")), this.list, h("h2", {}, say("calls")), this.calls);
    this.tools = [action(say("add"), "plus", () => this.add())];
  }

  see(isSeen) { return isSeen ? this.refresh() : null; }

  refresh() {
    return this.room.attempt(async () => {
      const [servers, calls] = await Promise.all([call("/api/tools/servers"), call("/api/tools/calls?limit=50")]);
      this.list.replaceChildren(...servers.data.length ? servers.data.map(one => this.card(one)) : [nothing("steps", say("none"))]);
      this.calls.replaceChildren(calls.data.length ? table(say("calls"), [[say("when"), "soft"], [say("who")], [t("tool")], [say("outcome")], [say("took"), "figure"]], calls.data.map(one => [
        when(one.happened_at), one.email, one.server ? `${one.server}.${one.tool}` : one.tool, say(`outcome_${one.outcome}`), `${whole(one.ms)} ms`])) : nothing("lines", say("calls_none")));
    });
  }

  card(server) {
    const path = `/api/tools/servers/${server.id}`;
    const names = server.grants.map(one => one.kind === "everybody" ? say("everybody") : one.name).join(", ") || say("nobody");
    const rows = server.tools.map(tool => [
      h("span", {}, h("b", {}, tool.name), h("br", {}), tool.description), say(`state_${tool.state}`), tool.asks_nobody ? say("asks_nobody") : "",
      tool.state === "approved" ? small(say("withdraw", {name: tool.name}), "close", () => this.change(`${path}/tools/${encodeURIComponent(tool.name)}/approval`, "DELETE"))
        : tool.state === "gone" ? "" : action(say("approve_short"), "check", () => this.approve(path, tool), {"aria-label": say("approve", {name: tool.name})})]);
    return h("section", {class: "card stack", "aria-label": server.name},
      h("div", {class: "top"}, h("h2", {}, server.name), h("span", {class: "bar"},
        action(say("look"), "again", () => this.change(`${path}/look`, "POST", {})), action(say("share"), "share", () => this.share(path, server)),
        action(say(server.is_paused ? "go_on" : "pause"), null, () => this.change(path, "PATCH", {is_paused: !server.is_paused})),
        small(say("remove", {name: server.name}), "trash", () => this.remove(path, server)))),
      h("p", {class: "hint"}, [server.url, say(server.is_outside ? "outside" : "inside"), server.is_paused ? say("paused") : null, server.looked_at ? say("looked_at", {when: when(server.looked_at)}) : null].filter(Boolean).join(" · ")),
      h("p", {class: "hint"}, say("shared_with", {names})),
      server.problem ? h("p", {class: "problem"}, explain({code: server.problem})) : null,
      rows.length ? table(server.name, [[t("tool")], [say("state")], ["", "soft"], [t("column_actions"), "acts"]], rows) : null,
      server.left_out.length ? h("p", {class: "hint"}, say("left_out", {reasons: server.left_out.join("; ")})) : null,
      h("p", {class: "hint"}, say("own_words")));
  }

  change(path, method, body) {
    return this.room.attempt(async () => {
      await call(path, {method, body});
      await this.refresh();
      this.room.say(t("saved"));
    });
  }

  add() {
    const name = h("input", {type: "text", maxLength: 32, required: true, autocomplete: "off"});
    const address = h("input", {type: "url", maxLength: 2000, required: true, autocomplete: "off"});
    const header = h("input", {type: "text", maxLength: 200, autocomplete: "off"});
    const [sees, label] = tick(say("sees_documents"));
    formDialog({title: say("add"), action: say("add"), cancel: t("cancel"), width: "560px",
      body: [field(say("name"), name, say("name_hint")), field(say("address"), address, say("address_hint")), field(say("header"), header, say("header_hint")), label],
      submit: async () => {
        const [left, file] = header.value.split("=").map(part => part.trim());
        await call("/api/tools/servers", {method: "POST", body: {name: name.value.trim(), url: address.value.trim(), header_files: file ? {[left]: file} : {}, sees_documents: sees.checked}});
        await this.refresh();
      }});
    name.focus();
  }

  approve(path, tool) {
    const [asksNobody, label] = tick(say("ask_nobody_choice"));
    formDialog({title: say("approve", {name: tool.name}), action: say("approve_short"), cancel: t("cancel"), width: "640px",
      body: [h("p", {}, tool.description), h("h3", {}, say("arguments")), h("pre", {class: "secret", tabindex: "0", "aria-label": say("arguments")}, JSON.stringify(tool.input_schema, null, 1)), tool.says_read_only ? h("p", {class: "hint"}, say("says_read_only")) : "", h("p", {class: "hint"}, say("own_words")), label],
      submit: async () => {
        await call(`${path}/tools/${encodeURIComponent(tool.name)}/approval`, {method: "PUT", body: {fingerprint: tool.fingerprint, asks_nobody: asksNobody.checked}});
        await this.refresh();
      }});
  }

  share(path, server) {
    return this.room.attempt(async () => {
      const [{data: groups}, {data: people}] = await Promise.all([call("/api/groups"), call("/api/users?limit=1000")]);
      const has = (kind, id) => server.grants.some(one => one.kind === kind && one.id === id);
      const [all, allLabel] = tick(say("everybody"), has("everybody", null));
      const ticks = (kind, list, nameOf) => list.map(one => [one.id, ...tick(nameOf(one), has(kind, one.id))]);
      const ofGroups = ticks("group", groups, one => one.name), ofPeople = ticks("user", people, one => one.email);
      const chosen = list => list.filter(([, input]) => input.checked).map(([id]) => id);
      const set = (legend, list) => list.length ? h("fieldset", {}, h("legend", {}, legend), list.map(([, , label]) => label)) : "";
      formDialog({title: say("share_of", {name: server.name}), action: t("save"), cancel: t("cancel"), width: "520px",
        body: [allLabel, set(say("groups"), ofGroups), set(say("people"), ofPeople)],
        submit: async () => {
          await call(`${path}/grants`, {method: "PUT", body: {everybody: all.checked, groups: chosen(ofGroups), users: chosen(ofPeople)}});
          await this.refresh();
        }});
    });
  }

  remove(path, server) {
    formDialog({title: say("remove", {name: server.name}), action: t("delete"), isDanger: true, body: [h("p", {}, say("remove_lead"))], submit: async () => {
      await call(path, {method: "DELETE"});
      await this.refresh();
    }});
  }
}
