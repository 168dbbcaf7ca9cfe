// <page-header>: whose page this is, the language switch, and the way out.
import {call} from "./api.js";
import {h} from "./dom.js";
import {chooseLanguage, language, settings, t} from "./settings.js";

class PageHeader extends HTMLElement {
  connectedCallback() {
    if (this.childElementCount) return;
    const choices = ["en", "es"].map(choice => h("button", {type: "button", lang: choice, "aria-pressed": String(choice === language),
      title: choice === "en" ? "English" : "Español", onclick: () => chooseLanguage(choice)}, choice.toUpperCase()));
    this.append(
      h("a", {href: "/", class: "brand"}, h("img", {src: document.querySelector("link[rel=icon]").href, alt: "", width: 28, height: 28}), h("span", {}, t("product"))),
      h("div", {class: "languages", role: "group", "aria-label": t("language_label")}, choices),
      h("span", {class: "person", title: settings.email ?? ""}, settings.email ?? ""),
      h("button", {type: "button", class: "leave", onclick: () => this.signOut()}, t("sign_out")));
  }

  async signOut() {
    await call("/api/sessions/current", {method: "DELETE"}).catch(() => {});
    sessionStorage.clear();
    location.assign("/");
  }
}

customElements.define("page-header", PageHeader);
