// The map's style: what comes with the page, the operator's tiles above it if there are any, the fleet on top.

import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import { mark } from "./marks.ts";

export interface Tiles {
  url: string;
  attribution: string;
}

interface Theme {
  sea: string;
  land: string;
  coast: string;
  border: string;
  grid: string;
  country: string;
  place: string;
  halo: string;
  label: string;
  labelHalo: string;
  trail: string;
  trailCase: string;
  select: string;
}

const light: Theme = {
  sea: "#cfdde8",
  land: "#f5f4ef",
  coast: "#b3c4d1",
  border: "#cdc8ba",
  grid: "rgba(40, 70, 100, 0.08)",
  country: "#8d8878",
  place: "#5f6570",
  halo: "#f5f4ef",
  label: "#17202b",
  labelHalo: "#ffffff",
  trail: "#1769d6",
  trailCase: "#ffffff",
  select: "#1769d6",
};

const dark: Theme = {
  sea: "#10161d",
  land: "#1d252e",
  coast: "#33404d",
  border: "#3a4653",
  grid: "rgba(170, 200, 230, 0.07)",
  country: "#6f7c8a",
  place: "#95a1ae",
  halo: "#1d252e",
  label: "#f0f4f8",
  labelHalo: "#0c1116",
  trail: "#5aa5ff",
  trailCase: "#0c1116",
  select: "#5aa5ff",
};

export const themeQuery = matchMedia("(prefers-color-scheme: dark)");

const font = ["Noto Sans Medium", "sans-serif"]; // drawn from the visitor's own fonts: the style has no glyph server
const fontBold = ["Noto Sans Semibold", "sans-serif"];
const empty = { type: "FeatureCollection" as const, features: [] };

export function style(tiles: Tiles | null): StyleSpecification {
  const made: StyleSpecification = {
    version: 8,
    sources: {
      land: { type: "geojson", data: empty, tolerance: 0.2, attribution: "Natural Earth" },
      borders: { type: "geojson", data: empty, tolerance: 0.2 },
      countries: { type: "geojson", data: empty },
      places: { type: "geojson", data: empty, attribution: "GeoNames (CC BY 4.0)" },
      grid: { type: "geojson", data: empty, tolerance: 0 },
      trail: { type: "geojson", data: empty, tolerance: 0.3, maxzoom: 17 },
      fleet: { type: "geojson", data: empty, promoteId: "id", tolerance: 0, buffer: 64, maxzoom: 17 },
    },
    layers: layers(themeQuery.matches ? dark : light, tiles !== null),
  };
  if (tiles) {
    made.sources.tiles = {
      type: "raster",
      tiles: [tiles.url],
      tileSize: 256,
      maxzoom: 19,
      attribution: tiles.attribution,
    };
  }
  return made;
}

/** themedLayers gives the layers again in the colours that the visitor's system asks for now. */
export function themedLayers(tiles: Tiles | null): LayerSpecification[] {
  return layers(themeQuery.matches ? dark : light, tiles !== null);
}

function layers(theme: Theme, tiles: boolean): LayerSpecification[] {
  const shown: LayerSpecification[] = [
    { id: "sea", type: "background", paint: { "background-color": theme.sea } },
    { id: "land", type: "fill", source: "land", paint: { "fill-color": theme.land } },
    { id: "coast", type: "line", source: "land", paint: { "line-color": theme.coast, "line-width": 0.8 } },
    {
      id: "borders",
      type: "line",
      source: "borders",
      paint: { "line-color": theme.border, "line-width": ["interpolate", ["linear"], ["zoom"], 1, 0.5, 8, 1.4] },
    },
  ];
  if (tiles) {
    const dim = theme === dark;
    shown.push({
      id: "tiles",
      type: "raster",
      source: "tiles",
      paint: {
        "raster-brightness-max": dim ? 0.55 : 1,
        "raster-saturation": dim ? -0.5 : -0.15,
        "raster-fade-duration": 150,
      },
    });
  } else {
    shown.push({ id: "grid", type: "line", source: "grid", paint: { "line-color": theme.grid, "line-width": 1 } });
    shown.push(...names(theme));
  }
  shown.push(...trail(theme), ...fleet(theme));
  return shown;
}

