import {sheet} from "../shell/dom.js";

export const searchLook = sheet(`
.field { display: flex; align-items: center; gap: 10px; padding: 6px 10px 6px 18px; border-bottom: 1px solid var(--line); color: var(--ink-2); flex: none; }
.field input { flex: 1; min-width: 0; height: 48px; border: 0; outline: 0; background: none; color: var(--ink); font-size: 17px; }
.field input::placeholder { color: var(--ink-2); opacity: 1; }
.results { flex: 1; min-height: 120px; overflow-y: auto; padding: 8px; }
.results li { display: grid; grid-template-columns: 20px minmax(0, 1fr) auto; gap: 0 12px; align-items: baseline; padding: 9px 12px; border-radius: 10px; cursor: pointer; }
.results li svg { width: 18px; height: 18px; align-self: center; color: var(--ink-2); }
.results [aria-selected=true] { background: var(--accent-soft); }
.results .title { font-size: 15px; font-weight: 550; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.results time { font-size: 12.5px; color: var(--ink-2); white-space: nowrap; font-variant-numeric: tabular-nums; }
.results .snippet { grid-column: 2 / -1; margin-top: 1px; font-size: 13.5px; line-height: 1.5; color: var(--ink-2); display: -webkit-box; -webkit-line-clamp: 2; -webkit-box-orient: vertical; overflow: hidden; overflow-wrap: anywhere; }
.results .snippet mark { color: var(--ink); }
footer { display: flex; gap: 16px; justify-content: space-between; align-items: center; padding: 9px 18px; border-top: 1px solid var(--line); background: var(--side); font-size: 12.5px; color: var(--ink-2); flex: none; min-height: 40px; }
.told { overflow-wrap: anywhere; min-width: 0; }
.how { display: flex; gap: 14px; white-space: nowrap; }
.how span { display: flex; align-items: center; gap: 5px; }
kbd { display: inline-block; min-width: 20px; padding: 0 5px; border: 1px solid var(--line-strong); border-bottom-width: 2px; border-radius: 5px; background: var(--surface); font: 12px/18px var(--font); text-align: center; color: var(--ink); }
@media (max-width: 600px) { .how { display: none; } }
`);
