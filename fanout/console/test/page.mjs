// The page's own test, run by page_test.go against its small gateway: node page.mjs URL [folder for screenshots].
// The gateway does what is posted to /test/...: send a message to every socket, drop them, expire them.

import assert from "node:assert/strict";
import { launch, open, until } from "./browser.mjs";

const [origin, pictures] = process.argv.slice(2);

async function tell(what, body) {
  const answer = await fetch(`${origin}/test/${what}`, { method: "POST", body: JSON.stringify(body ?? null) });
  if (!answer.ok) throw new Error(`${what}: ${answer.status} ${await answer.text()}`);
  return answer.headers.get("Content-Type")?.includes("json") ? answer.json() : undefined;
}

let sequence = 0;
const fix = (vehicle, lat, lng, more = {}) => ({
  type: "location:update",
  id: `e${++sequence}`,
  seq: `1700000000000-${String(sequence).padStart(10, "0")}`,
  vehicle,
  device: "860000000000017",
  protocol: "teltonika",
  kind: "position",
  time: new Date().toISOString(),
  received: new Date().toISOString(),
  lat,
  lng,
  speed: 42,
  course: 60,
  valid: true,
  ...more,
});

const browser = await launch();
const step = async (name, run) => {
  try {
    await run();
    console.log(`ok   ${name}`);
  } catch (error) {
    console.log(`FAIL ${name}: ${error.stack}`);
    for (const open of browser.contexts().flatMap((context) => context.pages())) await picture(open, "failed");
    process.exitCode = 1;
    throw error;
  }
};
const picture = async (page, name) => {
  if (!pictures) return;
  await page.waitForTimeout(1200);
  await page.screenshot({ path: `${pictures}/${name}.png` });
};

