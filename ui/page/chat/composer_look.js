import {sheet} from "../shell/dom.js";

export const composerLook = sheet(`
.chat-head { display: flex; align-items: center; gap: 10px; min-height: 48px; padding: 6px 14px; flex: none; }
.slow-line, .budget-line { display: flex; align-items: center; justify-content: center; gap: 8px; margin: 0; padding: 6px 14px; font-size: 13.5px; color: var(--warn); background: var(--warn-soft); flex: none; }
.slow-line[hidden], .budget-line[hidden] { display: none; }
.slow-line svg, .budget-line svg { width: 16px; height: 16px; flex: none; }
.head-tools { display: flex; gap: 2px; }
.chat-title { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 14px; font-weight: 500; color: var(--ink-2); }
.temporary { margin-inline-start: auto; display: inline-flex; align-items: center; gap: 7px; height: 32px; padding: 0 12px 0 9px; border-radius: 99px; color: var(--ink-2); font-size: 13px; white-space: nowrap; }
.temporary:hover { background: var(--hover); color: var(--ink); }
.temporary[aria-pressed=true] { background: var(--ink); color: var(--paper); }
.temporary svg { width: 18px; height: 18px; stroke-dasharray: 2.6 2.9; }

.welcome { padding: clamp(12px, 9vh, 96px) 0 28px; }
.welcome h1 { font: 600 clamp(27px, 3.4vw, 36px)/1.18 var(--font-quote); letter-spacing: -.014em; text-wrap: balance; }
.lead { margin-top: 8px; color: var(--ink-2); font-size: 16.5px; text-wrap: pretty; }
.starters { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 10px; margin-top: 30px; }
.starters button { display: flex; gap: 13px; align-items: flex-start; width: 100%; height: 100%; padding: 14px 16px; border: 1px solid var(--line); border-radius: 14px; background: var(--surface); text-align: start; transition: border-color .12s, transform .12s; }
.starters button:hover { border-color: var(--accent); transform: translateY(-1px); }
.starters svg { color: var(--accent); margin-top: 1px; }
.starters strong { display: block; font-size: 15px; font-weight: 600; line-height: 1.4; }
.starters small { display: block; font-size: 13.5px; line-height: 1.45; color: var(--ink-2); }
.sampled h2 { margin: 30px 0 4px; font-size: 12.5px; font-weight: 650; color: var(--ink-2); }
.suggestions { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0 26px; }
.suggestions.few { grid-template-columns: minmax(0, 1fr); }
.suggestions button { display: flex; align-items: center; gap: 12px; width: 100%; height: 100%; padding: 10px 0; border-bottom: 1px solid var(--line); text-align: start; font-size: 14.5px; line-height: 1.45; color: var(--ink); transition: color .12s, border-color .12s; }
.suggestions li:last-child button { border-color: transparent; }
.suggestions button span { flex: 1; }
.suggestions svg { width: 17px; height: 17px; color: var(--ink-2); opacity: 0; translate: -4px; transition: opacity .12s, translate .12s; }
.suggestions button:is(:hover, :focus-visible) svg { opacity: 1; translate: 0; }
.suggestions button:hover { color: var(--accent-deep); border-color: var(--line-strong); }

.attached, .asked-files { display: flex; flex-wrap: wrap; gap: 6px; }
.attached { margin: 2px 0 8px; max-height: 30vh; overflow-y: auto; }
.asked-files { justify-content: flex-end; margin-bottom: 8px; }
.file { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 7px; max-width: 100%; padding: 3px 4px 3px 9px; border: 1px solid var(--line); border-radius: 10px; background: var(--paper); font-size: 13.5px; }
.asked-files .file { padding-inline-end: 11px; background: var(--surface); }
.file svg { width: 16px; height: 16px; }
.file-name { font-weight: 600; overflow-wrap: anywhere; min-width: 0; }
.file-state { color: var(--ink-2); font-variant-numeric: tabular-nums; }
.file progress { width: 64px; height: 5px; accent-color: var(--accent); }
.file .quiet { width: 24px; height: 24px; }
.file.failed { border-color: var(--danger); }
.file-problem { flex-basis: 100%; padding-inline-end: 8px; color: var(--danger); }
.attach { margin-inline-start: -6px; }

.drop-here { display: none; }
:host([data-dropping]) .drop-here { position: absolute; inset: 8px; z-index: 3; display: grid; place-content: center; justify-items: center; gap: 10px; padding: 24px; border: 2px dashed var(--accent); border-radius: 18px; background: color-mix(in srgb, var(--paper) 88%, var(--accent)); color: var(--accent-deep);
  font-weight: 600; text-align: center; pointer-events: none; }
.drop-here svg { width: 34px; height: 34px; }

.composer { position: relative; width: min(760px, 100% - 32px); margin: 8px auto max(18px, env(safe-area-inset-bottom)); padding: 12px 10px 9px 16px; border: 1px solid var(--line-strong); border-radius: 20px; background: var(--surface); box-shadow: var(--lift); transition: border-color .12s; }
.composer:focus-within { border-color: color-mix(in srgb, var(--accent) 55%, var(--line-strong)); }
.composer::before { content: ""; position: absolute; inset: auto -16px calc(100% + 1px); height: 30px; background: linear-gradient(transparent, var(--paper)); pointer-events: none; }
:host([data-temporary]) .composer { border-style: dashed; }
.composer textarea { display: block; width: 100%; min-height: 34px; max-height: 40vh; padding: 4px 0; border: 0; outline: 0; resize: none; background: none; font-size: 16.5px; line-height: 1.5; field-sizing: content; }
.composer textarea::placeholder { color: var(--ink-2); opacity: 1; }
.row { display: flex; align-items: center; gap: 8px; margin-top: 6px; }
.send-problem, .waiting { margin: 0 6px 8px 0; font-size: 14px; }
.waiting { display: flex; gap: 10px; }
.link { color: var(--accent); font-size: 13.5px; text-decoration: underline; text-underline-offset: 3px; white-space: nowrap; }
.link:hover { color: var(--accent-deep); }

.choices { container-type: inline-size; display: flex; flex-wrap: wrap; gap: 5px; min-width: 0; flex: 1; }
.choice, .choice-add { display: inline-flex; align-items: center; min-width: 0; max-width: 100%; height: 30px; border-radius: 99px; background: var(--hover); font-size: 13.5px; }
.choice-add { gap: 5px; padding: 0 11px; background: none; color: var(--ink-2); }
.choice-add:hover, .choice-name:hover { color: var(--accent); }
.choice-name { display: inline-flex; align-items: center; gap: 5px; min-width: 0; height: 100%; padding: 0 11px; border-radius: 99px; }
.choice-label { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; max-width: 220px; }
.choice-name:not(:last-child) { padding-inline-end: 3px; }
.choice-remove { display: grid; place-items: center; width: 26px; height: 100%; border-radius: 99px; color: var(--ink-2); flex: none; }
.choice-remove:hover { color: var(--ink); background: var(--line); }
.choice-remove svg { width: 14px; height: 14px; }
.sign { color: var(--accent); font-weight: 650; }

.picker { position: absolute; inset: auto 10px calc(100% + 8px) 10px; z-index: 3; max-height: min(320px, 46vh); overflow-y: auto; padding: 6px; border: 1px solid var(--line); border-radius: 14px; background: var(--surface); box-shadow: var(--lift); }
.picker li { display: flex; align-items: baseline; gap: 9px; padding: 8px 12px; border-radius: 9px; font-size: 15px; cursor: pointer; }
.picker li svg { align-self: center; width: 17px; height: 17px; color: var(--accent); }
.picker [aria-selected=true] { background: var(--accent-soft); }
.option-label { flex: none; max-width: 60%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.option-hint { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--ink-2); font-size: 13.5px; }

.pastes { display: grid; gap: 6px; margin: 2px 6px 8px 0; max-height: 40vh; overflow-y: auto; }
.paste { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 4px 12px; padding: 6px 6px 6px 11px; border: 1px solid var(--line); border-radius: 11px; background: var(--paper); font-size: 13.5px; }
.paste details { flex: 1 1 240px; min-width: 0; }
.paste summary { display: flex; align-items: center; gap: 8px; min-height: 26px; cursor: pointer; list-style: none; }
.paste summary::-webkit-details-marker { display: none; }
.paste summary svg { width: 16px; height: 16px; color: var(--ink-2); }
.paste-name { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-weight: 600; }
.paste .file-state { flex: none; }
.paste pre { margin: 6px 0 4px; max-height: 26vh; overflow: auto; padding: 8px 10px; border-radius: 8px; background: var(--surface); font: 12.5px/1.5 var(--font-mono); white-space: pre-wrap; overflow-wrap: anywhere; }
.paste-deeds { display: flex; align-items: center; gap: 10px; min-height: 26px; }
.paste-deeds .quiet { width: 24px; height: 24px; }

.meter { display: inline-flex; align-items: center; gap: 5px; height: 30px; padding: 0 7px; border-radius: 99px; color: var(--ink-2); font-size: 12.5px; font-variant-numeric: tabular-nums; }
.meter:hover { background: var(--hover); }
.meter svg { transform: rotate(-90deg); }
.meter .track { stroke: var(--line-strong); }
.meter .fill { stroke: var(--accent); }
.full .meter { color: var(--warn); }
.full .fill { stroke: var(--warn); }
.meter-told { position: fixed; inset: auto; margin: 0; max-width: min(330px, 100vw - 16px); padding: 12px 16px; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); color: var(--ink); box-shadow: var(--lift); font-size: 14px; }
.meter-told p + p { margin-top: 4px; color: var(--ink-2); }

.send { display: grid; place-items: center; flex: none; width: 38px; height: 38px; border-radius: 50%; background: var(--accent); color: var(--accent-ink); transition: background-color .15s, color .15s, transform .1s; }
.send:active { transform: scale(.94); }
.send span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.send:not(:disabled):hover { background: var(--accent-deep-fill); }
.send:disabled { opacity: 1; background: var(--hover); color: var(--ink-2); }
.send.running { background: var(--ink); color: var(--paper); }
.send.running:hover { background: var(--ink); opacity: .88; }
.send svg { width: 20px; height: 20px; stroke-width: 2.1; }
.send.running svg { width: 18px; height: 18px; fill: currentColor; }

@container (max-width: 380px) { .choice-add .choice-label { display: none; } }
@media (max-width: 760px) {
  .chat-head { padding: 4px 8px; min-height: 44px; }
  .head-tools .quiet { width: 38px; height: 38px; }
  .starters, .suggestions { grid-template-columns: minmax(0, 1fr); gap: 8px; }
  .starters { margin-top: 20px; }
  .suggestions { gap: 0; }
  .welcome { padding-top: 8px; }
  .composer { width: calc(100% - 20px); margin-bottom: max(10px, env(safe-area-inset-bottom)); padding: 10px 8px 8px 14px; }
  .choice-label { max-width: 34vw; }
}
`);
