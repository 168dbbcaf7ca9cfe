import {progressLook} from "./documents_look.js";
import {sheet} from "../shell/dom.js";

export const dialogsLook = sheet(progressLook + `
.form { display: flex; flex-direction: column; gap: 14px; padding: 22px 24px; overflow-y: auto; min-height: 0; }
h2 { font: 600 20px/1.3 var(--font-quote); overflow-wrap: anywhere; }
.field { display: grid; gap: 6px; font-size: 14px; font-weight: 600; }
input[type=text], .form select { height: 40px; padding: 0 12px; border: 1px solid var(--line-strong); border-radius: 10px; background: var(--surface); color: var(--ink); font-size: 15px; font-weight: 400; min-width: 0; }
textarea { width: 100%; padding: 10px 12px; border: 1px solid var(--line-strong); border-radius: 10px; background: var(--surface); color: var(--ink); font-size: 15px; font-weight: 400; line-height: 1.5; resize: vertical; }
input::placeholder { color: var(--ink-2); opacity: 1; }
fieldset { border: 0; margin: 0; padding: 0; min-width: 0; display: grid; gap: 4px; }
legend { padding: 0; margin-bottom: 6px; font-size: 14px; font-weight: 600; }
.choice { display: flex; align-items: flex-start; gap: 10px; padding: 5px 0; font-size: 15px; cursor: pointer; }
.choice input { flex: none; width: 17px; height: 17px; margin: 3px 0 0; accent-color: var(--accent); }
.buttons { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 8px; margin-top: 4px; }
.main { display: inline-flex; align-items: center; justify-content: center; gap: 7px; min-height: 38px; padding: 0 16px; border-radius: 10px; background: var(--accent); color: var(--accent-ink); font-size: 14.500px; font-weight: 600; }
.main:not(:disabled):hover { background: var(--accent-deep-fill); }
.main.danger { background: var(--danger); color: var(--surface); }
.buttons .plain { min-height: 38px; }
.names { max-height: 180px; overflow-y: auto; padding-inline-start: 18px; list-style: disc; font-size: 14px; overflow-wrap: anywhere; }
.receipt { display: grid; grid-template-columns: 1fr auto; gap: 6px 16px; margin: 0; font-size: 15px; }
.receipt dt { color: var(--ink-2); }
.receipt dd { margin: 0; text-align: end; font-variant-numeric: tabular-nums; }
.form .hint { overflow-wrap: anywhere; }

.picker { position: relative; display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 8px; }
.picker [role=listbox] { position: absolute; z-index: 2; top: 44px; inset-inline: 0; padding: 6px; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); box-shadow: var(--lift); max-height: 264px; overflow-y: auto; }
.picker [role=option] { display: flex; align-items: center; gap: 10px; min-height: 40px; padding: 4px 10px; border-radius: 8px; cursor: pointer; }
.picker [role=option][aria-selected=true] { background: var(--accent-soft); color: var(--accent-deep); }
.picker svg, .shares svg { width: 18px; height: 18px; color: var(--ink-2); }
.shares li { display: flex; align-items: center; gap: 10px; min-height: 46px; border-bottom: 1px solid var(--line); }
.shares select { height: 34px; font-size: 14px; max-width: 46%; }
.who { flex: 1; min-width: 0; display: grid; font-size: 15px; line-height: 1.35; overflow-wrap: anywhere; }
.who small { color: var(--ink-2); font-size: 13px; }

dialog.tall { max-height: calc(100dvh - 48px); margin-top: 24px; }
.search-test { gap: 12px; }
.ask { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 8px; }
.pills { display: flex; flex-wrap: wrap; gap: 6px; }
.pills legend { font-size: 13px; color: var(--ink-2); float: inline-start; margin: 0; padding: 5px 8px 0 0; }
.pill { padding: 3px 12px 3px 8px; border: 1px solid var(--line); border-radius: 99px; font-size: 14px; gap: 7px; }
.pill:has(:checked) { border-color: var(--accent); background: var(--accent-soft); color: var(--accent-deep); }
.verdict { display: flex; gap: 8px; align-items: center; color: var(--accent-deep); font-size: 14px; }
.verdict.thin { color: var(--warn); }
.found { display: grid; gap: 10px; outline: 0; }
.hits { display: grid; gap: 4px; counter-reset: hit; }
.hits li { position: relative; padding: 14px 0 14px 34px; border-top: 1px solid var(--line); counter-increment: hit; }
.hits li::before { content: counter(hit); position: absolute; inset-inline-start: 0; top: 15px; min-width: 22px; text-align: center; border-radius: 7px; background: var(--accent-soft); color: var(--accent-deep); font-size: 13px; font-weight: 650; line-height: 22px; }
.hit-name { font-weight: 600; font-size: 15px; text-align: start; overflow-wrap: anywhere; }
.hit-name:hover { color: var(--accent); text-decoration: underline; text-underline-offset: 3px; }
.hits .where { display: block; color: var(--ink-2); font-size: 13px; }
.hit-text { margin-top: 6px; font: 15px/1.55 var(--font-quote); color: var(--ink); white-space: pre-line; display: -webkit-box; -webkit-line-clamp: 5; -webkit-box-orient: vertical; overflow: hidden; overflow-wrap: anywhere; }
.scores { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); grid-auto-flow: column; grid-template-rows: auto auto; gap: 1px 18px; margin: 10px 0 0; font-size: 12.500px; }
.scores dt { color: var(--ink-2); }
.scores dd { display: flex; align-items: center; gap: 8px; margin: 0; font-variant-numeric: tabular-nums; }
.scale { flex: 1; min-width: 20px; height: 5px; border-radius: 9px; overflow: hidden; background: var(--line); }
.scale i { display: block; height: 100%; border-radius: 9px; background: var(--accent); }
.titled { display: flex; align-items: flex-start; gap: 12px; }
.titled h2 { flex: 1; }
.titled .quiet { margin: -3px -8px 0 0; flex: none; }
details summary { cursor: pointer; font-size: 14px; font-weight: 600; color: var(--ink-2); padding: 4px 0; width: fit-content; }
.dropped li { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) auto; gap: 12px; padding: 6px 0; border-top: 1px solid var(--line); font-size: 13.500px; overflow-wrap: anywhere; }
.why { color: var(--ink-2); }
.figure { font-variant-numeric: tabular-nums; white-space: nowrap; }
@media (max-width: 600px) {
  .form { padding: 18px 16px; }
  .scores { grid-template-columns: repeat(2, minmax(0, 1fr)); grid-template-rows: repeat(4, auto); }
  .picker { grid-template-columns: minmax(0, 1fr); }
  .shares li { flex-wrap: wrap; padding: 8px 0; gap: 6px 10px; }
  .shares .who { flex-basis: 60%; }
  .shares select { order: 3; max-width: none; flex: 1; margin-inline-start: 28px; }
  .picker [role=listbox] { top: 44px; }
  dialog.tall { margin-top: 12px; max-height: calc(100dvh - 24px); }
}
`);
