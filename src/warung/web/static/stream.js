// One answer's events over a connection that may break; knows the chat API's wire, no element and no storage.

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 8_000;
const GIVE_UP_AFTER_MS = 120_000; // of waiting awake: a phone's sleep does not count
const GIVE_UP_ON_FIRST_CONTACT_MS = 8_000;
const SILENCE_MS = 45_000; // the server speaks at least every 15 s: longer silence is a dead connection
const PASSING = new Set([429, 502, 503, 504]); // while a server restarts behind its proxy

/** A refusal (`status` and `code` of the API's problem) or, with status 0, no connection. */
export class Problem extends Error {
  constructor(status, { code = null, detail = "", errors = [], retryAfter = null } = {}) {
    super(detail || errors.map((each) => `${each.field}: ${each.message}`).join(", "));
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  static async of(response) {
    const body = await response.json().catch(() => ({}));
    return new Problem(response.status, { ...body, retryAfter: response.headers.get("Retry-After") });
  }
}

/**
 * The answer to `request` after the event `cursor` (null: from its beginning), as {id, chunk}, each once and in order.
 * Reconnects by itself; `onWait(true)` says that it is trying, `onWait(false)` that it is through.
 * Throws a Problem; ends quietly when `signal` aborts.
 */
export async function* follow(request, cursor, { signal, onWait }) {
  let failures = 0;
  let waited = 0;
  while (!signal.aborted) {
    const lifeline = new Lifeline(signal);
    try {
      const response = await open(request, cursor, lifeline.signal);
      if (response.status === 204) return;
      if (!response.ok) throw await Problem.of(response);
      for await (const event of parse(response.body, lifeline)) {
        const chunk = event.data === "[DONE]" ? null : JSON.parse(event.data);
        if (chunk?.warung?.resumable) break; // this reading failed, not the answer
        if (failures) onWait(false);
        failures = waited = 0;
        if (!chunk) return;
        if (isSeen(event.id, cursor)) continue;
        cursor = event.id || cursor;
        yield { id: cursor, chunk };
      }
    } catch (error) {
      if (signal.aborted) return;
      const resuming = cursor !== null || failures > 0;
      if (error instanceof Problem && !(resuming && PASSING.has(error.status))) throw error;
    } finally {
      lifeline.release();
    }
    if (waited >= (cursor === null ? GIVE_UP_ON_FIRST_CONTACT_MS : GIVE_UP_AFTER_MS)) throw new Problem(0);
    onWait(true);
    const delay = Math.min(RETRY_FIRST_MS * 2 ** failures, RETRY_LONGEST_MS);
    await pause(delay, signal);
    waited += delay;
    failures += 1;
  }
}

/** Asks the server to stop; the stream then ends by itself. */
export async function cancel(sessionId) {
  const response = await fetch(`/api/chat/${sessionId}/cancel`, { method: "POST" });
  if (!response.ok) throw await Problem.of(response);
}

/** Until something has arrived, asking again is safe: the same session and request join the same answer. */
function open(request, cursor, signal) {
  const headers = { Accept: "text/event-stream" };
  if (cursor !== null) {
    headers["Last-Event-ID"] = cursor;
    return fetch(`/api/chat/${request.session_id}`, { headers, signal, cache: "no-store" });
  }
  headers["Content-Type"] = "application/json";
  return fetch("/api/chat", { method: "POST", headers, signal, body: JSON.stringify({ ...request, stream: true }) });
}

/** Server-Sent Events (WHATWG HTML, section 9.2.6): {id, data}, an unfinished last event is dropped. */
async function* parse(body, lifeline) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let id = "";
  let data = [];
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    lifeline.heard();
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) yield { id, data: data.join("\n") };
        id = "";
        data = [];
      } else if (line.startsWith("data:")) data.push(fieldOf(line, "data:"));
      else if (line.startsWith("id:")) id = fieldOf(line, "id:");
    }
  }
}

function fieldOf(line, name) {
  const value = line.slice(name.length);
  return value.startsWith(" ") ? value.slice(1) : value;
}

function isSeen(id, cursor) {
  return Boolean(id) && cursor !== null && indexOf(id) <= indexOf(cursor);
}

function indexOf(id) {
  return Number(id.slice(id.lastIndexOf(":") + 1));
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    window.addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}

/** A signal that aborts with its parent, or when nothing was heard for SILENCE_MS. */
class Lifeline {
  #controller = new AbortController();
  #timer;

  constructor(parent) {
    this.signal = AbortSignal.any([parent, this.#controller.signal]);
    this.heard();
  }

  heard() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), SILENCE_MS);
  }

  /** Lets the connection go, whether it ended or was left in the middle. */
  release() {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }
}
