// Unpacks the outlines and towns that come with the page (see world.mjs, places.mjs) into what the map draws.

import type { FeatureCollection, MultiLineString, Point, Polygon, MultiPolygon, Position } from "geojson";
import { feature, mesh } from "topojson-client";
import { shortest } from "./motion.ts";
import type { GeometryCollection, Topology } from "topojson-specification";

type Packed = Omit<Topology, "arcs"> & {
  arcs: number[][];
  labels: [name: string, lng: number, lat: number, area: number][];
  objects: { land: GeometryCollection; countries: GeometryCollection };
};
type PackedPlace = [name: string, lng: number, lat: number, thousands: number, capital?: 1];

export interface World {
  land: FeatureCollection;
  borders: MultiLineString;
  countries: FeatureCollection<Point>;
  places: FeatureCollection<Point>;
}

export async function loadWorld(worldUrl: string, placesUrl: string): Promise<World> {
  const [packed, towns] = await Promise.all([json<Packed>(worldUrl), json<PackedPlace[]>(placesUrl)]);
  const topology = {
    ...packed,
    arcs: packed.arcs.map((flat) => {
      const arc: [number, number][] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) arc.push([flat[i]!, flat[i + 1]!]);
      return arc;
    }),
  } as unknown as Topology<Packed["objects"]>;
  const land = feature(topology, topology.objects.land) as FeatureCollection<Polygon | MultiPolygon>;
  for (const { geometry } of land.features) {
    if (geometry.type === "Polygon") geometry.coordinates = geometry.coordinates.map(unrolledRing);
    else geometry.coordinates = geometry.coordinates.map((rings) => rings.map(unrolledRing));
  }
  const borders = mesh(topology, topology.objects.countries as never, (a, b) => a !== b);
  borders.coordinates = borders.coordinates.map(unrolled);
  return {
    land,
    borders,
    countries: points(packed.labels.map(([name, lng, lat, area]) => [lng, lat, { name, rank: countryZoom(area) }])),
    places: points(
      towns.map(([name, lng, lat, thousands, capital]) => [
        lng,
        lat,
        { name, rank: placeZoom(thousands, capital === 1), thousands, capital: capital === 1 },
      ]),
    ),
  };
}

async function json<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return (await answer.json()) as T;
}

function points(list: [number, number, Record<string, unknown>][]): FeatureCollection<Point> {
  return {
    type: "FeatureCollection",
    features: list.map(([lng, lat, properties]) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: [lng, lat] },
      properties,
    })),
  };
}

/**
 * unrolled lets a line that crosses the date line run on beyond 180 degrees, where the map puts it right, instead of round
 * the world.
 */
export function unrolled(line: Position[]): Position[] {
  let before = line[0]?.[0] ?? 0;
  return line.map(([lng, lat]) => {
    before += shortest(lng! - before);
    return [before, lat!];
  });
}

/** unrolledRing also closes the one that goes round a pole, Antarctica's, through that pole. */
export function unrolledRing(ring: Position[]): Position[] {
  const line = unrolled(ring);
  const first = line[0];
  const last = line.at(-1);
  if (!first || !last || Math.abs(last[0]! - first[0]!) < 180) return line;
  const pole = first[1]! < 0 ? -90 : 90;
  return [...line, [last[0]!, pole], [first[0]!, pole], first];
}

/** The zoom from which a name may show: the larger, the sooner. */
function countryZoom(area: number): number {
  return area > 300 ? 1 : area > 60 ? 2 : area > 12 ? 3 : area > 1 ? 4 : 5.5;
}

function placeZoom(thousands: number, capital: boolean): number {
  if (thousands > 5000 || (capital && thousands > 1500)) return 3.5;
  if (thousands > 2000 || capital) return 4.5;
  if (thousands > 800) return 5.5;
  return thousands > 300 ? 6.5 : 7.5;
}
