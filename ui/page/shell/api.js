// Talking to the appliance's public API. Knows nothing of what is shown.

/** A refusal by the server. code is stable; message is English; detail: code and values of what it says beside. */
export class Refusal extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? `HTTP ${status}`);
    this.status = status;
    this.code = body?.error?.code ?? "internal_error";
    this.detail = body?.error?.detail;
  }
}

/** JSON in, JSON out. Throws Refusal, or TypeError where nothing answers. A lost session asks to sign in again. */
export async function call(path, {method = "GET", body, signal} = {}) {
  const headers = body === undefined ? {} : {"content-type": "application/json"};
  const response = await fetch(path, {method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body)});
  if (response.status === 401) { location.reload(); await new Promise(() => {}); }
  const text = await response.text();
  const parsed = text && response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : null;
  if (!response.ok) throw new Refusal(response.status, parsed);
  return parsed;
}

/** Send a file and say how far it is; returns what the server keeps of it. share: 0 to 1. path: where it belongs. */
export function upload(file, onProgress, signal, path = "/v1/files") {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("purpose", "assistants");
    form.append("file", file, file.name);
    request.open("POST", path);
    request.responseType = "json";
    request.upload.onprogress = event => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => request.status < 300 ? resolve(request.response) : reject(new Refusal(request.status, request.response));
    request.onerror = () => reject(new TypeError("connection lost"));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

const KINDS = ["status", "block", "table", "tool", "citations", "done", "error"];
const RETRY_MS = 1000;

/** Follow a turn's events until its end, through lost connections; returns a function that stops following. */
export function follow(turnId, after, onEvent, onLost) {
  let source, seen = after, timer, over = false;
  const open = () => {
    source = new EventSource(`/api/turns/${turnId}/events?after=${seen}`);
    for (const kind of KINDS) source.addEventListener(kind, event => {
      if (event.data === undefined) return;               // the connection's own error event, not the turn's
      seen = Math.max(seen, Number(event.lastEventId) || 0);
      if (kind === "done" || kind === "error") close();
      onEvent(kind, JSON.parse(event.data));
    });
    source.onerror = event => {
      if (over || event.data !== undefined) return;
      onLost();
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(retry, RETRY_MS);
    };
  };
  const retry = async () => {
    try { await call("/api/conversations?limit=1"); } catch { /* the next attempt will tell */ }
    if (!over) open();
  };
  const close = () => { over = true; clearTimeout(timer); source.close(); };
  open();
  return close;
}