function names(theme: Theme): LayerSpecification[] {
  return [
    {
      id: "places",
      type: "symbol",
      source: "places",
      minzoom: 3.5,
      filter: [">=", ["zoom"], ["get", "rank"]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": font,
        "text-size": ["interpolate", ["linear"], ["zoom"], 4, 10, 12, ["case", [">", ["get", "thousands"], 800], 18, 14]],
        "text-variable-anchor": ["left", "right", "top", "bottom"],
        "text-radial-offset": 0.5,
        "text-justify": "auto",
        "icon-image": ["case", ["get", "capital"], "capital", "town"],
        "icon-optional": false,
        "symbol-sort-key": ["-", 0, ["get", "thousands"]],
      },
      paint: { "text-color": theme.place, "text-halo-color": theme.halo, "text-halo-width": 1.4 },
    },
    {
      id: "countries",
      type: "symbol",
      source: "countries",
      maxzoom: 7.5,
      filter: [">=", ["zoom"], ["get", "rank"]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": font,
        "text-size": ["interpolate", ["linear"], ["zoom"], 1, 10, 6, 15],
        "text-letter-spacing": 0.08,
        "text-max-width": 7,
        "symbol-sort-key": ["get", "rank"],
      },
      paint: { "text-color": theme.country, "text-halo-color": theme.halo, "text-halo-width": 1.4 },
    },
  ];
}

function trail(theme: Theme): LayerSpecification[] {
  const line = { "line-cap": "round", "line-join": "round" } as const;
  return [
    {
      id: "trail-case",
      type: "line",
      source: "trail",
      layout: line,
      paint: { "line-color": theme.trailCase, "line-width": 7, "line-opacity": 0.75 },
    },
    {
      id: "trail",
      type: "line",
      source: "trail",
      layout: line,
      paint: { "line-color": theme.trail, "line-width": 3.5, "line-opacity": 0.9 },
    },
  ];
}

function fleet(theme: Theme): LayerSpecification[] {
  return [
    {
      id: "selected",
      type: "circle",
      source: "fleet",
      filter: ["==", ["get", "id"], ""],
      paint: {
        "circle-radius": 20,
        "circle-color": theme.select,
        "circle-opacity": 0.18,
        "circle-stroke-color": theme.select,
        "circle-stroke-width": 2,
      },
    },
    {
      id: "fleet",
      type: "symbol",
      source: "fleet",
      layout: {
        "icon-image": ["get", "mark"],
        "icon-rotate": ["get", "course"],
        "icon-rotation-alignment": "map",
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
        "icon-size": markSize(false),
        "text-field": markName(false),
        "text-font": fontBold,
        "text-size": 12,
        "text-anchor": "top",
        "text-offset": [0, 1.75],
        "text-optional": true,
        "text-max-width": 20,
        "symbol-sort-key": ["get", "rank"],
      },
      paint: { "text-color": theme.label, "text-halo-color": theme.labelHalo, "text-halo-width": 1.6 },
    },
  ];
}

/** markSize is smaller for a crowd, which would else cover the map that it stands on. */
export function markSize(crowd: boolean): ExpressionSpecification {
  return crowd
    ? ["interpolate", ["linear"], ["zoom"], 1, 0.22, 6, 0.35, 11, 0.85, 13, 1]
    : ["interpolate", ["linear"], ["zoom"], 1, 0.55, 6, 0.75, 11, 1];
}

/** markName likewise leaves a crowd's names out until there is room for them. */
export function markName(crowd: boolean): ExpressionSpecification {
  return ["step", ["zoom"], "", crowd ? 10 : 5, ["get", "id"]];
}

/** images are the marks that the layers above name. */
export function images(): Record<string, ImageData> {
  return {
    "moving-arrow": mark("moving", true),
    moving: mark("moving", false),
    "parked-arrow": mark("parked", true),
    parked: mark("parked", false),
    "stale-arrow": mark("stale", true),
    stale: mark("stale", false),
    "alarm-arrow": mark("alarm", true),
    alarm: mark("alarm", false),
    town: mark("town", false),
    capital: mark("capital", false),
  };
}
