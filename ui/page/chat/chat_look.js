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

article { padding: 28px 0 8px; content-visibility: auto; contain-intrinsic-size: auto 240px; }
.question { margin-inline-start: auto; width: fit-content; max-width: 85%; padding: 10px 16px; border-radius: 16px 16px 4px 16px; background: var(--accent-soft); color: var(--accent-deep); white-space: pre-wrap; overflow-wrap: anywhere; }
.answer { margin-top: 18px; min-height: 26px; }
.status { color: var(--ink-2); font-size: 15px; display: flex; align-items: center; gap: 10px; }
.status::before { content: ""; width: 9px; height: 9px; border-radius: 50%; background: var(--accent); animation: breathe 1.3s ease-in-out infinite; }
.status.small { margin-bottom: 10px; font-size: 13.5px; }
@keyframes breathe { 50% { opacity: .25; transform: scale(.75); } }

.body { overflow-wrap: anywhere; }
.block > * { margin: 0 0 14px; }
.block h1, .block h2, .block h3, .block h4 { font-weight: 650; line-height: 1.3; margin-top: 22px; letter-spacing: -.01em; }
.block h1 { font-size: 22px; } .block h2 { font-size: 20px; } .block h3, .block h4 { font-size: 17px; }
.block ul, .block ol { padding-inline-start: 24px; }
.block ul { list-style: disc; } .block ol { list-style: decimal; }
.block li + li { margin-top: 4px; }
.block blockquote { margin: 0 0 16px; padding: 4px 0 4px 18px; border-inline-start: 3px solid var(--accent); font: 18px/1.6 var(--font-quote); }
.block blockquote p { margin: 0 0 8px; } .block blockquote p:last-child { margin: 0; }
.block p > strong:only-child { font-size: 14.5px; color: var(--ink-2); font-weight: 600; }
.block p > em:only-child { color: var(--ink-2); font-size: 14.5px; font-style: normal; }
.block code { font: .88em/1.5 var(--font-mono); background: var(--hover); border-radius: 5px; padding: .1em .35em; }
.block pre { position: relative; padding: 14px 16px; border-radius: 12px; border: 1px solid var(--line); background: var(--surface); overflow-x: auto; }
.block pre code { background: none; padding: 0; }
.block pre .copy { position: absolute; top: 6px; inset-inline-end: 6px; }
.block table { display: block; overflow-x: auto; border-collapse: collapse; font-size: 15px; }
.block th, .block td { padding: 7px 12px; border-bottom: 1px solid var(--line); text-align: start; }
.block th { font-weight: 650; border-bottom-color: var(--line-strong); }
.block .align-right { text-align: end; } .block .align-center { text-align: center; }
.block a:not(.citation) { color: var(--accent); text-underline-offset: 3px; }
.block hr { border: 0; border-top: 1px solid var(--line); }
mark.unsupported { background: none; text-decoration: underline wavy var(--warn) 1.5px; text-underline-offset: 4px; margin: 0; padding: 0; cursor: help; }

.chip, .citation { display: inline-grid; place-items: center; min-width: 20px; height: 20px; padding: 0 5px; border-radius: 7px; background: var(--accent-soft); color: var(--accent-deep);
  font: 650 12px/1 var(--font); font-variant-numeric: tabular-nums; text-decoration: none; }
.citation { cursor: pointer; vertical-align: .12em; margin: 0 1px; }
.citation:hover { background: var(--accent); color: var(--accent-ink); }
.citation[data-idle] { opacity: .55; cursor: default; }

.sources { margin-top: 18px; }
.sources h3 { font-size: 12.5px; font-weight: 650; color: var(--ink-2); letter-spacing: .04em; text-transform: uppercase; margin-bottom: 8px; }
.sources ol { display: grid; gap: 8px; }
.source { display: grid; grid-template-columns: auto 1fr; gap: 2px 10px; width: 100%; text-align: start; padding: 11px 14px; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); }
.source:hover { border-color: var(--accent); }
.source .chip { grid-row: span 2; margin-top: 2px; }
.source-name { font-weight: 600; font-size: 14.5px; line-height: 1.4; overflow-wrap: anywhere; }
.where { color: var(--ink-2); font-size: 13.5px; line-height: 1.45; }
.source q { grid-column: 2; quotes: none; margin-top: 4px; font: 15.5px/1.5 var(--font-quote); display: -webkit-box; -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden; }
.compact .source q { display: none; }

article footer { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; margin-top: 14px; color: var(--ink-2); font-size: 13.5px; }
article footer .note, article footer .problem { flex-basis: 100%; }
article footer .copy { margin-inline-start: auto; }

.passage { display: flex; flex-direction: column; gap: 16px; padding: 18px 20px 24px; border-inline-start: 1px solid var(--line); background: var(--surface); overflow-y: auto; outline: 0; }
.passage header { display: grid; grid-template-columns: auto 1fr auto; gap: 10px; align-items: start; }
.passage h2 { font-size: 16px; font-weight: 650; line-height: 1.35; overflow-wrap: anywhere; }
.chip.big { min-width: 26px; height: 26px; font-size: 14px; border-radius: 8px; }
.passage-text { margin: 0; padding: 16px 0; border-block: 1px solid var(--line); font: 17px/1.65 var(--font-quote); white-space: pre-wrap; overflow-wrap: anywhere; color: var(--ink-2); }
.passage-text .quote { color: var(--ink); background: var(--quote); box-decoration-break: clone; -webkit-box-decoration-break: clone; padding: .12em 0; border-radius: 2px; }
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
  article { padding-top: 14px; }
}
@media (prefers-color-scheme: dark) { .page-picture img { filter: brightness(.88); } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`);
