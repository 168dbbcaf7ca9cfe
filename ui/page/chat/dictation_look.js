// How dictating looks; loaded with it.
import {sheet} from "../shell/dom.js";

export const dictationLook = sheet(`
.dictation { margin: 0 6px 8px 0; padding: 7px 12px; border: 1px solid var(--line); border-radius: 12px; background: var(--paper); font-size: 14px; }
.dictation .problem { margin: 0 0 4px; }
.dictation-row { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; min-height: 30px; }
.dictation .doing { flex: 1 1 120px; color: var(--ink-2); }
.dictation .dot { width: 10px; height: 10px; border-radius: 50%; background: var(--danger); flex: none; animation: dictating 1.2s ease-in-out infinite; }
@keyframes dictating { 50% { opacity: .35; } }
.dictation .level { display: inline-flex; align-items: center; gap: 2px; height: 20px; flex: none; }
.dictation .level i { width: 4px; height: 7px; border-radius: 2px; background: var(--line-strong); }
.dictation .level i:nth-child(n + 5) { height: 11px; }
.dictation .level i:nth-child(n + 9) { height: 16px; }
.dictation .level i.on { background: var(--accent); }
.dictation .elapsed { min-width: 3ch; font-variant-numeric: tabular-nums; font-weight: 600; }
.dictation select { height: 28px; padding: 0 6px; border: 1px solid var(--line); border-radius: 8px; background: var(--surface); color: var(--ink); font: inherit; font-size: 13.5px; }
.dictation-deeds { display: inline-flex; flex-wrap: wrap; align-items: center; gap: 4px 14px; margin-inline-start: auto; }
.dictation-deeds .link { min-height: 28px; }
.dictation-deeds .primary { padding: 0 12px; border-radius: 99px; background: var(--accent); color: var(--accent-ink); text-decoration: none; font-weight: 600; }
.dictation-deeds .primary:hover { background: var(--accent-deep-fill); color: var(--accent-ink); }
.dictation:not([data-state=recording]) :is(.dot, .level, .elapsed) { display: none; }
.dictation:is([data-state=listening], [data-state=opening], [data-state=failed]) select { display: none; }
.dictation[data-state=failed] .doing { display: none; }
.dictate[aria-pressed=true] { background: var(--danger); color: #fff; }
.dictate[aria-pressed=true] svg { fill: currentColor; }
@media (prefers-reduced-motion: reduce) { .dictation .dot { animation: none; } }
`);
