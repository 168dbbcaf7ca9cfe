// A short menu at a button. Loaded when it is first opened.
import {h} from "../shell/dom.js";

/** items: [{label, deed}]. */
export function showMenu(button, label, items) {
  const close = () => menu.isConnected && menu.hidePopover();
  const entries = items.map(({label: words, deed}) => h("button", {type: "button", role: "menuitem", tabindex: "-1", onclick: () => { close(); deed(); }}, words));
  const menu = h("div", {class: "menu turn-menu", role: "menu", popover: "auto", "aria-label": label}, entries);
  menu.addEventListener("toggle", event => {
    if (event.newState !== "closed") return;
    if (menu.contains(menu.getRootNode().activeElement)) button.focus();
    menu.remove();
  });
  menu.addEventListener("keydown", event => {
    const at = entries.indexOf(menu.getRootNode().activeElement), last = entries.length - 1;
    const next = {ArrowDown: at === last ? 0 : at + 1, ArrowUp: at <= 0 ? last : at - 1, Home: 0, End: last}[event.key];
    if (event.key === "Tab") close();
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); close(); button.focus(); }
    if (next === undefined) return;
    event.preventDefault();
    entries[next].focus();
  });
  button.after(menu);
  menu.showPopover();
  const at = button.getBoundingClientRect(), {width, height} = menu.getBoundingClientRect();
  menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  menu.style.top = `${at.bottom + height + 8 < innerHeight ? at.bottom + 4 : Math.max(8, at.top - height - 4)}px`;
  entries[0].focus();
}
