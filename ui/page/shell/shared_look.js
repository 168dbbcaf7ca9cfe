// What both elements look like; colours and sizes are the page's own properties (page.css), which pass shadow roots.
export const sharedLook = `
:host { display: block; color: var(--ink); font: 16px/1.55 var(--font); letter-spacing: -.006em; }
pre, code, math { letter-spacing: 0; }
*, *::before, *::after { box-sizing: border-box; }
[hidden] { display: none !important; }
h1, h2, h3, p, ul, ol { margin: 0; padding: 0; font-weight: inherit; }
ul, ol { list-style: none; }
button, select, input, textarea { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; background: none; padding: 0; }
button:disabled { cursor: default; opacity: .45; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
svg { flex: none; }
mark { background: var(--mark); color: inherit; border-radius: 3px; padding: .06em 0; }
.hint { color: var(--ink-2); font-size: 14px; font-weight: 400; }
.quiet { display: inline-grid; place-items: center; width: 32px; height: 32px; border-radius: 8px; color: var(--ink-2); }
.quiet:hover { background: var(--hover); color: var(--ink); }
.plain { display: inline-flex; align-items: center; justify-content: center; gap: 6px; min-height: 36px; padding: 0 14px; border-radius: 9px; border: 1px solid var(--line);
  background: var(--surface); color: inherit; font-size: 14px; font-weight: 550; text-decoration: none; }
.plain:hover { border-color: var(--accent); color: var(--accent); }
.wide { width: 100%; }
.badge { display: inline-block; padding: 1px 9px; border-radius: 99px; background: var(--hover); color: var(--ink-2); font-size: 12.5px; font-weight: 600; line-height: 1.7; }
.badge.quoted, .badge.ready { background: var(--accent-soft); color: var(--accent-deep); }
.badge.refused { background: var(--warn-soft); color: var(--warn); }
.badge.failed { background: var(--danger-soft); color: var(--danger); }
.tick { display: flex; align-items: center; gap: 8px; cursor: pointer; font-size: 15px; }
.tick input { width: 17px; height: 17px; margin: 0; flex: none; accent-color: var(--accent); }
.ticks { display: grid; gap: 8px; }
.limits { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px 14px; }
.to-copy { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 8px; }
.to-copy .plain { min-height: 40px; }
.to-copy input { font: 13.5px var(--font-mono) !important; }
.problem { display: flex; gap: 8px; align-items: flex-start; color: var(--danger); font-size: 15px; }
`;
