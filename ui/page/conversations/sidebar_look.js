import {sheet} from "../shell/dom.js";

export const sidebarLook = sheet(`
.veil { display: none; }
.sidebar { display: flex; flex-direction: column; min-width: 0; min-height: 0; border-inline-end: 1px solid var(--line); background: var(--side); visibility: hidden; }
.with-sidebar .sidebar { visibility: visible; }
.sidebar-top { display: flex; align-items: center; gap: 4px; padding: 12px 10px 8px; }
.new-chat { flex: 1; display: flex; align-items: center; gap: 9px; min-width: 0; height: 38px; padding: 0 12px; border: 1px solid var(--line); border-radius: 11px; background: var(--surface); font-size: 14.5px; font-weight: 600; white-space: nowrap; overflow: hidden; }
.new-chat:hover { border-color: var(--accent); color: var(--accent-deep); }
.new-chat svg { width: 17px; height: 17px; color: var(--accent); }
.sidebar-top .quiet { width: 34px; height: 38px; flex: none; }
.sidebar-head { display: flex; align-items: center; gap: 6px; padding: 0 10px; }
.sidebar-head h2 { font: 600 17px/1.3 var(--font-quote); }
.sidebar-scroll { flex: 1; min-height: 0; overflow-y: auto; padding: 0 8px 12px; scrollbar-width: thin; scrollbar-color: var(--line-strong) transparent; }
.list-end { height: 1px; }
.conversations h3 { position: sticky; top: 0; z-index: 1; padding: 12px 10px 4px; background: var(--side); font-size: 12px; font-weight: 650; color: var(--ink-2); }
.conversations .hint { padding: 14px 10px; line-height: 1.5; }
.conversations li { position: relative; border-radius: 9px; }
.conversations li a { display: flex; align-items: center; gap: 8px; min-height: 34px; padding: 0 10px; border-radius: 9px; font-size: 14px; line-height: 1.4; color: inherit; text-decoration: none; }
.conversations li a:focus-visible { outline-offset: -2px; }
.conversations .name { flex: 1; min-width: 0; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.conversations li:hover, .conversations li.with-menu { background: var(--hover); }
.conversations li.current { background: var(--accent-soft); color: var(--accent-deep); font-weight: 550; }
.conversations li.unread .name { font-weight: 650; }
.state { display: none; width: 8px; height: 8px; flex: none; border-radius: 50%; background: var(--accent); }
.unread .state, .running .state { display: block; }
.running .state { background: none; box-shadow: inset 0 0 0 2px var(--accent); animation: breathe 1.3s ease-in-out infinite; }
@keyframes breathe { 50% { opacity: .25; transform: scale(.75); } }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.conversations .more { position: absolute; inset-inline-end: 2px; top: 2px; width: 30px; height: 30px; opacity: 0; }
.conversations li:hover .more, .conversations .more:focus-visible, .with-menu .more, .conversations li:focus-within .more { opacity: 1; }
.conversations li:hover a, .conversations li:focus-within a, .with-menu a { padding-inline-end: 36px; }
.rename { width: 100%; height: 34px; padding: 0 9px; border: 1px solid var(--accent); border-radius: 9px; outline: 0; background: var(--surface); font-size: 14px; }
.sidebar-foot { display: flex; justify-content: space-between; gap: 2px; padding: 8px 10px; border-top: 1px solid var(--line); }
.foot { display: flex; align-items: center; gap: 7px; min-width: 0; height: 32px; padding: 0 9px; border-radius: 8px; color: var(--ink-2); font-size: 13px; white-space: nowrap; }
.foot span { overflow: hidden; text-overflow: ellipsis; }
.foot:hover { background: var(--hover); color: var(--ink); }
.foot svg { width: 17px; height: 17px; }

.menu { position: fixed; inset: auto; margin: 0; min-width: 212px; padding: 6px; border: 1px solid var(--line); border-radius: 12px; background: var(--surface); color: var(--ink); box-shadow: var(--lift); }
.menu [role=menuitem] { display: flex; align-items: center; gap: 11px; width: 100%; min-height: 34px; padding: 0 10px; border-radius: 8px; font-size: 14px; text-align: start; color: inherit; text-decoration: none; outline: 0; }
.menu [role=menuitem]:hover, .menu [role=menuitem]:focus { background: var(--hover); }
.menu svg { width: 17px; height: 17px; color: var(--ink-2); }
.menu .danger, .menu .danger svg { color: var(--danger); }
.menu hr { border: 0; border-top: 1px solid var(--line); margin: 5px 8px; }

.toasts { position: absolute; z-index: 6; left: 12px; bottom: 58px; display: grid; gap: 8px; width: min(340px, 100% - 24px); }
.toast { position: relative; display: flex; align-items: center; gap: 6px; padding: 8px 6px 8px 14px; border-radius: 12px; background: var(--ink); color: var(--paper); font-size: 14px; line-height: 1.4; box-shadow: var(--lift); overflow: hidden; animation: rise .16s ease-out; }
.toast > span:first-child { flex: 1; min-width: 0; overflow-wrap: anywhere; display: -webkit-box; -webkit-line-clamp: 3; -webkit-box-orient: vertical; overflow: hidden; }
.toast .undo { flex: none; padding: 4px 10px; border-radius: 8px; font-weight: 650; color: var(--paper); text-decoration: underline; text-underline-offset: 3px; }
.toast .undo:hover, .toast .quiet:hover { background: rgb(127 127 127 / .35); color: var(--paper); }
.toast .quiet { color: inherit; opacity: .75; }
.time-left { position: absolute; inset: auto 0 0 0; height: 2px; background: var(--mark); transform-origin: left; animation: run-out linear forwards; }
@keyframes run-out { to { transform: scaleX(0); } }
@keyframes rise { from { opacity: 0; transform: translateY(8px); } }

@media (max-width: 860px) {
  .sidebar { position: absolute; inset: 0 auto 0 0; width: min(310px, 86vw); z-index: 5; transform: translateX(-102%); transition: transform .18s ease, visibility .18s; }
  .with-sidebar .sidebar { transform: none; box-shadow: var(--lift); }
  .veil { display: block; position: absolute; inset: 0; z-index: 4; background: rgb(10 10 10 / .38); opacity: 0; pointer-events: none; transition: opacity .18s; }
  .with-sidebar .veil { opacity: 1; pointer-events: auto; }
  .conversations li a { min-height: 42px; font-size: 15px; padding-inline-end: 40px; }
  .conversations .more { opacity: 1; top: 6px; }
  .toasts { left: 12px; bottom: auto; top: 8px; }
}
@media (prefers-reduced-motion: reduce) { .time-left { animation: none !important; } }
`);
