// <page-header>: whose page this is, the language switch, and the way out.
import {call} from "./api.js";
import {h} from "./dom.js";
import {profile} from "./profile.js";
import {language, rememberLanguage, settings, t} from "./settings.js";

class PageHeader extends HTMLElement {
  connectedCallback() {
    if (this.childElementCount) return;
    this.setAttribute("role", "banner");
    const choices = ["en", "es"].map(choice => h("button", {type: "button", lang: choice, "aria-pressed": String(choice === language),
      title: choice === "en" ? "English" : "Español", onclick: () => this.choose(choice)}, choice.toUpperCase()));
    this.append(
      h("a", {href: "/", class: "brand"}, h("img", {src: document.querySelector("link[rel=icon]").href, alt: "", width: 28, height: 28}), h("span", {}, t("product"))),
      h("div", {class: "languages", role: "group", "aria-label": t("language_label")}, choices),
      h("span", {class: "person", title: settings.email ?? ""}, settings.email ?? ""),
      h("button", {type: "button", class: "leave", onclick: () => this.signOut()}, t("sign_out")));
    profile();
  }

  // Kept in the profile for other devices, and here at once.
  async choose(choice) {
    rememberLanguage(choice);
    await call("/api/me", {method: "PATCH", body: {language: choice}}).catch(() => {});
    location.reload();
  }

  async signOut() {
    const left = await call("/api/sessions/current", {method: "DELETE"}).catch(() => {});
    sessionStorage.clear();
    localStorage.removeItem("choices");
    location.assign(left?.sign_out_url ?? "/");           // on to the company's provider, where that is who let us in
  }
}

customElements.define("page-header", PageHeader);
