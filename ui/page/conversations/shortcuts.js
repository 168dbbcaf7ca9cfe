// The page's keys. All need Ctrl (⌘ on a Mac) or are Esc, so neither typing nor a screen reader's single keys meet them;
// the profile switches them off. What they do is told by whoever joins them to the page.
import {t} from "../shell/settings.js";
import {withProfile} from "../shell/profile.js";

const isMac = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform ?? "");

/** id → what is pressed. `mod` is ⌘ on a Mac and Ctrl elsewhere. */
export const SHORTCUTS = {
  search: {key: "k", mod: true},
  new_chat: {key: "o", mod: true, shift: true},
  sidebar: {key: "s", mod: true, shift: true},
  question: {key: "Escape", shift: true},
  stop: {key: "Escape"},
  keys: {key: "/", mod: true},
};

/** The names of the keys as they stand on this keyboard: ["Ctrl", "Shift", "O"] or ["⌘", "⇧", "O"]. */
export function keyNames({key, mod, shift}) {
  const names = mod ? [isMac ? "⌘" : t("key_ctrl")] : [];
  if (shift) names.push(isMac ? "⇧" : t("key_shift"));
  return [...names, {Escape: t("key_escape"), Enter: t("key_enter")}[key] ?? key.toUpperCase()];
}

/** The same in one string, for a hint: "Ctrl+K", "⌘K". */
export const keyHint = id => keyNames(SHORTCUTS[id]).join(isMac ? "" : "+");

// "/" stands on a shifted key of many keyboards, so Shift is not looked at there. AltGr is Ctrl+Alt: never ours.
function isPressed({key, mod, shift}, event) {
  if (event.key.toLowerCase() !== key.toLowerCase() || event.altKey) return false;
  const other = isMac ? event.ctrlKey : event.metaKey;
  return !other && Boolean(mod) === (isMac ? event.metaKey : event.ctrlKey) && (key === "/" || Boolean(shift) === event.shiftKey);
}

/** deeds: id → function; what returns false leaves the key to others. Esc is heard even where shortcuts are switched off. */
export function listen(deeds) {
  let areOn = true;
  withProfile(({shortcuts}) => { areOn = shortcuts ?? true; });
  document.addEventListener("keydown", event => {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    for (const [id, shortcut] of Object.entries(SHORTCUTS)) {
      if (!isPressed(shortcut, event) || !(areOn || id === "stop")) continue;
      const dialog = document.querySelector(".page-dialog")?.shadowRoot.querySelector("dialog");
      if (dialog && id !== "search" && id !== "keys") dialog.close();
      if (deeds[id]?.(areOn) !== false) event.preventDefault();
      return;
    }
  });
}
