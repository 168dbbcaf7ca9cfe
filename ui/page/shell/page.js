// The page: our elements, put into Gradio's columns once Gradio has drawn them.
import "./header.js";
import "../chat/chat.js";
import "../documents/documents.js";
import {defineRoom} from "./room.js";
import {settings, t} from "./settings.js";
import {followTheme} from "./theme.js";

const SLOTS = {"slot-chat": "chat-transcript", "slot-documents": "document-shelf", "slot-me": "my-settings"};
const UI_POLL_MS = 3000;

followTheme();
defineRoom("my-settings", () => import("../me/mine.js"));
if (settings.role === "admin") {
  document.documentElement.classList.add("administers");       // page.css hides the tab from everybody else
  SLOTS["slot-admin"] = "administration-desk";
  defineRoom("administration-desk", () => import("../admin/desk.js"));
}

/** What does not fit into a narrow bar stands in Gradio's menu, where its entries have no names but their words. */
function hideFromMenu() {
  if (settings.role === "admin") return;
  for (const menu of document.querySelectorAll(".overflow-menu")) {
    const entries = [...menu.querySelectorAll(".overflow-dropdown button")], isOurs = entry => entry.textContent.trim() === t("tab_admin");
    for (const entry of entries) entry.style.display = isOurs(entry) ? "none" : "";
    menu.style.visibility = entries.every(isOurs) ? "hidden" : "";
  }
}

function place() {
  for (const [id, name] of Object.entries(SLOTS)) {
    const slot = document.getElementById(id);
    if (!slot || slot.querySelector(name)) continue;
    const element = document.querySelector(name) ?? document.createElement(name);
    const focused = element.shadowRoot?.activeElement;
    document.documentElement.classList.add("drawn");      // first: what is hidden loses the focus
    if (element.isConnected && slot.moveBefore) slot.moveBefore(element, null);
    else slot.append(element);
    if (focused && element.shadowRoot.activeElement !== focused) focused.focus({preventScroll: true});
  }
}
new MutationObserver(() => { place(); hideFromMenu(); }).observe(document.documentElement, {childList: true, subtree: true});
place();

// The chat alone is shown while the ui starts: draw everything as soon as it is there, unless somebody is reading.
if (document.getElementById("waiting-ui")) {
  const look = async () => {
    const page = await fetch(location.href, {headers: {accept: "text/html"}}).then(answer => answer.text()).catch(() => "");
    if (page.includes("<gradio-app")) location.reload();
    else setTimeout(look, UI_POLL_MS);
  };
  setTimeout(look, UI_POLL_MS);
}
