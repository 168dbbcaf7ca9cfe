import {sheet} from "../shell/dom.js";
import {sharedLook} from "../shell/shared_look.js";

export const documentsLook = sheet(sharedLook + `
.shelf { display: grid; grid-template-columns: 264px minmax(0, 1fr); min-height: var(--room-height); }
nav { padding: 22px 14px; border-inline-end: 1px solid var(--line); background: var(--side); }
h2 { font-size: 20px; font-weight: 650; letter-spacing: -.01em; }
nav h2 { font-size: 12.5px; font-weight: 650; color: var(--ink-2); letter-spacing: .04em; text-transform: uppercase; padding: 0 10px 10px; }
.stores button { display: grid; grid-template-columns: 20px 1fr; gap: 0 10px; width: 100%; text-align: start; padding: 8px 10px; border-radius: 9px; font-size: 15px; line-height: 1.35; }
.stores button:hover { background: var(--hover); }
.stores button[aria-current] { background: var(--accent-soft); color: var(--accent-deep); font-weight: 600; }
.stores span { overflow-wrap: anywhere; }
.stores small { grid-column: 2; color: var(--ink-2); font-size: 13px; font-weight: 400; }
.new { display: grid; gap: 8px; margin-top: 18px; padding: 14px 4px 0; border-top: 1px solid var(--line); }
.new input { width: 100%; min-width: 0; height: 36px; padding: 0 10px; border: 1px solid var(--line); border-radius: 9px; background: var(--surface); font-size: 14px; }
.new .plain { padding: 0 10px; }
.files { padding: 26px clamp(16px, 4vw, 44px) 48px; max-width: 1060px; width: 100%; }
.files > * + * { margin-top: 16px; }
.drop { display: grid; justify-items: center; gap: 2px; padding: 22px; border: 1.5px dashed var(--line-strong); border-radius: 14px; color: var(--ink-2); background: var(--surface); text-align: center; }
.drop.over { border-color: var(--accent); background: var(--accent-soft); color: var(--accent-deep); }
.link { color: var(--accent); font-weight: 600; text-decoration: underline; text-underline-offset: 3px; }
table { width: 100%; border-collapse: collapse; font-size: 15px; }
th { text-align: start; font-size: 12.5px; color: var(--ink-2); font-weight: 600; padding: 6px 8px; border-bottom: 1px solid var(--line); }
td { padding: 10px 8px; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child, th:first-child { padding-inline-start: 0; }
.name { font-weight: 550; overflow-wrap: anywhere; }
.name svg { vertical-align: -4px; margin-inline-end: 8px; color: var(--ink-2); }
.size { color: var(--ink-2); white-space: nowrap; font-variant-numeric: tabular-nums; }
.state { width: 38%; color: var(--ink-2); font-size: 14px; }
.reason { font-size: 14px; margin-top: 3px; color: var(--ink-2); }
td:last-child { width: 84px; padding-block: 6px; text-align: end; white-space: nowrap; }
.inside .name { padding-inline-start: 22px; font-weight: 400; }
.speed { color: var(--ink-2); font-size: 13px; margin-inline-start: 8px; font-variant-numeric: tabular-nums; }
.dead { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; color: var(--ink-2); font-size: 14px; }
.dead[hidden] { display: none; }
progress { appearance: none; width: 72px; height: 6px; border: 0; border-radius: 9px; overflow: hidden; margin-inline-end: 10px; vertical-align: 2px; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--accent); }
progress::-moz-progress-bar { background: var(--accent); }
progress:indeterminate { background: linear-gradient(90deg, var(--line) 30%, var(--accent) 50%, var(--line) 70%) 0/200%; animation: run 1.4s linear infinite; }
progress:indeterminate::-webkit-progress-bar { background: transparent; }
@keyframes run { from { background-position: 200%; } to { background-position: 0; } }
@media (prefers-reduced-motion: reduce) { progress:indeterminate { animation: none; } }
@media (max-width: 760px) {
  .shelf { grid-template-columns: minmax(0, 1fr); }
  nav { border: 0; border-bottom: 1px solid var(--line); padding: 14px 12px; }
  .stores { display: flex; gap: 6px; overflow-x: auto; padding-bottom: 4px; }
  .stores button { width: auto; white-space: nowrap; }
  .new { grid-template-columns: 1fr auto; margin-top: 10px; padding-top: 10px; }
  .files { padding: 18px 16px 40px; }
  .size { display: none; }
  .state { width: 44%; }
}
`);
