// The outlines of land and countries (Natural Earth 1:50m, public domain), packed for shipping.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { feature, quantize, transform } from "topojson-client";

const require = createRequire(import.meta.url);
const cells = 36_000; // 0.01 degrees of longitude, about a kilometre: the data is no finer

/**
 * world gives a TopoJSON topology whose arcs are flat lists of differences (x, y, dx, dy, ...), which is half the size of
 * pairs; src/world.ts unpacks it. Countries carry the place for their name.
 */
export function world() {
  const source = JSON.parse(readFileSync(require.resolve("world-atlas/countries-50m.json"), "utf8"));
  const exact = transform(source.transform);
  const plain = { ...source, arcs: source.arcs.map((arc) => arc.map((point, i) => exact(point, i))) };
  delete plain.transform;
  const packed = quantize(plain, cells);
  packed.arcs = packed.arcs.map((arc) => arc.flat());
  packed.labels = source.objects.countries.geometries
    .map((geometry) => label(feature(source, geometry)))
    .filter((found) => found !== null)
    .sort((a, b) => b[3] - a[3]);
  for (const geometry of packed.objects.countries.geometries) {
    delete geometry.properties;
    delete geometry.id;
  }
  return packed;
}

/** label puts the name into the middle of the country's largest part: [name, lng, lat, square degrees]. */
function label({ geometry, properties }) {
  if (!geometry || !properties?.name) return null;
  const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
  let best = null;
  for (const [ring] of polygons) {
    const found = centroid(ring);
    if (!best || found.area > best.area) best = found;
  }
  return [properties.name, round(best.lng), round(best.lat), round(best.area)];
}

function centroid(ring) {
  let twice = 0;
  let x = 0;
  let y = 0;
  let ax = ring[0][0];
  for (let i = 0; i + 1 < ring.length; i++) {
    const ay = ring[i][1];
    const by = ring[i + 1][1];
    let step = ring[i + 1][0] - ring[i][0];
    if (Math.abs(step) > 180) step -= Math.sign(step) * 360; // across the date line
    const bx = ax + step;
    const cross = ax * by - bx * ay;
    twice += cross;
    x += (ax + bx) * cross;
    y += (ay + by) * cross;
    ax = bx;
  }
  if (Math.abs(ax - ring[0][0]) > 180) return { lng: 0, lat: -78, area: 1000 }; // round the pole: Antarctica
  const lat = y / (3 * twice);
  const lng = x / (3 * twice);
  return { lng: lng - 360 * Math.round(lng / 360), lat, area: Math.abs(twice / 2) * Math.cos((lat * Math.PI) / 180) };
}

function round(value) {
  return Math.round(value * 100) / 100;
}
