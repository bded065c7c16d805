// The map. Everything that changes is collected and handed to MapLibre at most once per frame, and only when it is done
// with the update before: a large fleet is drawn less often, never later and later.

import { AttributionControl, Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import type { GeoJSONFeatureDiff, GeoJSONSource, LngLatBoundsLike } from "maplibre-gl";
import type { Feature, Point } from "geojson";
import { images, style, themedLayers, themeQuery, type Tiles } from "./basemap.ts";
import type { Fleet, Vehicle } from "./fleet.ts";
import { density } from "./marks.ts";
import { Glide, shortest } from "./motion.ts";
import { loadWorld, type World } from "./world.ts";

declare const WORKER_URL: string;
declare const WORLD_URL: string;
declare const PLACES_URL: string;

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const ranks = { stale: 0, parked: 1, moving: 2, alarm: 3 };

export class FleetMap {
  #fleet: Fleet;
  #map: MapLibre;
  #tiles: Tiles | null;
  #glides = new Map<string, Glide>();
  #gliding = new Set<string>();
  #dirty = new Set<string>();
  #drawn = new Set<string>(); // what the source holds
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
    map.on("dragstart", () => {
      if (this.#follow) this.onFollowEnd();
    });
    themeQuery.addEventListener("change", () => this.#theme());
  }

  async #loaded(coming: Promise<World>): Promise<void> {
    for (const [name, image] of Object.entries(images())) this.#map.addImage(name, image, { pixelRatio: density });
    this.#ready = true;
    this.#selectLayer();
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

  /** fit shows the whole fleet. */
  fit(): void {
    const bounds = this.#bounds();
    if (!bounds) return;
    const fit = () =>
      this.#map.fitBounds(bounds, {
        padding: { top: 50, bottom: 50, left: 60, right: 60 },
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
    const view = this.#map.getBounds();
    for (const id of this.#gliding) {
      const glide = this.#glides.get(id)!;
      // What nobody can see moving need not move smoothly.
      if (!this.#seen(glide, view)) glide.finish();
      if (!glide.moving(at)) this.#gliding.delete(id);
      this.#dirty.add(id);
    }
    if (this.#dirty.size === 0) return;
    const add: Feature<Point>[] = [];
    const update: GeoJSONFeatureDiff[] = [];
    const remove: string[] = [];
    for (const id of this.#dirty) {
      const vehicle = this.#fleet.vehicles.get(id);
      const glide = this.#glides.get(id);
      if (!vehicle || !glide) {
        if (this.#drawn.delete(id)) remove.push(id);
        continue;
      }
      const feature = this.#feature(vehicle, glide, at);
      if (this.#drawn.has(id)) {
        update.push({
          id,
          newGeometry: feature.geometry,
          addOrUpdateProperties: Object.entries(feature.properties!).map(([key, value]) => ({ key, value })),
        });
      } else {
        this.#drawn.add(id);
        add.push(feature);
      }
    }
    this.#dirty.clear();
    if (this.#follow && this.#selected) {
      const place = this.#glides.get(this.#selected)?.at(at);
      if (place && !this.#easing) this.#map.setCenter([place.lng, place.lat]);
    }
    this.#busy = true;
    try {
      await this.#source("fleet").updateData({ add, update, remove });
    } finally {
      this.#busy = false;
      if (this.#dirty.size > 0 || this.#gliding.size > 0) this.#schedule();
    }
  }

  /** seen says whether the way still to go is in view and longer than a pixel. */
  #seen(glide: Glide, view: ReturnType<MapLibre["getBounds"]>): boolean {
    const here = glide.at(performance.now());
    const there = glide.target;
    if (!view.contains([here.lng, here.lat]) && !view.contains([there.lng, there.lat])) return false;
    const a = this.#map.project([here.lng, here.lat]);
    const b = this.#map.project([there.lng, there.lat]);
    return Math.abs(a.x - b.x) > 0.5 || Math.abs(a.y - b.y) > 0.5;
  }

  #feature(vehicle: Vehicle, glide: Glide, at: number): Feature<Point> {
    const place = glide.at(at);
    const pointing = vehicle.fix?.course !== undefined;
    return {
      type: "Feature",
      geometry: { type: "Point", coordinates: [place.lng, place.lat] },
      properties: {
        id: vehicle.id,
        mark: pointing ? `${vehicle.state}-arrow` : vehicle.state,
        course: pointing ? place.course : 0,
        rank: ranks[vehicle.state],
      },
    };
  }
}
