// How one product looks; knows no exchange and no network.

import { element, icon } from "./elements.js";
import { comparison } from "./offers.js";
import { category, delivery, distance, rupiah, stock } from "./words.js";

/** A card; others' offers of the same kind come nearest to `near` ("lat,lng" or null) first. */
export function card({ supplier, ...product }, near) {
  const shop = element("p", "supplier", icon("store"), element("b", "", supplier.business_name));
  shop.append(element("span", "city", supplier.city));
  if (product.distance_km != null)
    shop.append(element("span", "distance", icon("pin"), distance(product.distance_km)));
  const services = (product.delivery ?? []).map((service) => element("p", "", icon("truck"), delivery(service)));
  return element(
    "li",
    product.stock_quantity > 0 ? "card" : "card sold-out",
    element("p", "kind", category(product.category)),
    element("h4", "name", product.name),
    element("p", "description", product.description ?? ""),
    element(
      "p",
      "offer",
      element("span", "price", rupiah(product.price)),
      element("span", "stock", stock(product.stock_quantity)),
    ),
    shop,
    element("div", "delivery", ...services),
    comparison(product, near),
  );
}
