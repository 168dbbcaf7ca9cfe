// My name, language and theme, what every answer is to heed, and whether the page listens to its keys.
import {call} from "../shell/api.js";
import {h} from "../shell/dom.js";
import {field, oneOf} from "../shell/parts.js";
import {profile, profileChanged} from "../shell/profile.js";
import {language, number, rememberLanguage, t} from "../shell/settings.js";

const MOST = 4000;

export function open(room) { return new ProfileForm(room); }

class ProfileForm {
  constructor(room) {
    this.room = room;
    this.element = h("div", {class: "stack"});
  }

  async see(isSeen) {
    if (!isSeen || this.element.childElementCount) return;
    const mine = await profile();
    const name = h("input", {type: "text", maxLength: 200, autocomplete: "name", value: mine.name ?? ""});
    const left = h("span", {class: "soft", "aria-live": "off"});
    const instructions = h("textarea", {maxLength: MOST, rows: 6, placeholder: t("me_instructions_hint"), oninput: () => count()}, mine.instructions ?? "");
    const count = () => { left.textContent = t("me_instructions_left", {count: number.format(MOST - instructions.value.length)}); };
    count();
    const groups = (mine.groups ?? []).map(group => group.name).join(", ");
    this.element.append(
      h("div", {class: "card"}, h("h2", {}, t("me_who")),
        this.form([field(t("me_name"), name), h("p", {class: "soft"}, [mine.email, mine.role ? t(`role_${mine.role}`) : null, groups].filter(Boolean).join(" · "))], () => ({name: name.value.trim()}))),
      h("div", {class: "card"}, h("h2", {}, t("me_look")), h("div", {class: "form"},
        oneOf(t("language_label"), "language", [["en", "English"], ["es", "Español"]], language, value => this.speak(value)),
        oneOf(t("me_theme"), "theme", [["system", t("theme_system")], ["light", t("theme_light")], ["dark", t("theme_dark")]], mine.theme ?? "system", theme => this.change({theme})),
        h("label", {class: "tick"}, h("input", {type: "checkbox", checked: mine.shortcuts ?? true, onchange: event => this.change({shortcuts: event.target.checked})}), t("me_shortcuts")))),
      h("div", {class: "card"}, h("h2", {}, t("me_instructions")), h("p", {class: "hint"}, t("me_instructions_lead")),
        this.form([field(t("me_instructions_label"), instructions), left], () => ({instructions: instructions.value.trim()}))));
  }

  form(parts, changes) {
    return h("form", {class: "form", onsubmit: event => { event.preventDefault(); this.change(changes()); }}, ...parts,
      h("div", {class: "buttons"}, h("button", {type: "submit", class: "main"}, t("save"))));
  }

  change(changes) {
    return this.room.attempt(async () => {
      profileChanged(await call("/api/me", {method: "PATCH", body: changes}));
      this.room.say(t("saved"));
      return true;
    });
  }

  async speak(choice) {
    if (!await this.change({language: choice})) return;
    rememberLanguage(choice);
    location.reload();
  }
}
