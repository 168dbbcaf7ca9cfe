// Putting text into the clipboard, also where the page came over plain HTTP and browsers hide their clipboard from it.
import {h, icon} from "../shell/dom.js";

const SHOWN_MS = 1500;

/** text: a string, or a promise of one. Throws where the browser refuses. */
export async function copyText(text) {
  if (navigator.clipboard?.write && typeof ClipboardItem === "function") {
    const blob = Promise.resolve(text).then(words => new Blob([words], {type: "text/plain"}));
    return navigator.clipboard.write([new ClipboardItem({"text/plain": blob})]);
  }
  const box = h("textarea", {readonly: true});
  Object.assign(box.style, {position: "fixed", opacity: "0"});
  box.value = await text;
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
}

/** A button that copies what `text()` gives, and says that it has. */
export function copyButton(label, text, classes = "quiet", words = "") {
  const button = h("button", {class: classes, type: "button", title: label, "aria-label": label, onclick: async () => {
    await copyText(text());
    button.firstChild.replaceWith(icon("check"));
    setTimeout(() => button.firstChild.replaceWith(icon("copy")), SHOWN_MS);
  }}, icon("copy"), words);
  return button;
}