try {
  const { page, faults } = await open(browser, `${origin}/#ticket=one-time`);
  const vehicles = () => page.evaluate(() => window.trackgate.vehicles());
  const vehicle = async (id) => (await vehicles()).find((known) => known.vehicle === id);
  const state = () => page.getByTestId("connection").getAttribute("data-state");
  const row = (id) => page.locator(`[data-testid="vehicle-row"][data-vehicle="${id}"]`);
  const drawnAt = (id) =>
    page.evaluate((id) => document.querySelector(`[data-vehicle="${id}"]`)?.textContent, id);

  await step("the ticket becomes a token, kept in this tab only", async () => {
    await until("live", async () => (await state()) === "live");
    assert.equal(await page.evaluate(() => location.href), `${origin}/`);
    const kept = await page.evaluate(() => [sessionStorage.length, localStorage.length, document.cookie]);
    assert.deepEqual(kept, [1, 0, ""]);
  });

  await step("an empty fleet says how to connect a device", async () => {
    await page.getByTestId("empty").waitFor();
    await page.getByText("make demo").waitFor();
    await picture(page, "empty");
  });

  await step("a vehicle appears", async () => {
    await tell("send", fix("truck-1", 47.3769, 8.5417, { attrs: { ignition: true, power_v: 27.41, odometer_m: 184_223_400, rssi: 21, io_1148: 7, driver_id: "<b>no html</b>" }, sats: 11, alt: 408 }));
    await row("truck-1").waitFor();
    await page.getByTestId("empty").waitFor({ state: "hidden" });
    const { lat, lng } = await vehicle("truck-1");
    assert.deepEqual([lat, lng], [47.3769, 8.5417]);
  });

  await step("it moves", async () => {
    await tell("send", [fix("truck-1", 47.378, 8.545), fix("truck-1", 47.379, 8.548)]);
    await until("moved", async () => (await vehicle("truck-1")).lat === 47.379);
    assert.match(await drawnAt("truck-1"), /moving/);
  });

  await step("what is late, invalid, old or without a fix never moves it", async () => {
    const old = new Date(Date.now() - 3_600_000).toISOString();
    await tell("send", fix("truck-1", 1, 1, { late: true, time: old }));
    await tell("send", fix("truck-1", 2, 2, { valid: false }));
    await tell("send", fix("truck-1", 3, 3, { time: old }));
    await tell("send", { ...fix("truck-1", 4, 4), type: "event" });
    await tell("send", { ...fix("truck-1"), type: "event", kind: "status", attrs: { battery_v: 4.02 } });
    await tell("send", fix("marker", 50, 10)); // the messages before it have arrived when it has
    await row("marker").waitFor();
    assert.equal((await vehicle("truck-1")).lat, 47.379);
  });

  await step("details show every field and attribute, as text", async () => {
    await row("truck-1").click();
    const panel = page.getByTestId("details");
    for (const text of ["47.379000, 8.548000", "42 km/h", "60° NE", "860000000000017", "Teltonika", "Supply", "27.41", "184,223.4 km", "Signal (as sent)", "4.02", "IO 1148", "<b>no html</b>"]) {
      await panel.getByText(text, { exact: false }).first().waitFor({ timeout: 5000 });
    }
    assert.equal(await panel.locator("b").count(), 0);
  });

  await step("today's trail follows the cursor and grows live", async () => {
    const summary = page.getByTestId("trail-summary");
    // 40 from the history's two pages; the live ones carry today's time, too, and were not stored by this gateway.
    const fixes = async () => Number((await summary.locator("div", { hasText: "Fixes" }).locator("dd").textContent()) ?? 0);
    await until("history", async () => (await fixes()) >= 40);
    const before = await fixes();
    await tell("send", fix("truck-1", 47.381, 8.552));
    await until("growth", async () => (await fixes()) === before + 1);
    assert.deepEqual((await tell("asked")).cursors, ["", "second"]);
    await picture(page, "details");
  });

  await step("search and filters narrow the list", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("MARK");
    await row("truck-1").waitFor({ state: "hidden" });
    await row("marker").waitFor();
    await page.keyboard.press("Escape");
    await row("truck-1").waitFor();
    await page.locator("#filters [data-filter=alarm]").click();
    await row("truck-1").waitFor({ state: "hidden" });
    await page.locator("#filters [data-filter=all]").click();
    await row("truck-1").waitFor();
  });

  await step("an alarm is told once, listed and dismissed", async () => {
    const alarm = { ...fix("truck-1"), type: "event", kind: "alarm", alarm: "power_cut", valid: undefined };
    await tell("send", alarm);
    await tell("send", alarm);
    await page.getByTestId("alarm-note").waitFor();
    assert.equal(await page.getByTestId("alarm-note").count(), 1);
    assert.equal((await vehicle("truck-1")).state, "alarm");
    await picture(page, "alarm");
    await page.getByTestId("bell").click();
    assert.equal(await page.locator("#alarm-list li").count(), 1);
    await page.locator("#alarm-list button").click();
    await page.getByRole("button", { name: "Dismiss" }).click();
    assert.equal((await vehicle("truck-1")).state, "moving");
  });

  await step("it connects again after the server dropped it, and catches up", async () => {
    await tell("drop");
    await until("not live", async () => (await state()) !== "live");
    await tell("last", [fix("truck-1", 47.39, 8.56)]); // what the store knows meanwhile
    await until("live again", async () => (await state()) === "live", 15_000);
    await until("caught up", async () => (await vehicle("truck-1")).lat === 47.39);
    await tell("send", fix("truck-1", 47.391, 8.561));
    await until("moves again", async () => (await vehicle("truck-1")).lat === 47.391);
  });

  await step("the list is worked by keyboard", async () => {
    await page.keyboard.press("Escape");
    await page.getByTestId("details").waitFor({ state: "hidden" });
    await page.getByTestId("list").focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    await page.getByTestId("details").getByRole("heading", { name: "marker" }).waitFor();
  });

  await step("a click on the map picks the vehicle there", async () => {
    // Without motion, selecting a vehicle puts it into the middle of the map at once; a click would end a flight.
    await page.emulateMedia({ reducedMotion: "reduce" });
    await row("truck-1").click();
    await row("marker").click();
    const box = await page.getByTestId("map").boundingBox();
    await page.locator("#details-close").click();
    await page.getByTestId("details").waitFor({ state: "hidden" });
    await until("picked", async () => {
      await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
      return page.getByTestId("details").isVisible();
    });
    await page.getByTestId("details").getByRole("heading", { name: "marker" }).waitFor();
    await page.emulateMedia({ reducedMotion: "no-preference" });
  });

  await step("5,000 vehicles stay smooth and few rows exist", async () => {
    const many = [];
    for (let i = 0; i < 5000; i++) {
      const angle = i * 2.399963;
      const far = Math.sqrt(i) / 12;
      many.push(fix(`van-${i}`, 48 + far * Math.cos(angle), 9 + 1.5 * far * Math.sin(angle), { speed: i % 3 ? 50 : 0, course: i % 360, ...(i % 7 ? {} : { received: "2024-01-01T00:00:00Z", time: "2024-01-01T00:00:00Z" }) }));
    }
    for (let i = 0; i < many.length; i += 500) await tell("send", many.slice(i, i + 500));
    await until("all there", async () => (await vehicles()).length === 5002);
    await page.locator("#fit").click();
    await page.waitForTimeout(2500);
    const rows = await page.getByTestId("vehicle-row").count();
    assert.ok(rows < 40, `${rows} rows`);
    await picture(page, "fleet");
    // Ten updates of 500 within two seconds, and the frames counted: the page must still answer its visitor.
    const frames = page.evaluate(
      () =>
        new Promise((done) => {
          const start = performance.now();
          let [count, longest, before] = [0, 0, start];
          const tick = (at) => {
            count++;
            longest = Math.max(longest, at - before);
            before = at;
            if (at - start < 2500) requestAnimationFrame(tick);
            else done({ perSecond: (count / (at - start)) * 1000, longest });
          };
          requestAnimationFrame(tick);
        }),
    );
    for (let i = 0; i < 10; i++) {
      await tell("send", many.slice(i * 500, i * 500 + 500).map((old) => fix(old.vehicle, old.lat + 0.01, old.lng + 0.01)));
      await page.waitForTimeout(200);
    }
    const { perSecond, longest } = await frames;
    console.log(`     ${perSecond.toFixed(0)} frames/s, the longest ${longest.toFixed(0)} ms, without a graphics card`);
    await until("moved", async () => (await vehicle("van-4999")).lat === many[4999].lat + 0.01);
    assert.ok(longest < 5000, `a frame took ${longest} ms`);
  });

  await step("a revoked vehicle disappears, and the one that comes with its going is listed", async () => {
    await tell("send", [{ type: "error", error: "Unauthorized", vehicle: "marker" }, fix("lorry", 50, 10)]);
    await until("gone", async () => !(await vehicle("marker")));
    await row("lorry").waitFor();
    assert.equal(await row("marker").count(), 0);
  });

  await step("dark, and as narrow as a phone", async () => {
    await page.emulateMedia({ colorScheme: "dark" });
    await page.getByTestId("search").fill("truck");
    // A row is whoever's the list makes it: only when the search is drawn does this vehicle keep its own.
    await page.locator('[data-vehicle="truck-1"][aria-setsize="1"]').click();
    await picture(page, "dark");
    await page.setViewportSize({ width: 390, height: 844 });
    await picture(page, "phone-details");
    await page.keyboard.press("Escape");
    await page.locator("#details-close").click({ timeout: 1000 }).catch(() => {});
    await picture(page, "phone");
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 390, `the page is ${wide} px wide`);
  });

  await step("an expired token asks for a new one, and a pasted one works", async () => {
    await tell("expire");
    await page.getByTestId("sign-in").waitFor();
    assert.equal(await state(), "expired");
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    await picture(page, "sign-in");
    await page.getByTestId("token").fill("Bearer the-token\n");
    await page.getByRole("button", { name: "Show the map" }).click();
    await until("live", async () => (await state()) === "live");
    await page.reload();
    await until("live after a reload", async () => (await state()) === "live");
  });

  await step("the page's policy refused nothing and nothing failed", async () => {
    const unexpected = faults.filter((fault) => !/WebSocket|ERR_|404/.test(fault));
    assert.deepEqual(unexpected, []);
  });

  await step("without ticket or token it asks; a wrong token is refused", async () => {
    const { page: other } = await open(browser, `${origin}/`);
    await other.getByTestId("sign-in").waitFor();
    await other.getByTestId("token").fill("wrong");
    await other.getByRole("button", { name: "Show the map" }).click();
    await other.getByText("refused the token").waitFor();
    await other.context().close();
  });
} catch {
  process.exitCode = 1;
} finally {
  await browser.close();
}
