// Other suppliers of a product, under its card and on demand; knows no exchange.

import { element, icon } from "./elements.js";
import { delivery, distance, rupiah } from "./words.js";

const MOST = 5;

/** A button that brings the offers of others, nearest to `near` ("lat,lng" or null) first. */
export function comparison(product, near) {
  const button = element("button", "quiet", icon("store"), "Bandingkan penjual");
  const list = element("ul", "offers");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  list.setAttribute("aria-label", `Penjual lain: ${product.name}`);
  list.setAttribute("aria-live", "polite");
  list.hidden = true;
  let asked = false;
  button.addEventListener("click", async () => {
    list.hidden = !list.hidden;
    button.setAttribute("aria-expanded", String(!list.hidden));
    if (asked || list.hidden) return;
    asked = true;
    asked = await fill(list, product, near);
    if (asked) fetch(`/api/products/${product.id}/clicks`, { method: "POST", keepalive: true }).catch(() => {});
  });
  return element("div", "compare", button, list);
}

/** Whether the offers came. */
async function fill(list, product, near) {
  list.replaceChildren(element("li", "", "mencari penjual lain…"));
  try {
    const response = await fetch(`/api/products/${product.id}/offers?${query(near)}`);
    if (!response.ok) throw new Error(response.statusText);
    const { items } = await response.json();
    list.replaceChildren(...(items.length ? items.map(offer) : [element("li", "", "Belum ada penjual lain.")]));
    return true;
  } catch {
    list.replaceChildren(element("li", "", "Penjual lain belum bisa dimuat. Tutup, lalu buka lagi."));
    return false;
  }
}

function query(near) {
  return new URLSearchParams(near ? { limit: MOST, location: near } : { limit: MOST });
}

function offer({ supplier, ...product }) {
  const way = product.distance_km == null ? supplier.city : `${supplier.city}, ${distance(product.distance_km)}`;
  const [first] = product.delivery ?? [];
  return element(
    "li",
    "",
    element("b", "", rupiah(product.price)),
    element("span", "", supplier.business_name),
    element("span", "city", first ? `${way}. ${delivery(first)}` : way),
  );
}
