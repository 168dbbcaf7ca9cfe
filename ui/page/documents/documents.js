// <document-shelf>: the Documents tab. Its room is loaded when it is first seen, and asks for nothing while it is hidden.
import {sheet} from "../shell/dom.js";

const empty = sheet(":host { display: block; min-height: var(--room-height, 60vh); }");

class DocumentShelf extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    this.attachShadow({mode: "open"}).adoptedStyleSheets = [empty];
    new IntersectionObserver(([seen]) => this.see(seen.isIntersecting)).observe(this);
  }

  async see(isSeen) {
    if (isSeen) this.room ??= import("./shelf.js").then(({Shelf}) => new Shelf(this));
    try {
      (await this.room)?.see(isSeen);
    } catch {
      this.room = null;            // not loaded: the next look tries again
    }
  }
}

customElements.define("document-shelf", DocumentShelf);
