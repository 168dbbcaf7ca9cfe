import {progressLook} from "./documents_look.js";
import {sheet} from "../shell/dom.js";

export const viewerLook = sheet(progressLook + `
dialog { max-height: none; height: calc(100dvh - 32px); margin-top: 16px; }
.viewer { display: flex; flex-direction: column; min-height: 0; height: 100%; }
.head { display: flex; align-items: flex-start; gap: 6px; padding: 14px 14px 8px 22px; }
.naming { flex: 1; min-width: 0; }
h2 { font: 600 18px/1.35 var(--font-quote); overflow-wrap: anywhere; }
.homes { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 4px; }
.versions select { height: 32px; padding: 0 8px; border: 1px solid var(--line); border-radius: 8px; background: var(--surface); font-size: 13.500px; max-width: 260px; }
.head .quiet { width: 36px; height: 36px; flex: none; }
.head [aria-expanded=true] { background: var(--accent-soft); color: var(--accent-deep); }
.turning { display: flex; align-items: center; gap: 6px; padding: 4px 22px 10px 14px; border-bottom: 1px solid var(--line); font-size: 14px; color: var(--ink-2); }
.turning input { width: 64px; height: 32px; text-align: center; border: 1px solid var(--line-strong); border-radius: 8px; background: var(--surface); color: var(--ink); font-variant-numeric: tabular-nums; }
.turning select { height: 32px; max-width: 220px; padding: 0 8px; border: 1px solid var(--line); border-radius: 8px; background: var(--surface); color: var(--ink); }
.where { flex: 1; min-width: 0; text-align: end; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.status { padding: 8px 22px; }
.status:empty { display: none; }
.pages { flex: 1; min-height: 0; display: flex; }
.picture { flex: 1.15; min-width: 0; margin: 0; padding: 20px; overflow: auto; background: var(--side); text-align: center; }
.picture img { max-width: 100%; width: min(900px, 100%); height: auto; min-height: 200px; border: 1px solid var(--line-strong); border-radius: 6px; background: #fff; box-shadow: var(--lift); }
.text { flex: 1; min-width: 0; overflow: auto; padding: 22px 26px 40px; font: 16px/1.65 var(--font-quote); white-space: pre-wrap; overflow-wrap: anywhere; outline-offset: -2px; }
.text .quote { background: var(--quote); box-decoration-break: clone; -webkit-box-decoration-break: clone; padding: .12em 0; border-radius: 2px; }
.text.table { font: 14px/1.5 var(--font); white-space: normal; font-variant-numeric: tabular-nums; }
.text table { border-collapse: collapse; margin: 10px 0 18px; }
.text td { padding: 5px 14px 5px 10px; border: 1px solid var(--line); vertical-align: top; white-space: pre-wrap; }
.text.table p { font-weight: 600; }
.text-only .picture { display: none; }
.text-only .text { max-width: 86ch; margin-inline: auto; }
.text-only .text.table { max-width: none; margin: 0; }
.about-document { flex: 0 0 300px; overflow-y: auto; padding: 18px 20px 32px; border-inline-start: 1px solid var(--line); font-size: 14px; }
.about-document dl { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 6px 14px; margin: 0; }
.about-document dt { color: var(--ink-2); }
.about-document dd { margin: 0; overflow-wrap: anywhere; }
.about-document h3 { margin: 20px 0 6px; font-size: 13px; font-weight: 650; color: var(--ink-2); }
.about-document p + p { margin-top: 6px; }
.book-tables details { margin: 6px 0; }
.book-tables summary { cursor: pointer; overflow-wrap: anywhere; }
.book-tables dl { margin: 8px 0; }
.about-document .link { overflow-wrap: anywhere; }
.about-document textarea { width: 100%; padding: 8px 10px; border: 1px solid var(--line-strong); border-radius: 10px; background: var(--surface); font: 13.500px/1.5 var(--font-mono); resize: vertical; }
.about-document form { display: grid; gap: 8px; justify-items: start; }
.attributes > .link { display: block; margin-top: 8px; }
@media (max-width: 860px) {
  dialog { width: 100vw; max-width: 100vw; height: 100dvh; margin: 0; border: 0; border-radius: 0; }
  .pages { flex-direction: column; overflow-y: auto; }
  .picture, .text, .about-document { flex: none; overflow: visible; }
  .text.table { overflow-x: auto; }
  .picture { padding: 12px; }
  .about-document { order: -1; border: 0; border-bottom: 1px solid var(--line); }
  .where { display: none; }
  .head { flex-wrap: wrap; padding: 12px 10px 6px 16px; }
  .naming { flex: 1 1 50%; }
  .versions { order: 5; }
}
@media (prefers-color-scheme: dark) { .picture img { filter: brightness(.88); } }
`);
