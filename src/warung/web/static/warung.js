// The page: asks, keeps the conversation over a refresh, and lets it be stopped.

import { ExchangeView } from "./exchange.js";
import { showNamedProduct } from "./product.js";
import { cancel, follow, Problem } from "./stream.js";
import { loadCategories, noLocation } from "./words.js";

const KEPT = "warung";
const KEPT_EXCHANGES = 20;
const SAVE_EVERY_MS = 250;
const STOP_PATIENCE_MS = 3_000;

const find = (selector) => document.querySelector(selector);
const form = find("#ask");
const message = find("#message");
const conversation = find("#conversation");
const locate = find("#locate");
const whereabouts = find("#whereabouts");

let state = { conversationId: null, location: null, exchanges: [] };
let running = null; // {exchange, controller} while an answer comes in
let saving = null;

function keepNow() {
  clearTimeout(saving);
  saving = null;
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ ...state, exchanges: state.exchanges.slice(-KEPT_EXCHANGES) }));
  } catch {
    // Storage is full or refused: the conversation goes on, only a refresh would lose it.
  }
}

function keepSoon() {
  saving ??= setTimeout(keepNow, SAVE_EVERY_MS);
}

function newExchange(question) {
  return {
    sessionId: crypto.randomUUID?.() ?? randomHex(),
    question,
    location: state.location,
    conversationId: state.conversationId,
    lastEventId: null,
    phase: "running", // running | done | stopped | failed
    understood: null,
    products: null,
    composed: false,
    text: "",
    problem: null,
  };
}

// randomUUID exists only where the page came over https or from this machine.
function randomHex() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function requestOf(exchange) {
  const request = { message: exchange.question, session_id: exchange.sessionId };
  if (exchange.conversationId !== null) request.conversation_id = exchange.conversationId;
  if (exchange.location) request.location = exchange.location;
  return request;
}

function addView(exchange) {
  const view = new ExchangeView(exchange.question, () => {
    if (!running) askAgain(exchange, view);
  });
  view.show(exchange);
  showTalking(true);
  return view;
}

function ask(question) {
  whereabouts.textContent = "";
  const exchange = newExchange(question);
  const view = addView(exchange);
  state.exchanges.push(exchange);
  conversation.append(view.element);
  view.element.scrollIntoView({ block: "start" });
  return receive(exchange, view);
}

function askAgain(exchange, view) {
  const again = newExchange(exchange.question);
  const newView = addView(again);
  state.exchanges[state.exchanges.indexOf(exchange)] = again;
  view.element.replaceWith(newView.element);
  message.focus();
  return receive(again, newView);
}

async function receive(exchange, view) {
  const controller = new AbortController();
  running = { exchange, controller };
  showRunning(true);
  keepNow();
  let waiting = false;
  const show = () => view.show(exchange, { waiting });
  const onWait = (now) => {
    waiting = now;
    show();
  };
  try {
    const events = follow(requestOf(exchange), exchange.lastEventId, { signal: controller.signal, onWait });
    for await (const { id, chunk } of events) {
      exchange.lastEventId = id;
      take(exchange, chunk);
      show();
      keepSoon();
      if (exchange.phase !== "running") break;
    }
    if (exchange.phase === "running") exchange.phase = controller.signal.aborted ? "stopped" : "done";
  } catch (error) {
    fail(exchange, error);
  }
  if (running?.exchange === exchange) {
    running = null;
    showRunning(false);
    keepNow();
  }
  waiting = false;
  show();
}

/** Adds one chunk to an exchange. */
function take(exchange, chunk) {
  const own = chunk.warung ?? {};
  if (chunk.error) {
    if (chunk.error.code === "cancelled") exchange.phase = "stopped";
    else fail(exchange, new Problem(own.status ?? 500, { code: chunk.error.code, detail: chunk.error.message }));
    return;
  }
  for (const name of ["understood", "products", "composed"]) if (own[name] != null) exchange[name] = own[name];
  if (own.conversation_id != null) state.conversationId = own.conversation_id;
  exchange.text += chunk.choices?.[0]?.delta?.content ?? "";
}

function fail(exchange, error) {
  const { status = 500, code = null, retryAfter = null } = error;
  if (status === 404) state.conversationId = null; // not kept any more: the next try begins a new one
  exchange.phase = "failed";
  exchange.problem = { status, code, retryAfter: Number(retryAfter), detail: error.message };
  if (!(error instanceof Problem)) console.error(error);
}

async function stop() {
  if (!running) return;
  const { exchange, controller } = running;
  // The server ends the stream; should it not, this end lets go.
  setTimeout(() => controller.abort(), STOP_PATIENCE_MS);
  try {
    await cancel(exchange.sessionId);
  } catch {
    controller.abort();
  }
}

function showRunning(now) {
  const focused = document.activeElement;
  find("#send").hidden = now;
  find("#stop").hidden = !now;
  if (focused === find("#stop") || focused === find("#send")) message.focus();
}

async function startFresh() {
  const left = running;
  running = null;
  state = { conversationId: null, location: state.location, exchanges: [] };
  keepNow();
  conversation.replaceChildren();
  showTalking(false);
  showRunning(false);
  message.focus();
  if (!left) return;
  left.controller.abort();
  await cancel(left.exchange.sessionId).catch(() => {});
}

function showTalking(now) {
  document.body.classList.toggle("empty", !now);
  find("#fresh").hidden = !now;
  message.placeholder = now ? "Tanya lagi…" : "Cari apa hari ini?";
}

function showLocation(words = "") {
  const used = state.location !== null;
  locate.setAttribute("aria-pressed", String(used));
  locate.querySelector("span").textContent = used ? "Lokasi saya dipakai" : "Pakai lokasi saya";
  whereabouts.textContent = words;
}

function toggleLocation() {
  if (state.location !== null) {
    state.location = null;
    showLocation();
    return keepNow();
  }
  if (!navigator.geolocation) return showLocation(noLocation(null));
  whereabouts.textContent = "mencari lokasimu…";
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      // To about 100 m: near enough for a shop, no nearer to a front door.
      state.location = `${coords.latitude.toFixed(3)},${coords.longitude.toFixed(3)}`;
      showLocation();
      keepNow();
    },
    (error) => showLocation(noLocation(error)),
    { timeout: 10_000, maximumAge: 300_000 },
  );
}

function restore() {
  try {
    state = { ...state, ...JSON.parse(sessionStorage.getItem(KEPT)) };
  } catch {
    sessionStorage.removeItem(KEPT);
  }
  showLocation();
  for (const exchange of state.exchanges) {
    const view = addView(exchange);
    conversation.append(view.element);
    if (exchange.phase === "running") receive(exchange, view);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const question = message.value.trim();
  if (running || !question) return;
  message.value = "";
  ask(question);
});
find(".examples").addEventListener("click", (event) => {
  const example = event.target.closest("button");
  if (example && !running) ask(example.textContent);
});
find("#stop").addEventListener("click", stop);
find("#fresh").addEventListener("click", startFresh);
locate.addEventListener("click", toggleLocation);
window.addEventListener("pagehide", keepNow);

await loadCategories();
restore();
await showNamedProduct(find("#product"), state.location);
