// Light, dark, or as the system has it: kept in the profile, and here so that the next page is drawn in it at once.
import {withProfile} from "./profile.js";

const KEPT = "theme";

function show(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

/** Draw in what was chosen last, then in what the profile says, now and after every change. */
export function followTheme() {
  show(localStorage.getItem(KEPT));
  withProfile(({theme}) => {
    if (!theme) return;              // the profile could not be read
    localStorage.setItem(KEPT, theme);
    show(theme);
  });
}
