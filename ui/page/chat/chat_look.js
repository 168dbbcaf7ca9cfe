import {sheet} from "../shell/dom.js";
import {sharedLook} from "../shell/shared_look.js";

export const chatLook = sheet(sharedLook + `
:host { height: var(--room-height); }
.room { --side-width: 0px; position: relative; display: grid; grid-template-columns: var(--side-width) minmax(0, 1fr); height: 100%; overflow: hidden; background: var(--paper); }
.room.with-sidebar { --side-width: 272px; }
.room.with-passage { grid-template-columns: var(--side-width) minmax(0, 1fr) minmax(340px, 38%); }
.announcement { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

.talk { position: relative; display: flex; flex-direction: column; min-width: 0; min-height: 0; }
.scroll { flex: 1; overflow-y: auto; min-height: 0; padding: 0 clamp(16px, 4vw, 40px); scrollbar-gutter: stable both-edges; }
.turns, .welcome { max-width: 760px; margin: 0 auto; }
.gone { padding: 40px 0; }

.passage { display: flex; flex-direction: column; gap: 16px; padding: 0 20px 24px; border-inline-start: 1px solid var(--line); background: var(--surface); overflow-y: auto; outline: 0; }
.passage header { position: sticky; top: 0; z-index: 2; display: grid; grid-template-columns: auto 1fr auto; gap: 10px; align-items: start; margin: 0 -20px -6px; padding: 16px 20px 10px; background: var(--surface); }
.passage h2 { font-size: 16px; font-weight: 650; line-height: 1.35; overflow-wrap: anywhere; }
.chip.big { min-width: 26px; height: 26px; font-size: 14px; border-radius: 8px; }
.passage-text { margin: 0; padding: 16px 0; border-block: 1px solid var(--line); font: 17px/1.65 var(--font-quote); white-space: pre-wrap; overflow-wrap: anywhere; color: var(--ink-2); }
.passage-text .quote { scroll-margin-top: 96px; color: var(--ink); background: var(--quote); box-decoration-break: clone; -webkit-box-decoration-break: clone; padding: .12em 0; border-radius: 2px; }
.passage .hint:empty { display: none; }
.page-picture { margin: 0; }
.page-picture a { display: block; }
.page-picture img { display: block; width: 100%; height: auto; min-height: 120px; border: 1px solid var(--line-strong); border-radius: 8px; background: #fff; }
.page-picture figcaption { display: flex; flex-wrap: wrap; gap: 4px 16px; justify-content: space-between; margin-top: 8px; font-size: 13.5px; color: var(--ink-2); }
.page-picture figcaption a, .runs-on { color: var(--accent); font-size: 13.5px; text-align: start; text-decoration: underline; text-underline-offset: 3px; }
.page-text summary { cursor: pointer; font-size: 13.5px; font-weight: 600; color: var(--ink-2); padding: 4px 0; }
.page-text .passage-text { margin-top: 8px; }
.table .passage-text { font: 14px/1.6 var(--font-mono); white-space: pre; overflow-x: auto; overflow-wrap: normal; }
.check { display: flex; gap: 8px; align-items: center; font-size: 13.5px; color: var(--accent-deep); }
.check.warning, q.warning { color: var(--warn); }

@media (max-width: 1100px) {
  .room.with-passage { grid-template-columns: var(--side-width) minmax(0, 1fr); }
  .passage { position: absolute; inset: 0 0 0 auto; width: min(440px, 100%); z-index: 3; box-shadow: var(--lift); }
}
@media (max-width: 860px) {
  .room, .room.with-sidebar, .room.with-passage { grid-template-columns: minmax(0, 1fr); }
}
@media (max-width: 760px) {
  .passage { inset: auto 0 0 0; width: 100%; max-height: 78%; border: 0; border-top: 1px solid var(--line); border-radius: 18px 18px 0 0; }
  .scroll { scrollbar-gutter: auto; }
}
@media (prefers-color-scheme: dark) { .page-picture img { filter: brightness(.88); } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`);
