import {sheet} from "./dom.js";
import {sharedLook} from "./shared_look.js";

export const roomLook = sheet(sharedLook + `
.room { display: grid; grid-template-columns: 232px minmax(0, 1fr); height: var(--room-height); }
nav { overflow-y: auto; padding: 18px 12px; border-inline-end: 1px solid var(--line); background: var(--side); scrollbar-width: thin; }
nav h2 { font-size: 12px; font-weight: 650; color: var(--ink-2); padding: 0 10px 8px; }
nav button { display: flex; align-items: center; gap: 10px; width: 100%; min-height: 38px; text-align: start; padding: 7px 10px; border-radius: 9px; font-size: 14.500px; line-height: 1.35; }
nav button:hover { background: var(--hover); }
nav button[aria-current] { background: var(--accent-soft); color: var(--accent-deep); font-weight: 600; }
nav svg { width: 18px; height: 18px; }

.panel { padding: 26px clamp(16px, 4vw, 44px) 72px; min-width: 0; overflow-y: auto; scrollbar-gutter: stable; }
.panel > * { max-width: 1080px; }
.panel > * + * { margin-top: 18px; }
.top { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 10px 24px; }
h1 { font: 600 26px/1.25 var(--font-quote); letter-spacing: -.012em; outline: 0; }
.tools, .bar { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
.bar { align-items: end; }
.plain svg, .main svg { width: 17px; height: 17px; }
.plain.danger { color: var(--danger); }
.main { display: inline-flex; align-items: center; justify-content: center; gap: 7px; min-height: 38px; padding: 0 16px; border-radius: 10px; background: var(--accent); color: var(--accent-ink); font-size: 14.500px; font-weight: 600; }
.main:not(:disabled):hover { background: var(--accent-deep-fill); }
.stack > * + * { margin-top: 20px; }
.card { padding: 20px 22px; border: 1px solid var(--line); border-radius: 14px; background: var(--surface); }
.card > * + * { margin-top: 14px; }
.circuit { margin-bottom: 14px; }
.card > h2, .stack > h2 { font-size: 17px; font-weight: 650; letter-spacing: -.01em; }
.form { display: grid; gap: 16px; max-width: 560px; }
.form > * { margin-top: 0; }
.field { display: grid; gap: 6px; min-width: 0; }
.field label, legend { font-size: 14px; font-weight: 600; padding: 0; }
.field .hint { font-size: 13px; }
input:not([type=radio], [type=checkbox]), select, textarea { width: 100%; min-height: 40px; padding: 0 12px; border: 1px solid var(--line-strong); border-radius: 10px; background: var(--surface); color: var(--ink); font-size: 15px; font-weight: 400; min-width: 0; }
textarea { padding: 10px 12px; line-height: 1.5; resize: vertical; min-height: 132px; }
::placeholder { color: var(--ink-2); opacity: 1; }
fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
legend { margin-bottom: 6px; }
.one-of > div { display: flex; flex-wrap: wrap; gap: 6px; }
.one-of label { display: flex; align-items: center; gap: 8px; cursor: pointer; font-size: 15px; min-height: 38px; padding: 0 14px 0 11px; border: 1px solid var(--line-strong); border-radius: 10px; background: var(--surface); }
.one-of label:has(:checked) { border-color: var(--accent); background: var(--accent-soft); color: var(--accent-deep); }
[type=radio] { width: 17px; height: 17px; margin: 0; flex: none; accent-color: var(--accent); }
.buttons { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; }
.bar .field { flex: 0 1 190px; }
.bar .field label { font-size: 13px; color: var(--ink-2); }
.bar input, .bar select { min-height: 36px; font-size: 14px; }
.bar .grow { flex: 1 1 220px; }
code { font: .9em var(--font-mono); background: var(--hover); border-radius: 5px; padding: .1em .35em; overflow-wrap: anywhere; }

table { width: 100%; border-collapse: collapse; font-size: 14.500px; }
th { padding: 6px 12px 6px 0; text-align: start; font-size: 12.500px; font-weight: 600; color: var(--ink-2); border-bottom: 1px solid var(--line); }
td { padding: 10px 12px 10px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word; line-height: 1.45; }
th.figure, td.figure { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.soft, .soft { color: var(--ink-2); font-size: 13.500px; }
td.acts, th.acts { text-align: end; padding-inline-end: 0; }
td.acts { padding-block: 5px; }
td small { display: block; overflow-wrap: anywhere; color: var(--ink-2); font-size: 13px; }
th.acts { font-size: 0; }
th.soft { font-size: 12.500px; }
.link { color: inherit; font-weight: 600; text-align: start; overflow-wrap: anywhere; }
.link:hover { color: var(--accent); text-decoration: underline; text-underline-offset: 3px; }
.nothing { display: grid; justify-items: center; gap: 10px; padding: 56px 20px; color: var(--ink-2); text-align: center; }
.nothing svg { width: 34px; height: 34px; stroke-width: 1.3; }
.pages { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 8px; color: var(--ink-2); font-size: 14px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 10px; }
.figures div { padding: 12px 16px; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); }
.figures dt { color: var(--ink-2); font-size: 13px; }
.figures dd { margin: 0; font: 600 24px/1.3 var(--font-quote); font-variant-numeric: tabular-nums; }
.figures dd.change { font: 13px/1.4 var(--font); color: var(--ink-2); }
.figures { margin: 0; }
.share.pieces { display: flex; width: 100%; max-width: 220px; height: 8px; margin-block: 7px 4px; }
.pieces .queue { background: var(--warn); }
.pieces .documents { background: var(--ink-2); }
.stack > section .nothing { padding: 20px; }
section > .top > h2 { font-size: 19px; font-weight: 650; letter-spacing: -.01em; }
.stack > h3 { font-size: 15px; font-weight: 650; }
.stack > section { margin-top: 40px; }

.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 14px; }
figure { margin: 0; padding: 14px 16px 10px; border: 1px solid var(--line); border-radius: 14px; background: var(--surface); min-width: 0; }
figcaption { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: baseline; justify-content: space-between; font-size: 14px; font-weight: 600; margin-bottom: 8px; }
.plots figcaption { display: grid; gap: 3px; }
.keys { display: flex; flex-wrap: wrap; gap: 2px 12px; font-size: 13px; font-weight: 400; color: var(--ink-2); font-variant-numeric: tabular-nums; }
.keys i { display: inline-block; width: 10px; height: 3px; border-radius: 2px; margin-inline-end: 6px; vertical-align: 3px; background: var(--accent); }
.keys .second i { background: var(--warn); }
figure svg { display: block; width: 100%; height: auto; }
.grid { stroke: var(--line); stroke-width: 1; }
.axis { fill: var(--ink-2); font: 11px var(--font); font-variant-numeric: tabular-nums; }
.line { fill: none; stroke: var(--accent); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.line.second { stroke: var(--warn); }
.area { fill: var(--accent); opacity: .12; }
.column { fill: var(--accent); }
.column:hover { fill: var(--accent-deep); }
.share { display: inline-block; width: 88px; height: 6px; border-radius: 9px; overflow: hidden; background: var(--line); vertical-align: 2px; margin-inline-end: 8px; }
.budget.near .share i { background: var(--warn); }
.share i { display: block; height: 100%; background: var(--accent); }
details summary { cursor: pointer; font-size: 14px; font-weight: 600; color: var(--ink-2); width: fit-content; border-radius: 4px; }
.words { white-space: pre-line; overflow-wrap: anywhere; max-width: 80ch; }
.run { display: grid; gap: 0; margin: 0; padding: 0; list-style: none; }
.run li { display: grid; grid-template-columns: 1fr auto; gap: 0 14px; padding: 6px 0; border-top: 1px solid var(--line); }
.run li:first-child { border: 0; }
.run .where, .run .how, .run .ms { color: var(--ink-2); } .run .how { grid-column: 1 / -1; font-size: 13px; overflow-wrap: anywhere; }
.run .failed .how, .run .timed_out .how { color: var(--danger); }
.run .ms { font-variant-numeric: tabular-nums; }
fieldset textarea { min-height: 64px; }
textarea.code { font: 13px/1.6 var(--font-mono); tab-size: 2; }
.step { padding: 14px 16px; border: 1px solid var(--line); border-radius: 12px; }
.findings { margin: 0; padding-inline-start: 20px; font-size: 14px; overflow-wrap: anywhere; } .findings .link { color: var(--accent); text-decoration: underline; text-underline-offset: 3px; }
.state.outdated, .state.refused { color: var(--danger); }
.difference { padding: 12px 14px; border: 1px solid var(--line); border-radius: 10px; background: var(--surface); font: 13px/1.6 var(--font-mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.difference .added { background: var(--accent-soft); color: var(--accent-deep); }
.difference .removed { background: var(--danger-soft); color: var(--danger); }
blockquote { margin: 6px 0 0; padding-inline-start: 12px; border-inline-start: 3px solid var(--line-strong); font: 15px/1.5 var(--font-quote); color: var(--ink); white-space: pre-line; display: -webkit-box; -webkit-line-clamp: 6; -webkit-box-orient: vertical; overflow: hidden; }
.findings { display: grid; gap: 12px; }
.finding { padding: 16px 18px; border: 1px solid var(--line); border-inline-start: 4px solid var(--warn); border-radius: 12px; background: var(--surface); }
.finding.error { border-inline-start-color: var(--danger); }
.finding > * + * { margin-top: 8px; }
.finding h3 { display: flex; align-items: center; gap: 8px; font-size: 15px; font-weight: 650; }
.light { display: inline-flex; align-items: center; gap: 6px; font-weight: 600; }
.light svg { width: 17px; height: 17px; flex: none; }
.light.ok svg { color: var(--accent); }
.finding .light { padding: 1px 9px 1px 6px; border-radius: 20px; font-size: 13px; }
.light.warning { background: var(--warn-soft); color: var(--warn); }
.light.error { background: var(--danger-soft); color: var(--danger); }
.command { display: flex; align-items: start; gap: 4px; margin-top: 8px; }
.command code { padding: 8px 12px; border-radius: 9px; min-width: 0; font-size: 13px; line-height: 1.5; white-space: pre-wrap; }
.log { margin: 8px 0 0; padding: 8px 12px; border-radius: 9px; background: var(--side); color: var(--ink-2); font: 12.500px/1.5 var(--font-mono); overflow-x: auto; }
.verdict { display: flex; gap: 10px; align-items: flex-start; font: 600 21px/1.3 var(--font-quote); }
.verdict svg { flex: none; margin-top: 3px; width: 22px; height: 22px; color: var(--accent); }
.verdict.open svg { color: var(--warn); }
.switch { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 16px 28px; border-inline-start: 4px solid var(--line-strong); }
.switch > * + * { margin-top: 0; }
.switch > div { flex: 1 1 320px; display: grid; gap: 8px; }
.switch h2 { font-size: 17px; font-weight: 650; letter-spacing: -.01em; }
.switch.stopped { border-inline-start-color: var(--danger); background: var(--danger-soft); }
.switch .verdict svg { color: var(--danger); }
.switch .main { min-height: 52px; padding: 0 24px; font-size: 16px; }
.main.danger { background: var(--danger); color: var(--surface); }
.main.danger:not(:disabled):hover { background: var(--danger); filter: brightness(.92); }
.scrolls { overflow-x: auto; }
.facts { display: flex; flex-wrap: wrap; gap: 10px 36px; margin-block: 0; }
.card > .facts { margin-top: 18px; }
.form .bar .field { flex-basis: 300px; }
fieldset > .hint + .stack { margin-top: 10px; }
.facts dt { color: var(--ink-2); font-size: 13px; }
.facts dd { margin: 0; font-weight: 600; }
.facts small { display: block; font-weight: 400; font-size: 13px; color: var(--ink-2); }
.form.wide { max-width: 760px; }
.tight > * + * { margin-top: 10px; }
.tick { display: flex; align-items: center; gap: 9px; cursor: pointer; }
.tick input { width: 17px; height: 17px; margin: 0; flex: none; accent-color: var(--accent); }
.chips { display: flex; flex-wrap: wrap; gap: 6px; }
.chip { display: flex; align-items: center; gap: 4px; max-width: 100%; padding: 2px 2px 2px 12px; border: 1px solid var(--line-strong); border-radius: 99px; background: var(--surface); font-size: 14px; }
.chip span { overflow-wrap: anywhere; min-width: 0; }
.chip small { margin-inline-start: 6px; color: var(--ink-2); }
.chip .quiet { width: 30px; height: 30px; }
.chip svg { width: 15px; height: 15px; }
.adding { display: flex; gap: 8px; max-width: 440px; }
.adding .plain { flex: none; }
.badge.mark { display: inline-flex; align-items: center; gap: 5px; white-space: nowrap; }
.badge.mark svg { width: 14px; height: 14px; }
.said { position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 30; margin: 0; padding: 10px 18px; border-radius: 12px; background: var(--ink); color: var(--paper); font-size: 14.500px; box-shadow: var(--lift); }
.said:empty { padding: 0; box-shadow: none; background: none; }
@media (max-width: 1000px) { td { overflow-wrap: anywhere; } }
@media (max-width: 760px) {
  .room { grid-template-columns: minmax(0, 1fr); height: auto; min-height: var(--room-height); align-content: start; }
  nav { border: 0; border-bottom: 1px solid var(--line); padding: 8px 12px; overflow-x: auto; }
  nav h2 { display: none; }
  nav ul { display: flex; gap: 4px; }
  nav button { width: max-content; white-space: nowrap; padding: 7px 12px; }
  nav svg { display: none; }
  .panel { padding: 18px 16px 56px; overflow: visible; }
  .card { padding: 16px; }
  .axis { font-size: 12px; }
  .bar .field { flex: 1 1 140px; }
  figure:has(.column) .axis { font-size: 26px; }
  .plots { grid-template-columns: minmax(0, 1fr); }
  table, tbody, tr, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: 10px 0; border-bottom: 1px solid var(--line); }
  td, th.figure, td.figure { border: 0; padding: 2px 0; text-align: start; white-space: normal; }
  td[data-label]:not(:first-child, .acts)::before { content: attr(data-label) ": "; color: var(--ink-2); font-size: 13px; }
  td:empty { display: none; }
  td.acts { text-align: start; margin-inline-start: -7px; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`);
