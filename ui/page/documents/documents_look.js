import {sheet} from "../shell/dom.js";
import {sharedLook} from "../shell/shared_look.js";

export const progressLook = `
progress { appearance: none; width: 72px; height: 6px; border: 0; border-radius: 9px; overflow: hidden; margin-inline-end: 10px; vertical-align: 2px; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--accent); transition: inline-size .3s; }
progress::-moz-progress-bar { background: var(--accent); }
progress:indeterminate { background: linear-gradient(90deg, var(--line) 30%, var(--accent) 50%, var(--line) 70%) 0/200%; animation: run 1.4s linear infinite; }
progress:indeterminate::-webkit-progress-bar { background: transparent; }
@keyframes run { from { background-position: 200%; } to { background-position: 0; } }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.link { color: var(--accent); font-weight: 600; text-decoration: underline; text-underline-offset: 3px; text-align: start; }
.link:hover { color: var(--accent-deep); }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`;

export const documentsLook = sheet(sharedLook + progressLook + `
.shelf { display: grid; grid-template-columns: 264px minmax(0, 1fr); height: var(--room-height); }
nav { overflow-y: auto; padding: 18px 12px; border-inline-end: 1px solid var(--line); background: var(--side); scrollbar-width: thin; }
nav h2 { font-size: 12px; font-weight: 650; color: var(--ink-2); padding: 0 10px 8px; }
nav .plain { margin-top: 14px; }
.stores button { display: grid; grid-template-columns: 20px 1fr; gap: 0 10px; width: 100%; text-align: start; padding: 8px 10px; border-radius: 9px; font-size: 14.500px; line-height: 1.35; }
.stores button:hover { background: var(--hover); }
.stores button[aria-current] { background: var(--accent-soft); color: var(--accent-deep); font-weight: 600; }
.stores svg { width: 18px; height: 18px; margin-top: 1px; }
.stores span { overflow-wrap: anywhere; }
.stores small { grid-column: 2; color: var(--ink-2); font-size: 12.500px; font-weight: 400; }
.stores [aria-current] small { color: inherit; }

.files { padding: 26px clamp(16px, 4vw, 44px) 56px; min-width: 0; overflow-y: auto; scrollbar-gutter: stable; }
.files > * { max-width: 1100px; }
.files > * + * { margin-top: 16px; }
.top { display: flex; flex-wrap: wrap; align-items: flex-start; justify-content: space-between; gap: 10px 24px; }
.top > div:first-child { min-width: 0; }
h1 { font: 600 26px/1.25 var(--font-quote); letter-spacing: -.012em; overflow-wrap: anywhere; }
.about { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; margin-top: 6px; color: var(--ink-2); font-size: 14px; }
.badge.mark { display: inline-flex; align-items: center; gap: 5px; }
.badge.mark svg, .stores small svg { width: 13px; height: 13px; }
.stores small svg { margin: 0 0 -2px 5px; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; }
.tools svg { width: 17px; height: 17px; }
.tools .quiet { width: 36px; height: 36px; }
.nothing { display: grid; justify-items: center; gap: 10px; padding: 72px 20px; color: var(--ink-2); text-align: center; }
.nothing svg { width: 34px; height: 34px; stroke-width: 1.3; }

.drop { display: grid; justify-items: center; gap: 2px; padding: 18px 20px; border: 1.5px dashed var(--line-strong); border-radius: 14px; color: var(--ink-2); background: var(--surface); text-align: center; transition: background .12s, border-color .12s; }
.drop.over { border-color: var(--accent); background: var(--accent-soft); color: var(--accent-deep); }
.drop .hint { font-size: 13px; max-width: 78ch; }
.tray { margin-top: 10px; padding: 10px 14px; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); font-size: 14px; }
.tray-head { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 14px; min-height: 32px; }
.tray-head > progress { width: 120px; margin: 0; }
.sum { flex: 1; font-variant-numeric: tabular-nums; }
.tray ul { max-height: 264px; overflow-y: auto; margin-top: 4px; }
.tray li { display: grid; grid-template-columns: 20px minmax(0, 1fr) auto minmax(0, 44%) 32px; gap: 10px; align-items: center; min-height: 38px; border-top: 1px solid var(--line); }
.tray li svg { width: 18px; height: 18px; color: var(--ink-2); }
.upload-name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.upload-state { color: var(--ink-2); font-size: 13.500px; }
.upload-state .reason { margin-inline-start: 8px; }

.list-bar { display: flex; flex-wrap: wrap; align-items: center; gap: 10px 16px; }
.find { position: relative; flex: 0 1 260px; min-width: 180px; color: var(--ink-2); }
.find svg { position: absolute; inset-inline-start: 11px; top: 9px; width: 17px; height: 17px; }
.find input { width: 100%; height: 36px; padding: 0 10px 0 36px; border: 1px solid var(--line-strong); border-radius: 10px; background: var(--surface); color: var(--ink); font-size: 14px; }
.find input::placeholder { color: var(--ink-2); opacity: 1; }
.filters { display: flex; flex-wrap: wrap; gap: 4px; }
.filter { min-height: 32px; padding: 0 11px; border-radius: 99px; font-size: 13.500px; color: var(--ink-2); }
.filter:hover { background: var(--hover); color: var(--ink); }
.filter[aria-pressed=true] { background: var(--accent-soft); color: var(--accent-deep); font-weight: 600; }
.filter small { margin-inline-start: 6px; font-size: 12.500px; font-variant-numeric: tabular-nums; }
.list > * + * { margin-top: 12px; }
.dead { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 14px; padding: 8px 14px; border-radius: 10px; background: var(--danger-soft); color: var(--danger); font-size: 14px; }
.dead .link { color: inherit; }

.table { font-size: 14.500px; }
.row { display: grid; grid-template-columns: minmax(0, 1fr) minmax(150px, 32%) 76px 104px 68px; gap: 0 12px; align-items: start; padding: 9px 0; border-bottom: 1px solid var(--line); }
.row:not(.heads):hover { background: var(--side); box-shadow: -10px 0 var(--side), 10px 0 var(--side); }
.heads { padding: 4px 0; font-size: 12.500px; color: var(--ink-2); font-weight: 600; }
.heads > * { font-size: inherit; line-height: 1.55; }
.heads button { font-weight: 600; padding: 4px 0; color: inherit; }
.heads button:hover { color: var(--ink); }
.arrow { margin-inline-start: 5px; }
.slice { content-visibility: auto; contain-intrinsic-size: auto 5400px; padding-inline: 10px; margin-inline: -10px; }
.name { display: flex; gap: 9px; min-width: 0; }
.heads .name { padding-inline-start: 29px; }
.sign { flex: none; width: 20px; height: 22px; display: grid; place-items: center; color: var(--ink-2); }
.sign svg { width: 18px; height: 18px; }
.unfold { border-radius: 6px; }
.unfold:hover { background: var(--line); color: var(--ink); }
.unfold svg { transition: transform .12s; }
.unfold[aria-expanded=true] svg { transform: rotate(90deg); }
.title { min-width: 0; }
.open, .unopened { font-weight: 550; overflow-wrap: anywhere; text-align: start; line-height: 1.45; }
.open:hover { color: var(--accent); text-decoration: underline; text-underline-offset: 3px; }
.inside .name { padding-inline-start: 29px; }
.inside .open, .inside .unopened { font-weight: 400; }
.attributes { display: flex; flex-wrap: wrap; gap: 4px; margin-top: 3px; }
.attributes span { padding: 0 7px; border-radius: 6px; background: var(--hover); color: var(--ink-2); font-size: 12.500px; overflow-wrap: anywhere; }
.state { color: var(--ink-2); font-size: 13.500px; overflow-wrap: anywhere; }
.size, .added { color: var(--ink-2); font-size: 13.500px; white-space: nowrap; font-variant-numeric: tabular-nums; line-height: 1.7; }
.actions { display: flex; justify-content: flex-end; margin-block: -4px; }
.heads .actions { margin: 0; position: relative; }
.reason { font-size: 13.500px; margin-top: 3px; color: var(--ink-2); }
.state progress { display: block; width: min(180px, 100%); margin: 8px 0 5px; }
.state .reason progress { display: inline-block; width: 48px; margin: 0 8px 0 0; }
.doing { margin-inline-end: 8px; }
.notes { margin-top: 2px; font-size: 13.500px; color: var(--ink-2); }
.notes summary { cursor: pointer; width: fit-content; border-radius: 4px; }
.notes summary:hover { color: var(--ink); }
.recording { display: inline-flex; align-items: center; gap: 8px; margin-inline-start: 8px; }
.speed { color: var(--ink-2); font-size: 13px; white-space: nowrap; font-variant-numeric: tabular-nums; }
.count { margin-inline-start: 8px; }
.nothing-fits:empty { display: none; }
.nothing-fits { padding: 24px 0; }
.end { height: 1px; }

@media (max-width: 1000px) { .row { grid-template-columns: minmax(0, 1fr) minmax(130px, 34%) 68px; } .size, .added { display: none; } }
@media (max-width: 760px) {
  .shelf { grid-template-columns: minmax(0, 1fr); height: auto; min-height: var(--room-height); align-content: start; }
  nav { border: 0; border-bottom: 1px solid var(--line); padding: 12px; }
  .stores { display: flex; gap: 6px; overflow-x: auto; padding-bottom: 2px; }
  .stores button { width: max-content; max-width: 240px; }
  nav .plain { margin-top: 8px; }
  .files { padding: 18px 16px 40px; overflow: visible; }
  .find { flex-basis: 100%; }
  .row { grid-template-columns: minmax(0, 1fr) auto; }
  .heads { display: none; }
  .state { grid-column: 1; padding-inline-start: 29px; margin-top: 2px; }
  .actions { grid-column: 2; grid-row: 1; }
  .tray li { grid-template-columns: 20px minmax(0, 1fr) 32px; }
  .tray .size { display: none; }
  .upload-state { grid-column: 2; }
}
`);
