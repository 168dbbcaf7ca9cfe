// What can be done with one conversation, as a menu at the pointer or below its button. Loaded when it is first opened.
import {h, icon} from "../shell/dom.js";
import {t} from "../shell/settings.js";

/** row: a ConversationRow of this sidebar. x, y: where, in pixels of the window; the menu stays inside of it. */
export function showMenu(sidebar, row, x, y) {
  const {id, pinned, archived} = row.conversation;
  const item = (name, label, deed) => h("button", {type: "button", role: "menuitem", tabindex: "-1", onclick: () => { close(); deed(); }}, icon(name), label);
  const download = (format, label) => h("a", {role: "menuitem", tabindex: "-1", href: `/api/conversations/${id}/export?format=${format}`, download: "", onclick: () => setTimeout(close)}, icon("download"), label);
  const menu = h("div", {class: "menu", role: "menu", popover: "auto", "aria-label": t("conversation_options", {title: row.title})},
    item("pencil", t("rename"), () => row.rename()),
    archived ? null : item("pin", t(pinned ? "unpin" : "pin"), () => sidebar.pin(id, !pinned)),
    item("archive", t(archived ? "unarchive" : "put_away"), () => sidebar.putAway(id, !archived)),
    h("hr", {role: "separator"}),
    download("markdown", t("export_markdown")), download("json", t("export_json")),
    h("hr", {role: "separator"}),
    item("trash", t("delete"), () => sidebar.remove(id)));
  menu.lastElementChild.classList.add("danger");

  const items = [...menu.querySelectorAll("[role=menuitem]")];
  const close = () => menu.isConnected && menu.hidePopover();
  menu.addEventListener("toggle", event => {
    if (event.newState !== "closed") return;
    row.element.classList.remove("with-menu");
    if (menu.contains(menu.getRootNode().activeElement)) row.more.focus();
    menu.remove();
  });
  menu.addEventListener("keydown", event => {
    const at = items.indexOf(menu.getRootNode().activeElement), last = items.length - 1;
    const next = {ArrowDown: at === last ? 0 : at + 1, ArrowUp: at <= 0 ? last : at - 1, Home: 0, End: last}[event.key];
    if (event.key === "Tab") close();
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(); row.more.focus(); }
    if (next === undefined) return;
    event.preventDefault();
    items[next].focus();
  });

  row.element.classList.add("with-menu");
  sidebar.element.append(menu);
  menu.showPopover();
  const {width, height} = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(y + 2, innerHeight - height - 8))}px`;
  items[0].focus();
}
