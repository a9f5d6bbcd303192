// The product that the page's address names, where a feed's link leads; knows no exchange.

import { card } from "./card.js";
import { element } from "./elements.js";

const GONE = "Produk itu sudah tidak ada. Tanyakan saja yang mirip.";
const LOST = "Produk itu belum bisa ditampilkan. Coba muat ulang halaman ini.";

/** Show it in `section`, distances from `near` ("lat,lng" or null); nothing where no product is named. */
export async function showNamedProduct(section, near) {
  const id = new URLSearchParams(location.search).get("product");
  if (id === null) return;
  section.hidden = false;
  section.replaceChildren(await product(id, near));
}

async function product(id, near) {
  if (!/^[0-9]{1,18}$/.test(id)) return element("p", "problem", GONE);
  try {
    const query = near ? `?${new URLSearchParams({ location: near })}` : "";
    const response = await fetch(`/api/products/${id}${query}`);
    if (!response.ok) return element("p", "problem", response.status === 404 ? GONE : LOST);
    return element("ul", "cards", card(await response.json(), near));
  } catch {
    return element("p", "problem", LOST);
  }
}
