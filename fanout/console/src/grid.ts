// A grid of round degrees: where the page's own outlines are too coarse to show anything, it still shows that the map and
// the vehicles move, and how far.

import type { Feature, MultiLineString, Position } from "geojson";
import type { LngLatBounds } from "maplibre-gl";

const steps = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005];
const apart = 110; // CSS pixels between two lines, at least

/** grid gives the lines for what is in view and half as much around it. */
export function grid(view: LngLatBounds, zoom: number): Feature<MultiLineString> {
  const pixels = (512 * 2 ** zoom) / 360; // per degree of longitude
  const step = steps.findLast((size) => size * pixels >= apart) ?? steps[0]!;
  const wide = Math.min(180, (view.getEast() - view.getWest()) / 2);
  const high = (view.getNorth() - view.getSouth()) / 2;
  const [west, east] = [view.getWest() - wide, view.getEast() + wide];
  const south = Math.max(-85, view.getSouth() - high);
  const north = Math.min(85, view.getNorth() + high);
  const lines: Position[][] = [];
  for (let i = Math.ceil(west / step); i * step <= east; i++) lines.push([[i * step, south], [i * step, north]]);
  for (let i = Math.ceil(south / step); i * step <= north; i++) lines.push([[west, i * step], [east, i * step]]);
  return { type: "Feature", properties: {}, geometry: { type: "MultiLineString", coordinates: lines } };
}
