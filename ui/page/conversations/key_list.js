// The list of keys, by Ctrl+/, and the switch that turns them off. Loaded when it is first opened.
import {call} from "../shell/api.js";
import {openDialog} from "../shell/dialog.js";
import {h, icon, sheet} from "../shell/dom.js";
import {profile, profileChanged} from "../shell/profile.js";
import {explain, t} from "../shell/settings.js";
import {keyNames, SHORTCUTS} from "./shortcuts.js";

const LISTED = [
  ["keys_everywhere", [["search", t("search_conversations")], ["new_chat", t("new_question")], ["sidebar", t("key_sidebar")], ["question", t("key_question")], ["stop", t("key_stop")], ["keys", t("keys_title")]]],
  ["keys_question", [[{key: "Enter"}, t("key_send")], [{key: "Enter", shift: true}, t("key_line")], [{key: "@"}, t("key_model")], [{key: "#"}, t("key_collection")]]],
  ["keys_list", [[{key: "↑ ↓"}, t("key_move")], [{key: "F2"}, t("rename")], [{key: t("key_del")}, t("delete")]]],
];

const look = sheet(`
.head { display: flex; justify-content: space-between; align-items: center; padding: 14px 14px 10px 22px; }
h2 { font: 600 20px/1.3 var(--font-quote); }
.keys { overflow-y: auto; padding: 0 22px 18px; }
h3 { margin: 12px 0 2px; font-size: 12.5px; font-weight: 650; color: var(--ink-2); }
.keys div { display: flex; justify-content: space-between; align-items: center; gap: 16px; padding: 7px 0; border-bottom: 1px solid var(--line); font-size: 15px; }
dl { margin: 0; } dd { margin: 0; display: flex; gap: 4px; flex: none; }
kbd { min-width: 26px; padding: 0 7px; border: 1px solid var(--line-strong); border-bottom-width: 2px; border-radius: 6px; background: var(--paper); font: 600 13px/24px var(--font); text-align: center; }
.switch { padding: 12px 22px; border-top: 1px solid var(--line); background: var(--side); font-size: 14px; }
.switch label { display: flex; align-items: center; gap: 10px; cursor: pointer; }
.switch input { width: 17px; height: 17px; accent-color: var(--accent); }
`);

let open;

/** Pressed again, the same dialog closes. */
export async function openKeyList() {
  if (open?.element.isConnected) return open.close();
  const {shortcuts} = await profile();
  const problem = h("p", {class: "problem", role: "alert", hidden: true});
  const areOn = h("input", {type: "checkbox", checked: shortcuts ?? true, onchange: () => change(areOn, problem)});
  const row = ([what, label]) => h("div", {}, h("dt", {}, label), h("dd", {}, keyNames(SHORTCUTS[what] ?? what).map(name => h("kbd", {}, name))));
  open = openDialog({label: t("keys_title"), look, width: "480px", content: [
    h("div", {class: "head"}, h("h2", {}, t("keys_title")), h("button", {type: "button", class: "quiet", "aria-label": t("close"), title: t("close"), onclick: () => open.close()}, icon("close"))),
    h("div", {class: "keys", tabindex: "0"}, LISTED.map(([name, rows]) => [h("h3", {}, t(name)), h("dl", {}, rows.map(row))]).flat()),
    h("div", {class: "switch"}, h("label", {}, areOn, t("keys_on")), problem)]});
}

// At once, and taken back where the server refuses.
async function change(box, problem) {
  const before = await profile();
  profileChanged({...before, shortcuts: box.checked});
  problem.hidden = true;
  try {
    await call("/api/me", {method: "PATCH", body: {shortcuts: box.checked}});
  } catch (error) {
    profileChanged(before);
    box.checked = before.shortcuts ?? true;
    problem.textContent = error instanceof TypeError ? t("connection_lost") : explain(error);
    problem.hidden = false;
  }
}
