// A dialog over the page, outside every tab: the browser keeps the focus in it and closes it by Esc.
import {h, sheet} from "./dom.js";
import {sharedLook} from "./shared_look.js";

const dialogLook = sheet(sharedLook + `
:host { position: fixed; }
dialog { width: min(var(--dialog-width, 640px), 100vw - 24px); max-height: min(640px, 100dvh - 48px); margin: clamp(12px, 12vh, 120px) auto auto; padding: 0; border: 1px solid var(--line); border-radius: 16px;
  background: var(--surface); color: var(--ink); box-shadow: var(--lift), 0 24px 80px rgb(0 0 0 / .18); overflow: hidden; }
dialog[open] { display: flex; flex-direction: column; animation: arrive .14s ease-out; }
dialog::backdrop { background: rgb(20 18 14 / .32); animation: dim .14s ease-out; }
@keyframes arrive { from { opacity: 0; transform: translateY(-6px) scale(.99); } }
@keyframes dim { from { opacity: 0; } }
@media (max-width: 600px) { dialog { margin-top: 12px; max-height: calc(100dvh - 24px); } }
@media (prefers-reduced-motion: reduce) { dialog, dialog::backdrop { animation: none !important; } }
`);

/** The dialog that is open, if one is. */
const shown = () => document.querySelector(".page-dialog")?.shadowRoot.querySelector("dialog");

const focused = (root = document) => root.activeElement?.shadowRoot?.activeElement ? focused(root.activeElement.shadowRoot) : root.activeElement;

// The browser gives the focus back when it closes, but a text field gets it without its cursor if a frame is late.
function giveBack(opener) {
  const now = focused();
  if (!opener?.isConnected || now && now !== document.body && now !== opener) return;
  opener.blur();
  opener.focus({preventScroll: true});
}

/** One at a time. label: its name. look: a further style sheet. Returns {element, close()}; what had the focus gets it back. */
export function openDialog({label, look, content, width, onClose}) {
  shown()?.close();
  const opener = focused();
  const host = h("div", {class: "page-dialog"});
  host.attachShadow({mode: "open"}).adoptedStyleSheets = look ? [dialogLook, look] : [dialogLook];
  const dialog = h("dialog", {"aria-label": label, onclick: event => event.target === dialog && dialog.close()}, content);
  if (width) dialog.style.setProperty("--dialog-width", width);
  dialog.addEventListener("close", () => { host.remove(); giveBack(opener); onClose?.(); });
  dialog.addEventListener("keydown", event => event.key === "Escape" && event.stopPropagation());
  host.shadowRoot.append(dialog);
  document.body.append(host);
  dialog.showModal();
  return {element: dialog, close: () => dialog.close()};
}
