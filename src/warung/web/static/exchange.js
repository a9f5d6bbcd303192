// How one exchange looks: the question, what was understood, the answer, the products. Knows no network and no storage.
// Whatever came from the server is text: it goes into text nodes and nowhere else.

import { card } from "./card.js";
import { element, icon } from "./elements.js";
import { LOST, apology, isLost, understoodRows } from "./words.js";

const COMPOSED =
  "Ringkasan ini disusun oleh warung sendiri: kata-kata asisten tidak bisa dipastikan, atau asistennya sedang tidak ada.";

/** An exchange on the page. `show` brings it up to date with its state, as often as one likes. */
export class ExchangeView {
  #tags = element("ul", "understood");
  #answer = element("div", "answer");
  #lines = [];
  #note = element("p", "note", COMPOSED);
  #hint = element("p", "note", LOST);
  #status = element("p", "status");
  #problem = element("div", "problem");
  #heading = element("h3", "count");
  #cards = element("ul", "cards");
  #shown = {};

  constructor(question, onRetry) {
    this.#tags.setAttribute("aria-label", "Yang saya pahami");
    this.#answer.setAttribute("aria-live", "polite");
    this.#status.setAttribute("role", "status");
    this.#problem.setAttribute("role", "alert");
    this.#cards.setAttribute("aria-label", "Produk");
    this.#problem.addEventListener("click", (event) => {
      if (event.target.closest("button")) onRetry();
    });
    this.element = element(
      "article",
      "exchange",
      element("h2", "question", question),
      this.#tags,
      this.#answer,
      this.#note,
      this.#hint,
      this.#status,
      this.#problem,
      this.#heading,
      this.#cards,
    );
  }

  show(exchange, { waiting = false } = {}) {
    const running = exchange.phase === "running";
    this.#answer.setAttribute("aria-busy", String(running));
    this.#once("understood", exchange.understood, () => this.#showTags(exchange));
    this.#once("products", exchange.products, (products) => this.#showCards(products, nearOf(exchange)));
    this.#once("problem", exchange.problem, (problem) => this.#showProblem(problem));
    this.#showText(exchange.text, running);
    this.#note.hidden = !exchange.composed || !exchange.products?.length;
    this.#showStatus(exchange, running, waiting);
  }

  #once(name, value, draw) {
    if (name in this.#shown && this.#shown[name] === value) return;
    this.#shown[name] = value;
    draw(value);
  }

  #showTags(exchange) {
    const rows = exchange.understood ? understoodRows(exchange) : [];
    this.#hint.hidden = !isLost(exchange);
    this.#tags.hidden = rows.length === 0;
    this.#tags.replaceChildren(
      ...rows.map(([name, value, said]) => {
        const tag = element("li", "", element("span", "", name), ` ${value}`);
        if (said) tag.title = `dari “${said}”`;
        return tag;
      }),
    );
  }

  /** Draws again only the lines that changed: a screen reader hears what is new. */
  #showText(text, growing) {
    const lines = text ? (growing ? text : text.trimEnd()).split("\n") : [];
    while (this.#lines.length > lines.length) this.#lines.pop().element.remove();
    lines.forEach((line, at) => {
      const open = growing && at === lines.length - 1;
      const key = `${open} ${line}`;
      const drawn = this.#lines[at] ?? this.#addLine();
      if (drawn.key === key) return;
      drawn.key = key;
      drawn.element.classList.toggle("growing", open);
      drawn.element.replaceChildren(...emphasised(line, open));
    });
  }

  #addLine() {
    const line = { key: null, element: element("p") };
    this.#lines.push(line);
    this.#answer.append(line.element);
    return line;
  }

  #showCards(products, near) {
    this.#heading.hidden = this.#cards.hidden = !products?.length;
    this.#heading.textContent = `${products?.length ?? 0} produk`;
    this.#cards.replaceChildren(...(products ?? []).map((product) => card(product, near)));
  }

  #showProblem(problem) {
    this.#problem.hidden = !problem;
    this.#problem.replaceChildren();
    if (!problem) return;
    const retry = element("button", "quiet", icon("again"), "Coba lagi");
    retry.type = "button";
    this.#problem.append(element("p", "", apology(problem)), retry);
    if (problem.detail)
      this.#problem.append(element("details", "", element("summary", "", "Rincian"), element("p", "", problem.detail)));
  }

  #showStatus({ phase, text, products }, running, waiting) {
    let words = "";
    if (running && waiting) words = "menyambung kembali…";
    else if (running && !text) words = products?.length ? "memilihkan yang cocok…" : "melihat isi rak…";
    else if (phase === "stopped") words = "Dihentikan.";
    this.#status.hidden = !words;
    this.#status.classList.toggle("busy", running);
    if (this.#status.textContent !== words) this.#status.textContent = words;
  }
}

/** **bold** as elements; while the line grows, an unclosed ** already holds to its end. */
function* emphasised(line, growing) {
  const parts = line.split("**");
  const closed = parts.length % 2 === 1 || growing;
  for (const [at, part] of parts.entries()) {
    if (!closed && at === parts.length - 1) yield `**${part}`;
    else if (at % 2 === 1) yield element("strong", "", part);
    else if (part) yield part;
  }
}

/** From where distances count, as "lat,lng": the shopper's place, else the one that was named. */
function nearOf({ location, understood }) {
  const named = understood?.place?.location;
  return location ?? (named ? `${named.lat},${named.lng}` : null);
}
