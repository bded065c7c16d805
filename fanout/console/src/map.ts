// The map. Everything that changes is collected and handed to MapLibre at most once per frame, and only when it is done
// with the update before: a large fleet is drawn less often, never later and later.

import { AttributionControl, Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import type { GeoJSONFeatureDiff, GeoJSONSource, LngLatBoundsLike } from "maplibre-gl";
import type { Feature, Point } from "geojson";
import { images, markName, markSize, style, themedLayers, themeQuery, type Tiles } from "./basemap.ts";
import type { Fleet, Vehicle } from "./fleet.ts";
import { grid } from "./grid.ts";
import { density } from "./marks.ts";
import { Glide, shortest, type Place } from "./motion.ts";
import { loadWorld, type World } from "./world.ts";

declare const WORKER_URL: string;
declare const WORLD_URL: string;
declare const PLACES_URL: string;

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const pixelLeast = 0.4; // CSS pixels: less is not worth a redraw
const glidingMost = 300; // vehicles at once
const updateLarge = 300; // vehicles
const crowdFrom = 400; // vehicles: from here on their marks are smaller
const pauseMost = 1_500; // ms
const turnLeast = 4; // degrees: nor is less of a turn
const ranks = { stale: 0, parked: 1, moving: 2, alarm: 3 };

/** Looks is how a vehicle is drawn. */
interface Looks extends Place {
  mark: string;
}

export class FleetMap {
  #fleet: Fleet;
  #map: MapLibre;
  #tiles: Tiles | null;
  #glides = new Map<string, Glide>();
  #gliding = new Set<string>();
  #dirty = new Set<string>();
  #drawn = new Map<string, Looks>(); // what the source holds
  #unseen = new Set<string>(); // changed, but nobody can see it where the map is now
  #crowded = false; // the marks are the small ones
  #busy = false;
  #due = false;
  #ready = false;
  #selected = "";
  #follow = false;
  #easing = false; // on its way to the vehicle that show was asked for
  #afterLoad: (() => void)[] = [];

  onSelect: (id: string) => void = () => {};
  onFollowEnd: () => void = () => {};

  /** The constructor throws where the browser has no WebGL. */
  constructor(fleet: Fleet, container: HTMLElement, tiles: Tiles | null) {
    this.#fleet = fleet;
    this.#tiles = tiles;
    setWorkerUrl(WORKER_URL);
    this.#map = new MapLibre({
      container,
      style: style(tiles),
      center: [10, 25],
      zoom: 1.4,
      maxZoom: 19,
      attributionControl: false,
      fadeDuration: 0, // labels would blink as their vehicles move
      dragRotate: false,
      pitchWithRotate: false,
      rollEnabled: false,
    });
    const map = this.#map;
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.addControl(new NavigationControl({ showCompass: false }), "top-left");
    map.addControl(new ScaleControl({ maxWidth: 110 }), "bottom-left");
    map.addControl(new AttributionControl({ compact: true }), "bottom-right");
    map.getCanvas().setAttribute("aria-label", "Map of the fleet");
    const world = loadWorld(WORLD_URL, PLACES_URL);
    map.on("load", () => void this.#loaded(world));
    map.on("click", (click) => {
      const found = this.#pick(click.point.x, click.point.y);
      if (found) this.onSelect(found);
    });
    map.on("mousemove", (move) => {
      map.getCanvas().style.cursor = this.#pick(move.point.x, move.point.y) ? "pointer" : "";
    });
    map.on("moveend", () => this.#source("grid")?.setData(grid(map.getBounds(), map.getZoom())));
    map.on("move", () => {
      if (this.#unseen.size === 0) return;
      for (const id of this.#unseen) this.#dirty.add(id);
      this.#schedule();
    });
    map.on("dragstart", () => {
      if (this.#follow) this.onFollowEnd();
    });
    themeQuery.addEventListener("change", () => this.#theme());
  }

  async #loaded(coming: Promise<World>): Promise<void> {
    for (const [name, image] of Object.entries(images())) this.#map.addImage(name, image, { pixelRatio: density });
    this.#ready = true;
    this.#selectLayer();
    this.#source("grid")?.setData(grid(this.#map.getBounds(), this.#map.getZoom()));
    this.#schedule();
    for (const wish of this.#afterLoad.splice(0)) wish();
    const world = await coming;
    this.#source("land").setData(world.land);
    this.#source("borders").setData(world.borders);
    this.#source("countries").setData(world.countries);
    this.#source("places").setData(world.places);
  }

  #source(id: string): GeoJSONSource {
    return this.#map.getSource(id) as GeoJSONSource;
  }

  #theme(): void {
    for (const layer of themedLayers(this.#tiles)) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        this.#map.setPaintProperty(layer.id, name as never, value as never);
      }
    }
  }

  /** move is called when the vehicle's fix changed, redraw when only its looks did. */
  move(vehicle: Vehicle): void {
    const { fix } = vehicle;
    if (!fix) return;
    const glide = this.#glides.get(vehicle.id);
    const place = { lng: fix.lng, lat: fix.lat, course: fix.course ?? glide?.target.course ?? 0 };
    if (glide) {
      glide.to(place, performance.now(), !reducedMotion.matches && document.visibilityState === "visible");
      this.#gliding.add(vehicle.id);
    } else {
      this.#glides.set(vehicle.id, new Glide(place));
    }
    this.redraw(vehicle);
  }

  redraw(vehicle: Vehicle): void {
    this.#dirty.add(vehicle.id);
    this.#schedule();
  }

  remove(id: string): void {
    this.#glides.delete(id);
    this.#gliding.delete(id);
    this.#dirty.add(id);
    this.#schedule();
  }

  select(id: string): void {
    this.#selected = id;
    this.#selectLayer();
    if (id === "") this.#follow = false;
  }

  #selectLayer(): void {
    if (this.#ready) this.#map.setFilter("selected", ["==", ["get", "id"], this.#selected]);
  }

  /** show brings a vehicle into view, near enough to see where it is. */
  show(id: string): void {
    const place = this.#glides.get(id)?.target;
    if (!place) return;
    this.#map.easeTo({
      center: [place.lng, place.lat],
      zoom: Math.max(this.#map.getZoom(), 11),
      duration: reducedMotion.matches ? 0 : 700,
    });
    this.#easing = this.#map.isMoving();
    void this.#map.once("moveend", () => (this.#easing = false));
  }

  follow(on: boolean): void {
    this.#follow = on;
    if (on) this.show(this.#selected);
  }

  /** fit shows the whole fleet, beside what covers the map on its right. */
  fit(covered = 0): void {
    const bounds = this.#bounds();
    if (!bounds) return;
    const { clientWidth } = this.#map.getContainer();
    const right = covered > 0 && clientWidth > 2 * covered ? covered + 40 : 60;
    const fit = () =>
      this.#map.fitBounds(bounds, {
        padding: { top: 50, bottom: 50, left: 60, right },
        maxZoom: 13,
        duration: reducedMotion.matches ? 0 : 600,
      });
    if (this.#ready) fit();
    else this.#afterLoad.push(fit);
  }

  #bounds(): LngLatBoundsLike | null {
    const places = [...this.#glides.values()].map((glide) => glide.target);
    if (places.length === 0) return null;
    // Longitudes are taken relative to one vehicle, so that a fleet on both sides of the date line stays together.
    const origin = places[0]!.lng;
    let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const { lng, lat } of places) {
      const x = origin + shortest(lng - origin);
      west = Math.min(west, x);
      east = Math.max(east, x);
      south = Math.min(south, lat);
      north = Math.max(north, lat);
    }
    return [west, south, east, north];
  }

  /** trail draws the given lines; none removes it. */
  trail(lines: [number, number][][]): void {
    const draw = () =>
      this.#source("trail").setData({
        type: "Feature",
        properties: {},
        geometry: { type: "MultiLineString", coordinates: lines },
      });
    if (this.#ready) draw();
    else this.#afterLoad.push(draw);
  }

  #pick(x: number, y: number): string {
    if (!this.#ready) return "";
    const reach = matchMedia("(pointer: coarse)").matches ? 18 : 8;
    const box: [[number, number], [number, number]] = [
      [x - reach, y - reach],
      [x + reach, y + reach],
    ];
    const found = this.#map.queryRenderedFeatures(box, { layers: ["fleet"] });
    let [best, nearest] = ["", Infinity];
    for (const feature of found) {
      const id = String(feature.properties.id);
      const place = this.#glides.get(id)?.at(performance.now());
      if (!place) continue;
      const at = this.#map.project([place.lng, place.lat]);
      const far = (at.x - x) ** 2 + (at.y - y) ** 2;
      if (far < nearest) [best, nearest] = [id, far];
    }
    return best;
  }

  #schedule(): void {
    if (this.#due || this.#busy || !this.#ready) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      void this.#frame();
    });
  }

  async #frame(): Promise<void> {
    const at = performance.now();
    const view = this.#view();
    const crowd = this.#gliding.size > glidingMost;
    for (const id of this.#gliding) {
      const glide = this.#glides.get(id)!;
      // What nobody can see moving need not move smoothly, and a crowd would take all the time there is.
      if (glide.moving(at) && (crowd || !view.apart(glide.at(at), glide.target))) glide.finish();
      if (!glide.moving(at)) this.#gliding.delete(id);
      this.#dirty.add(id);
    }
    if (this.#follow && this.#selected && !this.#easing) {
      const place = this.#glides.get(this.#selected)?.at(at);
      if (place) this.#map.setCenter([place.lng, place.lat]);
    }
    const diff = this.#diff(at, view);
    if (this.#drawn.size > crowdFrom !== this.#crowded) {
      this.#crowded = !this.#crowded;
      this.#map.setLayoutProperty("fleet", "icon-size", markSize(this.#crowded));
      this.#map.setLayoutProperty("fleet", "text-field", markName(this.#crowded));
    }
    this.#dirty.clear();
    if (diff.add.length + diff.update.length + diff.remove.length > 0) {
      this.#busy = true;
      try {
        await this.#source("fleet").updateData(diff);
        // A large update is drawn to its end, and is followed by a rest as long: in it the page can answer its visitor.
        if (diff.add.length + diff.update.length > updateLarge) await this.#settled();
        const took = performance.now() - at;
        if (took > 40) await pause(Math.min(took, pauseMost));
      } finally {
        this.#busy = false;
      }
    }
    if (this.#dirty.size > 0 || this.#gliding.size > 0) this.#schedule();
  }

  /** settled waits until the map has drawn what it was given, for a while. */
  #settled(): Promise<void> {
    return new Promise((settled) => {
      const end = setTimeout(settled, pauseMost);
      void this.#map.once("idle", () => {
        clearTimeout(end);
        settled();
      });
    });
  }

  #diff(at: number, view: View): { add: Feature<Point>[]; update: GeoJSONFeatureDiff[]; remove: string[] } {
    const add: Feature<Point>[] = [];
    const update: GeoJSONFeatureDiff[] = [];
    const remove: string[] = [];
    for (const id of this.#dirty) {
      const vehicle = this.#fleet.vehicles.get(id);
      const glide = this.#glides.get(id);
      this.#unseen.delete(id);
      if (!vehicle || !glide) {
        if (this.#drawn.delete(id)) remove.push(id);
        continue;
      }
      const looks = looksOf(vehicle, glide, at);
      const before = this.#drawn.get(id);
      if (before && before.mark === looks.mark && !view.differ(before, looks)) {
        this.#unseen.add(id);
        continue;
      }
      this.#drawn.set(id, looks);
      const drawn = feature(vehicle, looks);
      if (!before) {
        add.push(drawn);
        continue;
      }
      update.push({
        id,
        newGeometry: drawn.geometry,
        addOrUpdateProperties: Object.entries(drawn.properties!).map(([key, value]) => ({ key, value })),
      });
    }
    return { add, update, remove };
  }

  #view(): View {
    const bounds = this.#map.getBounds();
    const pixels = (512 * 2 ** this.#map.getZoom()) / 360; // per degree of longitude
    const margin = 40 / pixels;
    const [west, south, east, north] = [
      bounds.getWest() - margin,
      bounds.getSouth() - margin,
      bounds.getEast() + margin,
      bounds.getNorth() + margin,
    ];
    const inside = ({ lng, lat }: Place): boolean => {
      if (lat < south || lat > north) return false;
      const x = west + ((((lng - west) % 360) + 360) % 360);
      return x <= east;
    };
    const apart = (a: Place, b: Place): boolean => {
      if (!inside(a) && !inside(b)) return false;
      const stretch = Math.max(0.05, Math.cos((b.lat * Math.PI) / 180));
      const x = Math.abs(shortest(b.lng - a.lng)) * pixels;
      const y = (Math.abs(b.lat - a.lat) * pixels) / stretch;
      return x > pixelLeast || y > pixelLeast;
    };
    return {
      apart,
      differ: (a, b) => apart(a, b) || (Math.abs(shortest(b.course - a.course)) > turnLeast && inside(b)),
    };
  }
}

/** View judges what the visitor can see of a change where the map is now. */
interface View {
  apart(a: Place, b: Place): boolean;
  differ(a: Place, b: Place): boolean;
}

function pause(ms: number): Promise<void> {
  return new Promise((over) => setTimeout(over, ms));
}

function looksOf(vehicle: Vehicle, glide: Glide, at: number): Looks {
  const { lng, lat, course } = glide.at(at);
  const pointing = vehicle.fix?.course !== undefined;
  return { lng, lat, course: pointing ? course : 0, mark: pointing ? `${vehicle.state}-arrow` : vehicle.state };
}

function feature(vehicle: Vehicle, { lng, lat, course, mark }: Looks): Feature<Point> {
  return {
    type: "Feature",
    geometry: { type: "Point", coordinates: [lng, lat] },
    properties: { id: vehicle.id, mark, course, rank: ranks[vehicle.state] },
  };
}
