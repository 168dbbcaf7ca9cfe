// How a recording and its words look; loaded with them.
import {sheet} from "../shell/dom.js";

export const playerLook = sheet(`
.player { display: flex; flex-direction: column; gap: 10px; min-width: 0; min-height: 0; }
.player audio { display: block; width: 100%; height: 44px; }
.player-facts { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; margin-top: 8px; color: var(--ink-2); font-size: 13.5px; font-variant-numeric: tabular-nums; }
.player-keep { margin-inline-start: auto; }
.player-facts a { color: var(--accent); text-underline-offset: 3px; }
.player-words { font: 16.5px/1.65 var(--font-quote); overflow-wrap: anywhere; outline-offset: 4px; }
.player-words p { margin: 0 0 12px; padding-inline-start: 74px; position: relative; }
.player-words .when { position: absolute; inset: 1px auto auto 0; display: inline-flex; align-items: center; gap: 3px; min-height: 26px; padding: 0 6px 0 2px; border-radius: 7px; color: var(--accent); font: 600 13px/1 var(--font); font-variant-numeric: tabular-nums; }
.player-words .when svg { width: 14px; height: 14px; fill: currentColor; stroke: none; }
.player-words .when:hover { background: var(--hover); }
.sentence { cursor: pointer; border-radius: 3px; box-decoration-break: clone; -webkit-box-decoration-break: clone; scroll-margin-block: 120px; }
.sentence:hover { background: var(--hover); }
.sentence.quote { background: var(--quote); }
.sentence.now { text-decoration: underline; text-decoration-color: var(--accent); text-decoration-thickness: 2px; text-underline-offset: 4px; }
.viewer .player { flex: 1; padding: 16px 26px 40px; overflow-y: auto; }
.viewer :is(.player-words, .player-top) { width: min(860px, 100%); margin-inline: auto; }
.viewer .player-top { position: sticky; top: -16px; z-index: 1; padding: 12px 0; background: var(--surface); border-bottom: 1px solid var(--line); }
.passage .player-top { padding-bottom: 10px; border-bottom: 1px solid var(--line); }
@media (max-width: 760px) { .player-words p { padding-inline-start: 0; } .player-words .when { position: static; } .viewer .player { padding: 12px 16px 32px; } }
`);
