// How questions and answers look. Prose has a measure that is read easily; code and tables scroll inside of it.
import {sheet} from "../shell/dom.js";

export const turnLook = sheet(`
.earlier { padding: 14px 0; text-align: center; }
article { padding: 26px 0 10px; content-visibility: auto; contain-intrinsic-size: auto 320px; }
article:first-child { padding-top: 34px; }
article.fresh { animation: arrive .2s ease-out; }
@keyframes arrive { from { opacity: 0; transform: translateY(8px); } }

.asked { display: flex; flex-direction: column; align-items: flex-end; }
.question { max-width: 85%; padding: 10px 17px; border-radius: 18px 18px 5px 18px; background: var(--accent-soft); color: var(--accent-deep); overflow-wrap: anywhere; }
.question p { white-space: pre-wrap; max-height: 60vh; overflow-y: auto; }
.question-tools { display: flex; gap: 1px; height: 30px; margin-top: 2px; opacity: 0; transition: opacity .12s; }
.asked:hover .question-tools, .question-tools:focus-within { opacity: 1; }
.question-tools .quiet, .deeds .quiet, .versions .quiet { width: 30px; height: 30px; border-radius: 8px; }
.question-tools svg, .deeds svg { width: 18px; height: 18px; }
.asked:not(.editing, :has(.question-tools)) { padding-bottom: 32px; }
.editing .question, .editing .question-tools { display: none; }
.edit, .feedback { width: 100%; padding: 12px; border: 1px solid var(--line-strong); border-radius: 16px; background: var(--surface); }
.edit:focus-within { border-color: var(--accent); }
.edit textarea, .feedback textarea { display: block; width: 100%; padding: 2px 4px; border: 0; outline: 0; resize: none; background: none; line-height: 1.5; }
.edit-row { display: flex; align-items: center; justify-content: flex-end; gap: 8px; margin-top: 8px; }
.edit-row .hint { margin-inline-end: auto; padding-inline-start: 4px; font-size: 13px; }
.primary { min-height: 36px; padding: 0 16px; border-radius: 10px; background: var(--accent); color: var(--accent-ink); font-size: 14px; font-weight: 600; }
.primary:hover { background: var(--accent-deep-fill); }

.answer { margin-top: 6px; min-height: 30px; }
.status { display: flex; align-items: center; gap: 10px; min-height: 30px; color: var(--ink-2); font-size: 15px; }
.status::before { content: ""; flex: none; width: 9px; height: 9px; border-radius: 50%; background: var(--accent); animation: breathe 1.3s ease-in-out infinite; }
.status:has(.place)::before { display: none; }
.status.small { font-size: 13.5px; }
.place { display: grid; place-items: center; min-width: 28px; height: 28px; padding: 0 8px; border-radius: 99px; background: var(--accent-soft); color: var(--accent-deep); font-size: 14px; font-weight: 650; font-variant-numeric: tabular-nums; animation: breathe 2.4s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: .35; } }

.thoughts { margin: 2px 0 14px; color: var(--ink-2); font-size: 15px; }
.thoughts summary { display: inline-flex; align-items: center; gap: 7px; padding: 4px 11px 4px 8px; border-radius: 99px; background: var(--hover); font-size: 13.5px; font-weight: 550; cursor: pointer; list-style: none; }
.thoughts summary::-webkit-details-marker { display: none; }
.thoughts summary::after { content: ""; width: 6px; height: 6px; border: solid currentColor; border-width: 0 1.6px 1.6px 0; rotate: 45deg; translate: 0 -2px; margin-inline-start: 2px; }
.thoughts[open] summary::after { rotate: 225deg; translate: 0 1px; }
.thoughts summary svg { width: 17px; height: 17px; }
.thoughts.running summary svg { animation: breathe 1.3s ease-in-out infinite; }
.thoughts .block { display: flow-root; margin: 12px 0 0 8px; padding-inline-start: 16px; border-inline-start: 2px solid var(--line); }
.thoughts .block + .block { margin-top: 0; }
.thoughts .block > * { margin-bottom: 8px; }

.body { overflow-wrap: break-word; line-height: 1.62; }
.block > * { margin: 0 0 14px; }
.body > .block:last-child > :last-child { margin-bottom: 4px; }
.block.growing > p:last-child::after { content: ""; display: inline-block; width: 9px; height: 9px; margin-inline-start: 6px; border-radius: 50%; background: var(--accent); animation: breathe 1.1s ease-in-out infinite; }
.block h1, .block h2, .block h3, .block h4, .block h5, .block h6 { font-weight: 650; line-height: 1.3; margin-top: 24px; margin-bottom: 10px; letter-spacing: -.011em; text-wrap: balance; }
.body > .block:first-child > :first-child { margin-top: 0; }
.block h1 { font-size: 23px; } .block h2 { font-size: 20px; } .block h3 { font-size: 17.5px; } .block h4, .block h5, .block h6 { font-size: 16px; }
.block ul, .block ol { padding-inline-start: 26px; }
.block ul { list-style: disc; } .block ol { list-style: decimal; }
.block li::marker { color: var(--ink-2); font-variant-numeric: tabular-nums; }
.block li + li, .block li > ul, .block li > ol { margin-top: 5px; }
.block li > p { margin-bottom: 8px; }
.block li.task { list-style: none; margin-inline-start: -24px; }
.box { display: inline-block; width: 24px; color: var(--accent); font-size: 1.15em; line-height: 1; vertical-align: -.06em; }
.task.done { color: var(--ink-2); }
.block blockquote { margin: 0 0 16px; padding: 3px 0 3px 18px; border-inline-start: 3px solid var(--accent); font: 18px/1.6 var(--font-quote); }
.block blockquote p { margin: 0 0 8px; } .block blockquote p:last-child { margin: 0; }
.block p > strong:only-child { font-weight: 650; }
.block:has(+ .block > blockquote) p > strong:only-child { font-size: 14.5px; color: var(--ink-2); font-weight: 600; }
.block p > em:only-child { color: var(--ink-2); font-size: 14.5px; font-style: normal; }
.block a:not(.citation) { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 3px; }
.block a.picture::before { content: ""; display: inline-block; width: .9em; height: .8em; margin-inline-end: .35em; border: 1.6px solid currentColor; border-radius: 3px; vertical-align: -.04em; }
.block hr { margin: 22px 0; border: 0; border-top: 1px solid var(--line); }
.block code { font: .875em/1.5 var(--font-mono); background: var(--hover); border-radius: 5px; padding: .12em .36em; overflow-wrap: anywhere; }
.block pre code { background: none; padding: 0; overflow-wrap: normal; font-size: 14px; line-height: 1.6; }
.block pre { margin: 0 0 14px; padding: 14px 18px; border: 1px solid var(--line); border-radius: 13px; background: var(--surface); overflow-x: auto; font-size: 15px; line-height: 1.55; tab-size: 4; }
.block pre.plain, .block pre.formula { white-space: pre-wrap; overflow-wrap: anywhere; font: 15px/1.6 var(--font); }
.block pre.formula { border-style: dashed; color: var(--ink-2); }
.block p > math[display=block] { margin: 4px 0; padding: 4px 0; overflow-x: auto; overflow-y: hidden; max-width: 100%; }
.block math { font-family: math, "STIX Two Math", "Cambria Math", "Latin Modern Math", "Noto Sans Math", serif; font-size: 1.08em; }
.block figure { margin: 0 0 16px; }

.code { border: 1px solid var(--line); border-radius: 13px; background: var(--surface); overflow: hidden; }
.code figcaption { display: flex; align-items: center; justify-content: space-between; height: 36px; padding: 0 6px 0 18px; border-bottom: 1px solid var(--line); color: var(--ink-2); font-size: 13px; }
.code pre { margin: 0; border: 0; border-radius: 0; }
.tool { display: inline-flex; align-items: center; gap: 5px; height: 28px; padding: 0 10px 0 7px; border-radius: 8px; font-size: 13px; }
.tool:hover { background: var(--hover); color: var(--ink); }
.tool svg { width: 16px; height: 16px; }

.table-frame { position: relative; }
.table-scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 13px; background: var(--surface); }
.block table { border-collapse: collapse; width: 100%; font-size: 15px; line-height: 1.5; font-variant-numeric: tabular-nums; }
.block > table { display: block; overflow-x: auto; border: 1px solid var(--line); border-radius: 13px; background: var(--surface); }
.block th, .block td { padding: 9px 16px; text-align: start; vertical-align: top; min-width: 72px; max-width: 420px; overflow-wrap: break-word; }
.block tr + tr td, .block tbody tr:first-child td { border-top: 1px solid var(--line); }
.block th { font-size: 13.5px; font-weight: 650; color: var(--ink-2); white-space: nowrap; }
.block .align-right { text-align: end; } .block .align-center { text-align: center; }
.table-frame figcaption { position: absolute; inset-inline-end: 5px; top: 4px; display: flex; gap: 1px; border-radius: 8px; background: var(--surface); opacity: 0; transition: opacity .12s; }
.table-frame:hover figcaption, .table-frame:focus-within figcaption { opacity: 1; }
.table-frame .quiet { width: 30px; height: 30px; } .table-frame .quiet svg { width: 17px; height: 17px; }

mark.unsupported { background: none; text-decoration: underline wavy var(--warn) 1.5px; text-underline-offset: 4px; margin: 0; padding: 0; cursor: help; }
.chip, .citation { display: inline-grid; place-items: center; min-width: 20px; height: 20px; padding: 0 5px; border-radius: 7px; background: var(--accent-soft); color: var(--accent-deep);
  font: 650 12px/1 var(--font); font-variant-numeric: tabular-nums; text-decoration: none; }
.citation { cursor: pointer; vertical-align: .12em; margin: 0 1px; }
.citation:hover { background: var(--accent); color: var(--accent-ink); }
.running .citation { opacity: .6; cursor: default; pointer-events: none; }

.sources { margin: 18px 0 4px; }
.sources h3 { font-size: 13px; font-weight: 650; color: var(--ink-2); margin-bottom: 8px; }
.sources ol { display: grid; gap: 8px; }
.source { display: grid; grid-template-columns: auto 1fr; gap: 2px 10px; width: 100%; text-align: start; padding: 11px 14px; border: 1px solid var(--line); border-radius: 13px; background: var(--surface); transition: border-color .12s; }
.source:hover { border-color: var(--accent); }
.source .chip { grid-row: span 2; margin-top: 2px; }
.source-name { font-weight: 600; font-size: 14.5px; line-height: 1.4; overflow-wrap: anywhere; }
.where { color: var(--ink-2); font-size: 13.5px; line-height: 1.45; }
.source q { grid-column: 2; quotes: none; margin-top: 4px; font: 15.5px/1.5 var(--font-quote); display: -webkit-box; -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden; }

article footer { margin-top: 10px; color: var(--ink-2); font-size: 13.5px; }
footer .note { margin-top: 6px; }
.deeds { display: flex; flex-wrap: wrap; align-items: center; gap: 1px; margin: 6px 0 0 -7px; min-height: 32px; }
.deeds [aria-pressed=true], .deeds .on, .deeds [aria-expanded=true] { background: var(--accent-soft); color: var(--accent-deep); }
.versions { display: flex; align-items: center; margin-inline-end: 8px; font-variant-numeric: tabular-nums; }
.versions .quiet { width: 26px; }
.facts { display: flex; align-items: center; gap: 8px; margin-inline-start: auto; }
.badge.cloud { display: inline-flex; align-items: center; gap: 5px; background: var(--warn-soft); color: var(--warn); } .badge.cloud svg { width: 15px; height: 15px; }
.took { position: relative; padding: 4px 6px; border-radius: 8px; color: var(--ink-2); cursor: default; }
.took:hover, .took:focus-visible { background: var(--hover); }
.facts-card { position: absolute; z-index: 3; inset-inline-end: 0; bottom: calc(100% + 6px); padding: 11px 15px; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); box-shadow: var(--lift); color: var(--ink); text-align: start; white-space: nowrap; opacity: 0; visibility: hidden; transition: opacity .12s, visibility .12s; }
.took:hover .facts-card, .took:focus .facts-card { opacity: 1; visibility: visible; }
.facts-card dl { display: grid; grid-template-columns: auto auto; gap: 3px 18px; margin: 0; font-size: 13.5px; }
.facts-card dt { color: var(--ink-2); } .facts-card dd { margin: 0; text-align: end; }
article:has(.took:hover, .took:focus) { content-visibility: visible; }
.ended { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 10px; margin: 4px 0 8px; padding: 10px 12px 10px 14px; border: 1px solid var(--line); border-radius: 13px; background: var(--surface); color: var(--ink-2); font-size: 14.5px; }
.ended p { flex: 1 1 200px; } .ended svg { width: 18px; height: 18px; }
.ended.problem { border-color: transparent; background: var(--danger-soft); color: var(--danger); }
.ended .plain { min-height: 32px; color: var(--ink); }
article:not(:last-child) .ended:not(.problem) { padding-block: 6px; }

.menu.turn-menu { position: fixed; inset: auto; min-width: 200px; max-width: min(360px, calc(100vw - 16px)); margin: 0; padding: 5px; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); color: var(--ink); box-shadow: var(--lift); }
.turn-menu button { display: block; width: 100%; padding: 7px 11px; border-radius: 8px; text-align: start; font-size: 14.5px; overflow: hidden; text-overflow: ellipsis; }
.turn-menu button:hover, .turn-menu button:focus { background: var(--hover); outline: 0; }

.feedback { max-width: 560px; margin-top: 8px; color: var(--ink); }
.feedback header { display: flex; align-items: center; justify-content: space-between; font-size: 14.5px; font-weight: 600; margin: -4px 0 4px; padding-inline-start: 4px; }
.choices-row { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 10px; }
.reason-chip { min-height: 30px; padding: 0 12px; border: 1px solid var(--line); border-radius: 99px; font-size: 13.5px; }
.reason-chip:hover { border-color: var(--accent); }
.reason-chip[aria-pressed=true] { border-color: var(--accent); background: var(--accent-soft); color: var(--accent-deep); }
.feedback textarea { min-height: 54px; padding: 8px 11px; border: 1px solid var(--line); border-radius: 10px; font-size: 15px; }
.feedback textarea:focus { border-color: var(--accent); }
.feedback .share-text { display: flex; accent-color: var(--accent); align-items: baseline; gap: 8px; padding: 10px 4px 0; cursor: pointer; }
.thanks { display: flex; align-items: center; gap: 8px; color: var(--accent-deep); font-size: 14.5px; }

.trace { display: grid; gap: 18px; margin-top: 8px; padding: 16px 18px; border: 1px solid var(--line); border-radius: 14px; background: var(--surface); color: var(--ink); font-size: 14px; }
.trace h4 { margin: 0 0 7px; font-size: 13px; font-weight: 650; color: var(--ink-2); }
.queries { display: flex; flex-wrap: wrap; gap: 6px; }
.queries li { padding: 3px 11px; border-radius: 99px; background: var(--hover); overflow-wrap: anywhere; }
.queries .exact { background: none; border: 1px solid var(--line); } .queries code { font: .93em var(--font-mono); }
.steps { display: grid; gap: 5px; }
.steps li { display: grid; grid-template-columns: minmax(120px, 190px) 1fr 72px; align-items: center; gap: 12px; }
.track { height: 6px; border-radius: 99px; background: var(--hover); overflow: hidden; }
.bar { display: block; height: 100%; border-radius: 99px; background: var(--accent); }
.ms, .score { color: var(--ink-2); text-align: end; font-variant-numeric: tabular-nums; }
.found { display: grid; counter-reset: found; }
.found li { display: grid; grid-template-columns: 1fr auto; gap: 0 14px; padding: 6px 0; border-top: 1px solid var(--line); }
.found li:first-child { border: 0; }
.found .name { overflow-wrap: anywhere; } .found .reason { grid-column: 1 / -1; color: var(--ink-2); font-size: 13px; }
.run { display: grid; gap: 0; margin: 0; padding: 0; list-style: none; }
.run li { display: grid; grid-template-columns: 1fr auto; gap: 0 14px; padding: 6px 0; border-top: 1px solid var(--line); }
.run li:first-child { border: 0; }
.run .where, .run .how, .run .ms { color: var(--ink-2); } .run .how { grid-column: 1 / -1; font-size: 13px; overflow-wrap: anywhere; }
.run .failed .how, .run .timed_out .how { color: var(--danger); }
.trace summary { width: fit-content; cursor: pointer; font-size: 13px; font-weight: 650; color: var(--ink-2); }
.trace .ids { overflow-wrap: anywhere; font-size: 13px; }
.trace .link { color: var(--accent); text-decoration: underline; text-underline-offset: 3px; font-size: 13.5px; }

/* What a word of a program is, in few colours: words of the language, text, numbers, remarks, names that are defined. */
:host { --code-word: light-dark(#8a2f62, #f0a3cb); --code-text: light-dark(#2f6b1f, #a5d68f); --code-number: light-dark(#8a5200, #f0b45c); --code-name: light-dark(#14598f, #8fc5f3); }
.block pre :is(.k, .kd, .kn, .kr, .kt, .kc, .kp, .ow, .nt) { color: var(--code-word); }
.block pre :is(.s, .s1, .s2, .sa, .sb, .sc, .sd, .se, .sh, .si, .sx, .sr, .ss, .dl, .gi) { color: var(--code-text); }
.block pre :is(.m, .mi, .mf, .mh, .mb, .mo, .il, .l, .ld) { color: var(--code-number); }
.block pre :is(.c, .c1, .cm, .ch, .cs, .cp, .cpf) { color: var(--ink-2); font-style: italic; }
.block pre :is(.nf, .nc, .fm, .nd, .nn, .na, .ne) { color: var(--code-name); }
.block pre .gd { color: var(--danger); }

@media (hover: none) { .question-tools, .table-frame figcaption { opacity: 1; } .table-frame figcaption { position: static; justify-content: flex-end; background: none; } }
@media (max-width: 760px) {
  article { padding-top: 16px; }
  .question { max-width: 92%; }
  .block pre, .code pre { padding-inline: 14px; } .code figcaption { padding-inline-start: 14px; }
  .block th, .block td { padding-inline: 12px; }
  .steps li { grid-template-columns: 1fr 64px; } .steps .track { display: none; }
  .question-tools .quiet, .deeds .quiet { width: 36px; height: 36px; }
  .facts { padding-inline-start: 7px; }
}
`);
