// What the server's values are called in Indonesian; knows no element.

const rupiahFormat = new Intl.NumberFormat("id-ID", { style: "currency", currency: "IDR", maximumFractionDigits: 0 });
const countFormat = new Intl.NumberFormat("id-ID");
const nearFormat = new Intl.NumberFormat("id-ID", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const farFormat = new Intl.NumberFormat("id-ID", { maximumFractionDigits: 0 });

const SORTS = {
  distance: "terdekat dulu",
  price_asc: "termurah dulu",
  price_desc: "termahal dulu",
  newest: "terbaru dulu",
};

let categories = {};

/** Fetches the categories' names; without them their slugs are shown. */
export async function loadCategories() {
  try {
    const response = await fetch("/static/categories.json");
    if (response.ok) categories = await response.json();
  } catch {
    categories = {};
  }
}

export const rupiah = (amount) => rupiahFormat.format(amount);

export const stock = (quantity) => (quantity > 0 ? `Stok ${countFormat.format(quantity)}` : "Habis");

export const distance = (km) => `${(km < 100 ? nearFormat : farFormat).format(km)} km`;

export const category = (slug) =>
  categories[slug] ?? slug.replaceAll("-", " ").replace(/^./, (first) => first.toUpperCase());

/** "Kurir toko Rp 15.000, 2-5 jam" */
export function delivery({ service, name, fee, min_hours: least, max_hours: most }) {
  const price = fee > 0 ? rupiah(fee) : "gratis ongkir";
  return `${name ?? service} ${price}, ${duration(least, most)}`;
}

function duration(leastHours, mostHours) {
  const [unit, size] = mostHours > 24 ? ["hari", 24] : ["jam", 1];
  const least = Math.floor(leastHours / size);
  const most = Math.ceil(mostHours / size);
  return least === most || least === 0 ? `sampai ${most} ${unit}` : `${least}-${most} ${unit}`;
}

/** Whether "nearest" was asked for while nobody said from where. */
export const isLost = ({ understood, location }) => understood?.sort === "distance" && !understood.place && !location;

export const LOST = "Supaya yang terdekat bisa dihitung, tekan “Pakai lokasi saya” atau sebut kotanya.";

const CONDITIONS = { new: "baru", used: "bekas" };

/** What was understood, as [name, value, the shopper's own words] rows. */
export function understoodRows({ understood, location }) {
  const said = (...fields) =>
    (understood.spans ?? []).filter((span) => fields.includes(span.field)).map((span) => span.text).join(", ");
  const { place } = understood;
  return [
    ["Kategori", understood.category && category(understood.category), said("category")],
    ["Budget", budget(understood.min_price, understood.max_price), said("min_price", "max_price")],
    ["Tempat", place && `${place.name} (${farFormat.format(place.radius_km)} km)`, said("place", "near_me")],
    ["Urutan", !isLost({ understood, location }) && SORTS[understood.sort], said("sort")],
    ["Kondisi", CONDITIONS[understood.condition], said("condition")],
    ["Jarak", understood.radius_km && `sampai ${farFormat.format(understood.radius_km)} km`, said("radius_km")],
    ["Stok", understood.in_stock && "yang ada saja", said("in_stock")],
    ["Tanpa", understood.exclude?.join(", "), said("exclude")],
  ].filter((row) => row[1]);
}

function budget(least, most) {
  if (least != null && most != null) return `${rupiah(least)} - ${rupiah(most)}`;
  if (most != null) return `sampai ${rupiah(most)}`;
  return least != null ? `mulai ${rupiah(least)}` : "";
}

/** What went wrong, for the shopper. */
export function apology({ status, code, retryAfter }) {
  if (status === 0) return "Sambungan terputus dan belum bisa tersambung lagi. Periksa internetmu, lalu coba lagi.";
  if (status === 404 || status === 410)
    return "Jawaban ini sudah tidak tersimpan lagi. Tanyakan sekali lagi, ya.";
  if (status === 401) return "Masuk dulu dengan akunmu untuk bertanya di sini.";
  if (code === "guests_disabled") return "Warung ini melayani yang punya akun. Masuk dulu, ya.";
  if (status === 403) return "Akun ini belum boleh memakai asisten. Minta pengelola warung untuk membukanya.";
  if (status === 409) return "Pertanyaan sebelumnya masih dijawab. Tunggu sebentar, lalu coba lagi.";
  if (status === 429)
    return `Warung sedang ramai. Coba lagi ${retryAfter > 0 ? `dalam ${retryAfter} detik` : "sebentar lagi"}, ya.`;
  if (status === 503) return "Warung masih bersiap-siap. Tunggu sebentar, lalu coba lagi.";
  if (status >= 400 && status < 500) return "Pertanyaan ini belum bisa diterima. Ubah sedikit, lalu coba lagi.";
  return "Maaf, ada yang tidak beres di dapur warung. Coba lagi, ya.";
}

/** Why the shopper's place is not known; `error` is a GeolocationPositionError or null. */
export function noLocation(error) {
  const instead = "Sebut saja kotanya di pertanyaan, misalnya “di Bandung”.";
  if (error?.code === 1) return `Tidak apa-apa, lokasimu tidak dipakai. ${instead}`;
  return `Lokasimu belum ketemu. ${instead}`;
}
