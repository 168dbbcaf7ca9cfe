// Files out of what somebody dropped or chose, folders and all. Knows nothing of where they go.

const JUNK = /^(\.|~\$|thumbs\.db$|desktop\.ini$|__macosx$)/i;

/** Whether something of the system's is dragged that holds files. */
export function holdsFiles(event) { return Boolean(event.dataTransfer?.types.includes("Files")); }

/** [{file, path}] of what was dropped; path: below the folder that was dropped, the bare name of a single file. */
export async function dropped(transfer) {
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean);   // before the first wait: it empties itself
  const files = [...transfer.files];
  if (!entries.length) return chosen(files);
  const found = [];
  for (const entry of entries) await walk(entry, entry.name, found);
  return found;
}

/** The same of an input's files. */
export function chosen(files) {
  return [...files].map(file => ({file, path: file.webkitRelativePath || file.name})).filter(({path}) => !path.split("/").some(part => JUNK.test(part)));
}

async function walk(entry, path, found) {
  if (JUNK.test(entry.name)) return;
  if (entry.isFile) {
    found.push({file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path});
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const inner of some) await walk(inner, `${path}/${inner.name}`, found);
  }
}

const MOST_HASHED = 64 * 2**20;

/** The SHA-256 of a file in hexadecimal, or null where it is large or the browser has no such thing (plain HTTP). */
export async function sha256(file) {
  if (!globalThis.crypto?.subtle || file.size > MOST_HASHED) return null;
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map(byte => byte.toString(16).padStart(2, "0")).join("");
}
