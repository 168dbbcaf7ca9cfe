// How rows from the company's tables look beside an answer.
import {sheet} from "../shell/dom.js";

export const turnTableLook = sheet(`
.data-result { margin: 14px 0 16px; border: 1px solid var(--line); border-radius: 14px; background: var(--surface); overflow: hidden; }
.data-scroll { max-height: 460px; overflow: auto; }
.data-result table { border-collapse: collapse; width: 100%; font-size: 14.5px; line-height: 1.45; font-variant-numeric: tabular-nums; }
.data-result th { position: sticky; top: 0; z-index: 1; padding: 0; background: var(--surface); text-align: start; box-shadow: inset 0 -1px var(--line-strong); }
.data-result th button { display: flex; align-items: center; gap: 5px; width: 100%; min-height: 36px; padding: 6px 12px; font-size: 13.5px; font-weight: 600; color: var(--ink-2); text-align: start; white-space: nowrap; }
.data-result th button:hover { color: var(--accent); }
.data-result th button::after { content: ""; width: 8px; flex: none; }
.data-result th[aria-sort=ascending] button::after { content: "↑"; } .data-result th[aria-sort=descending] button::after { content: "↓"; }
.data-result td { padding: 5px 12px; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; min-width: 60px; max-width: 420px; }
.data-result tr:last-child td { border-bottom: 0; }
.data-result .number { text-align: end; white-space: nowrap; } .data-result th.number button { justify-content: flex-end; }
.data-result .null { color: var(--ink-2); }
.data-result .whole { padding: 14px 16px; color: var(--ink-2); }
.data-single { display: flex; flex-wrap: wrap; gap: 6px 34px; padding: 14px 18px; }
.data-single div { display: grid; } .data-single dt { color: var(--ink-2); font-size: 13px; } .data-single dd { margin: 0; font: 600 26px/1.25 var(--font-quote); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.data-single { margin: 0; }
.data-more { display: flex; align-items: center; gap: 12px; padding: 6px 12px; border-top: 1px solid var(--line); font-size: 13.5px; color: var(--ink-2); }
.data-more .plain { min-height: 30px; padding: 0 11px; font-size: 13.5px; }
.data-facts { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 12px; padding: 8px 12px; border-top: 1px solid var(--line); color: var(--ink-2); font-size: 13.5px; }
.data-facts .deeds-of-data { display: flex; flex-wrap: wrap; align-items: center; gap: 2px; margin-inline-start: auto; }
.data-facts .small { display: inline-flex; align-items: center; gap: 5px; min-height: 30px; padding: 0 9px; border-radius: 8px; color: var(--ink-2); font-size: 13.5px; font-weight: 550; text-decoration: none; }
.data-facts .small:hover { background: var(--hover); color: var(--ink); } .data-facts svg { width: 17px; height: 17px; }
.data-facts .quiet { width: 30px; height: 30px; }
.data-result .cut { display: flex; gap: 8px; padding: 8px 12px; border-top: 1px solid var(--line); background: var(--warn-soft); color: var(--warn); font-size: 13.5px; } .data-result .cut svg { width: 17px; height: 17px; }
.data-result details { border-top: 1px solid var(--line); }
.data-result summary { padding: 7px 12px; color: var(--ink-2); font-size: 13.5px; font-weight: 550; cursor: pointer; }
.data-result summary:hover { color: var(--ink); }
.data-sql { position: relative; } .data-sql pre { margin: 0; padding: 4px 44px 12px 16px; overflow-x: auto; font: 13.5px/1.5 var(--font-mono); white-space: pre; } .data-sql .quiet { position: absolute; inset-inline-end: 8px; top: 0; }
.data-chart { margin: 0; padding: 12px 16px 10px; border-bottom: 1px solid var(--line); }
.data-chart figcaption { display: flex; flex-wrap: wrap; gap: 4px 14px; margin-bottom: 6px; font-size: 13.5px; font-weight: 600; }
.data-chart figcaption .hint { font-weight: 400; font-size: 13px; }
.data-chart svg { display: block; width: 100%; height: auto; max-height: 420px; overflow: visible; }
.data-chart .axis { fill: var(--ink-2); font: 13px var(--font); } .data-chart .value { fill: var(--ink); font-variant-numeric: tabular-nums; }
.data-chart .grid { stroke: var(--line); stroke-width: 1; }
.data-chart .data-bar { fill: var(--accent); } .data-chart .data-line { fill: none; stroke: var(--accent); stroke-width: 2.2; stroke-linejoin: round; } .data-chart .data-dot { fill: var(--accent); }
.data-chart .data-bar.series-1, .data-chart .data-dot.series-1 { fill: var(--warn); } .data-chart .data-line.series-1 { stroke: var(--warn); }
.data-chart .data-bar.series-2, .data-chart .data-dot.series-2 { fill: var(--ink-2); } .data-chart .data-line.series-2 { stroke: var(--ink-2); }
.data-chart .data-bar.series-3, .data-chart .data-dot.series-3 { fill: var(--danger); } .data-chart .data-line.series-3 { stroke: var(--danger); }
.data-chart [tabindex]:focus-visible { outline: 2px solid var(--accent-deep); outline-offset: 2px; } .data-chart [tabindex]:hover { opacity: .8; }
.data-chart .keys { display: flex; gap: 12px; font-weight: 400; } .data-chart .keys i { display: inline-block; width: 10px; height: 10px; margin-inline-end: 5px; border-radius: 3px; background: var(--accent); }
.data-chart .keys .series-1 i { background: var(--warn); } .data-chart .keys .series-2 i { background: var(--ink-2); } .data-chart .keys .series-3 i { background: var(--danger); }
.data-offer { display: flex; margin-top: 8px; }
/* In rooms whose own tables become cards on a phone these stay tables. */
.data-result table { display: table; } .data-result thead { display: table-header-group; position: static; clip-path: none; width: auto; height: auto; overflow: visible; } .data-result tbody { display: table-row-group; } .data-result tr { display: table-row; padding: 0; }
.data-result th, .data-result td { display: table-cell; }
@media (max-width: 600px) { .data-facts .deeds-of-data { margin-inline-start: -9px; width: 100%; } .data-single dd { font-size: 22px; } .data-chart { padding-inline: 10px; } .data-chart .axis { font-size: 17px; } }
`);
