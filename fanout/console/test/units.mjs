// Tests of the page's parts that need no browser: node test/units.mjs

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import test from "node:test";
import { build } from "esbuild";

async function load(...names) {
  const bundle = await build({
    stdin: {
      contents: names.map((name) => `export * from "./${name}.ts";`).join("\n"),
      resolveDir: fileURLToPath(new URL("../src", import.meta.url)),
    },
    bundle: true,
    write: false,
    format: "esm",
  });
  return import(`data:text/javascript;base64,${Buffer.from(bundle.outputFiles[0].contents).toString("base64")}`);
}

const { Glide, shortest, metres, describe, words, heading, distance, duration, parseEvent, hasFix, Fleet, grid, cleanToken, alarmName, unrolled, unrolledRing } =
  await load("motion", "names", "event", "fleet", "grid", "session", "world");

const iso = (ago) => new Date(Date.now() - ago).toISOString();

test("a marker glides to its fix, never beyond, and as long as the fixes are apart", () => {
  const glide = new Glide({ lng: 8, lat: 47, course: 350 });
  glide.to({ lng: 8.001, lat: 47, course: 350 }, 1000, true); // the first interval is unknown: at once
  assert.equal(glide.at(1000).lng, 8.001);
  glide.to({ lng: 8.002, lat: 47, course: 10 }, 2000, true);
  assert.ok(Math.abs(glide.at(2500).lng - 8.0015) < 1e-9);
  assert.equal(glide.at(2500).course, 370); // through north, not all the way round
  assert.ok(glide.moving(2999) && !glide.moving(3000));
  assert.equal(glide.at(60_000).lng, 8.002);
  glide.to({ lng: 9, lat: 48, course: 0 }, 61_000, true); // too far for a drive
  assert.equal(glide.at(61_000).lng, 9);
});

test("the date line is no way round the world", () => {
  const glide = new Glide({ lng: 179.999, lat: 0, course: 90 });
  glide.to({ lng: 179.9995, lat: 0, course: 90 }, 1000, true);
  glide.to({ lng: -179.9995, lat: 0, course: 90 }, 2000, true);
  assert.ok(Math.abs(glide.at(2500).lng) > 179.9);
  assert.equal(shortest(-350), 10);
  assert.equal(shortest(180), 180);
  assert.ok(Math.abs(metres({ lng: 179.5, lat: 0 }, { lng: -179.5, lat: 0 }) - 111_195) < 5);
});

test("attributes read well, known or not", () => {
  const f = (name, value, title, text) => assert.deepEqual(describe(name, value), [title, text]);
  f("power_v", 12.345, "Supply", "12.35\u202fV");
  f("odometer_m", 1_234_560, "Odometer", `${(1234.6).toLocaleString()} km`);
  f("hours_s", 7_260, "Engine hours", "2 h 1 min");
  f("temp1_c", -4.25, "Temperature 1", "-4.3\u202f°C");
  f("ignition", false, "Ignition", "Off");
  f("in2", true, "Input 2", "On");
  f("in_service", true, "In service", "Yes");
  f("motion", true, "In motion", "Yes");
  f("rssi", 21, "Signal (as sent)", "21");
  f("io_66", 3, "IO 66", "3");
  f("io_9_v", 3, "IO 9 v", "3"); // an element without a name has no unit either
  f("driver_id", "<b>x</b>", "Driver", "<b>x</b>");
  f("dtc_codes", ["P0101", "P0300"], "DTC codes", "P0101, P0300");
  f("__proto__", 1, "Proto", "1");
  f("x_constructor", 1, "X constructor", "1");
  f("", 1, "", "1");
  assert.match(describe("cells", [{ mcc: 228, cid: 7 }])[1], /"mcc": 228/);
  assert.equal(words("gsm_signal"), "GSM signal");
  assert.equal(alarmName("geofence_enter"), "Geofence enter");
  assert.equal(heading(359.8), "360° N");
  assert.equal(distance(999.4), "999 m");
  assert.equal(duration(59), "59 s");
});

test("an event is taken as far as its types are right", () => {
  assert.equal(parseEvent(null), null);
  assert.equal(parseEvent({ vehicle: 7 }), null);
  const event = parseEvent({ vehicle: "v", lat: "47", lng: 8, speed: NaN, attrs: [1], time: 5 });
  assert.deepEqual(event, { vehicle: "v", lng: 8 });
  assert.equal(hasFix({ vehicle: "v", lat: 91, lng: 8 }), false);
  assert.equal(hasFix({ vehicle: "v", lat: 0, lng: 0, valid: false }), false);
  assert.equal(hasFix({ vehicle: "v", lat: 0, lng: 0 }), true);
});

test("a fleet moves by newer live fixes only, and grows stale", () => {
  const fleet = new Fleet();
  const at = (ago, more) => ({ vehicle: "v", lat: 1, lng: 1, time: iso(ago), received: iso(ago), speed: 30, ...more });
  assert.equal(fleet.position(at(10_000)).moved, true);
  assert.equal(fleet.position(at(20_000, { lat: 2 })).moved, false);
  assert.equal(fleet.position(at(5_000, { lat: 2, late: true })).moved, false);
  assert.equal(fleet.position(at(5_000, { lat: 2, valid: false })).moved, false);
  fleet.event(at(1_000, { lat: 3, attrs: { battery_v: 4 } }));
  const vehicle = fleet.vehicles.get("v");
  assert.equal(vehicle.fix.lat, 1);
  assert.equal(vehicle.attrs.get("battery_v"), 4);
  assert.equal(vehicle.state, "moving");
  fleet.position(at(0, { speed: 1 }));
  assert.equal(vehicle.state, "parked");
  fleet.alarm({ vehicle: "v", alarm: "sos", time: iso(0) });
  assert.equal(vehicle.state, "alarm");
  fleet.dismiss("v");
  assert.equal(vehicle.state, "parked");
  vehicle.heard -= 6 * 60_000;
  assert.deepEqual(fleet.refresh(), [vehicle]);
  assert.equal(vehicle.state, "stale");
});

test("the grid is of round degrees and bounded at any zoom", () => {
  const bounds = (west, south, east, north) => ({ getWest: () => west, getSouth: () => south, getEast: () => east, getNorth: () => north });
  for (let zoom = 0; zoom <= 19; zoom++) {
    const half = (1280 / (512 * 2 ** zoom)) * 180;
    const lines = grid(bounds(8 - half, 47 - Math.min(30, half / 2), 8 + half, 47 + Math.min(30, half / 2)), zoom).geometry.coordinates;
    assert.ok(lines.length < 80, `zoom ${zoom}: ${lines.length} lines`);
  }
});

test("outlines cross the date line without a way round the world", () => {
  assert.deepEqual(unrolled([[179, 1], [-179, 2], [-178, 3], [179, 4]]), [[179, 1], [181, 2], [182, 3], [179, 4]]);
  const fiji = [[179, -16], [-179, -16], [-179, -17], [179, -16]];
  assert.deepEqual(unrolledRing(fiji), [[179, -16], [181, -16], [181, -17], [179, -16]]);
  const antarctica = [[-170, -80], [-60, -75], [60, -70], [170, -80], [-170, -80]];
  assert.deepEqual(unrolledRing(antarctica).slice(-4), [[190, -80], [190, -90], [-170, -90], [-170, -80]]);
});

test("a pasted token may have what copying brings along", () => {
  assert.equal(cleanToken(' Bearer abc.\n  def.ghi\n'), "abc.def.ghi");
  assert.equal(cleanToken('"abc.def.ghi"'), "abc.def.ghi");
});
