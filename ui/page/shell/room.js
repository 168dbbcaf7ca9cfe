// The element of a tab whose room is loaded when it is first seen, and which asks for nothing while it is hidden.
import {sheet} from "./dom.js";

const empty = sheet(":host { display: block; min-height: var(--room-height, 60vh); }");

/** name: of the element. load(): resolves to a module with open(host), which returns an object with see(isSeen). */
export function defineRoom(name, load) {
  customElements.define(name, class extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      this.attachShadow({mode: "open"}).adoptedStyleSheets = [empty];
      new IntersectionObserver(([seen]) => this.see(seen.isIntersecting)).observe(this);
    }

    async see(isSeen) {
      if (isSeen) this.room ??= load().then(({open}) => open(this));
      try {
        (await this.room)?.see(isSeen);
      } catch {
        this.room = null;            // not loaded: the next look tries again
      }
    }
  });
}
