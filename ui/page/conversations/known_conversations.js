// Which conversations there are: the pages read so far, kept in step with the server without asking it all the time.
// A page that is looked at asks once a minute, every few seconds only while another chat's answer is being written, and
// when it comes back into view; hidden pages ask nothing. 500 open pages are about eight small requests a second.
// A stream of events would hold one of the six connections that a browser has for this host, in every tab.
import {call} from "../shell/api.js";

const PAGE = 40, QUIET_MS = 60_000, BUSY_MS = 4_000, SPREAD = .2, FRESH_MS = 3000;

export class KnownConversations {
  /** onChange(): something is to be drawn anew. archived: those that were put away instead of the others. */
  constructor(onChange, {archived = false} = {}) {
    this.onChange = onChange;
    this.archived = archived;
    this.byId = new Map();
    this.changes = 0;
    this.hasMore = false;
    this.isRead = false;
    this.currentId = null;
    this.otherTabs = "BroadcastChannel" in globalThis ? new BroadcastChannel("conversations") : null;
    this.otherTabs?.addEventListener("message", () => { this.readAt = -Infinity; this.wake(); });
    document.addEventListener("visibilitychange", () => this.wake());
  }

  /** Newest first. */
  get all() { return [...this.byId.values()].sort((a, b) => a.updated_at < b.updated_at || a.updated_at === b.updated_at && a.id < b.id ? 1 : -1); }

  get(id) { return this.byId.get(id); }

  // Reading --------------------------------------------------------------------------------------------

  /** Read the newest page again; the pinned ones, which may be old, the first time only. */
  async refresh() {
    clearTimeout(this.timer);
    const changes = this.changes;
    const first = !this.isRead && !this.archived;
    try {
      const [page, pinned] = await Promise.all([this.read(), first ? this.read({pinned: true}) : null]);
      if (changes !== this.changes) return await this.refresh();     // read before a change of ours was made
      this.isRead = true;
      this.readAt = performance.now();
      this.merge(page);
      for (const one of pinned?.data ?? []) this.byId.set(one.id, one);
      this.onChange();
    } finally {
      this.schedule();
    }
  }

  async more() {
    if (!this.hasMore || this.isReadingMore) return;
    this.isReadingMore = true;
    try {
      const {data, has_more, next} = await this.read({before: this.next});
      for (const one of data) this.byId.set(one.id, one);
      this.oldest = data.at(-1)?.updated_at ?? this.oldest;
      this.next = next;
      this.hasMore = Boolean(has_more) && data.length > 0;
      this.onChange();
    } catch { /* scrolling on tries again */ } finally { this.isReadingMore = false; }
  }

  read(more = {}) {
    const query = new URLSearchParams({limit: String(PAGE), ...(this.archived ? {archived: "true"} : {}), ...more});
    return call(`/api/conversations?${query}`);
  }

  // What the newest page should hold and does not is gone; what is older than it stays as it was.
  merge({data, has_more, next}) {
    const seen = new Set(data.map(({id}) => id)), last = data.at(-1)?.updated_at ?? "";
    for (const [id, one] of this.byId) if (!seen.has(id) && (!has_more || one.updated_at > last)) this.byId.delete(id);
    for (const one of data) this.byId.set(one.id, one);
    if (this.oldest === undefined || !has_more || last <= this.oldest) {
      this.oldest = last;
      this.next = next;
      this.hasMore = Boolean(has_more);
    }
  }

  schedule() {
    clearTimeout(this.timer);
    if (document.hidden || this.isOver) return;
    const isBusy = this.all.some(one => one.running && one.id !== this.currentId);
    const wait = (isBusy ? BUSY_MS : QUIET_MS) * (1 + SPREAD * (2 * Math.random() - 1));
    this.timer = setTimeout(() => this.refresh().catch(() => {}), wait);
  }

  // In view again; whoever only leafs through tabs asks nothing new.
  wake() {
    clearTimeout(this.timer);
    if (document.hidden || !this.isRead || this.isOver) return;
    if (performance.now() - this.readAt > FRESH_MS) this.refresh().catch(() => {}); else this.schedule();
  }

  close() { this.isOver = true; clearTimeout(this.timer); this.otherTabs?.close(); }

  // Changing: shown at once, taken back where the server refuses -----------------------------------------

  async change(id, change) {
    const before = this.byId.get(id);
    this.changes += 1;
    if (before) { this.byId.set(id, {...before, ...change}); this.onChange(); }
    try {
      const after = await call(`/api/conversations/${id}`, {method: "PATCH", body: change});
      this.changes += 1;
      if (this.byId.has(id)) this.byId.set(id, {...this.byId.get(id), ...after});
      this.told();
      return after;
    } catch (error) {
      if (before) this.byId.set(id, {...before, read: change.read});   // a mark that was refused is not tried again and again
      throw error;
    } finally {
      this.onChange();
    }
  }

  /** Returns until when it can be brought back. */
  async remove(id) {
    const before = this.byId.get(id);
    this.changes += 1;
    this.byId.delete(id);
    this.onChange();
    try {
      const {undo_until} = await call(`/api/conversations/${id}`, {method: "DELETE"}) ?? {};
      this.changes += 1;
      if (this.byId.delete(id)) this.onChange();            // a list that was read meanwhile still had it
      this.told();
      return undo_until;
    } catch (error) {
      if (before && error.status !== 404) { this.byId.set(id, before); this.onChange(); }
      throw error;
    }
  }

  async restore(id) {
    const back = await call(`/api/conversations/${id}/restore`, {method: "POST"});
    this.changes += 1;
    if (back && Boolean(back.archived) === this.archived) this.byId.set(id, back);
    this.onChange();
    this.told();
    return back;
  }

  /** Put away or taken out again: no longer in this list. */
  drop(id) { this.byId.delete(id); this.onChange(); }

  told() { this.otherTabs?.postMessage("changed"); }
}
