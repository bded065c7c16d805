// Builds dist from src: `node build.mjs [folder]`. The result depends on src and the locked packages alone, so that
// check-fresh.sh can compare it byte by byte.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { places } from "./places.mjs";
import { world } from "./world.mjs";

const require = createRequire(import.meta.url);
const here = fileURLToPath(new URL(".", import.meta.url));
const out = process.argv[2] ?? `${here}dist`;

rmSync(out, { recursive: true, force: true });
mkdirSync(`${out}/assets`, { recursive: true });

/** emit writes an asset under a name that changes with its content, so that browsers may keep it for ever. */
function emit(name, extension, content) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const file = `${name}-${hash}.${extension}`;
  writeFileSync(`${out}/assets/${file}`, content);
  return `/assets/${file}`;
}

const vendor = (file) => readFileSync(require.resolve(`maplibre-gl/dist/${file}`), "utf8");
const withoutMap = (code) => code.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");

// MapLibre as its makers built it, byte for byte but for the pointer to a source map that is not shipped.
const maplibre = emit("maplibre-gl", "mjs", withoutMap(vendor("maplibre-gl.mjs")));
const worker = emit("maplibre-gl-worker", "mjs", withoutMap(vendor("maplibre-gl-worker.mjs")));
const worldFile = emit("world", "json", JSON.stringify(world()));
const placesFile = emit("places", "json", JSON.stringify(places()));
const icon = emit("icon", "svg", readFileSync(`${here}src/icon.svg`));

const common = { bundle: true, write: false, minify: true, target: "es2022", logLevel: "warning", charset: "utf8" };
const script = await esbuild.build({
  ...common,
  entryPoints: [`${here}src/main.ts`],
  format: "esm",
  define: {
    WORKER_URL: JSON.stringify(worker),
    WORLD_URL: JSON.stringify(worldFile),
    PLACES_URL: JSON.stringify(placesFile),
  },
  plugins: [
    {
      name: "maplibre-as-shipped",
      setup(build) {
        build.onResolve({ filter: /^maplibre-gl$/ }, () => ({ path: maplibre, external: true }));
      },
    },
  ],
});
const decode = await esbuild.build({ ...common, entryPoints: [`${here}src/decode.ts`], format: "esm" });
const decodeStyle = await esbuild.build({ ...common, entryPoints: [`${here}src/decode.css`] });
const style = await esbuild.build({ ...common, entryPoints: [`${here}src/style.css`], loader: { ".svg": "dataurl" } });

const page = readFileSync(`${here}src/index.html`, "utf8")
  .replaceAll("%SCRIPT%", emit("console", "js", script.outputFiles[0].contents))
  .replaceAll("%STYLE%", emit("console", "css", style.outputFiles[0].contents))
  .replaceAll("%MAPLIBRE%", maplibre)
  .replaceAll("%ICON%", icon);
writeFileSync(`${out}/index.html`, page);
const decodePage = readFileSync(`${here}src/decode.html`, "utf8")
  .replaceAll("%DECODE_SCRIPT%", emit("decode", "js", decode.outputFiles[0].contents))
  .replaceAll("%DECODE_STYLE%", emit("decode", "css", decodeStyle.outputFiles[0].contents))
  .replaceAll("%ICON%", icon);
writeFileSync(`${out}/decode.html`, decodePage);
