// Watches a running gateway's map page as a visitor would:
//
//	node fanout/console/test/live.mjs --url 'http://127.0.0.1:8080/#ticket=...' --expect VEHICLE [--moved]
//	    [--token JWT] [--timeout SECONDS] [--screenshot out.png]
//
// It ends with 0 when the vehicle appears and, with --moved, its position changes; else with 1 and the reason.

import { parseArgs } from "node:util";
import { launch, open, until } from "./browser.mjs";

const { values: flags } = parseArgs({
  options: {
    url: { type: "string" },
    expect: { type: "string" },
    token: { type: "string" },
    moved: { type: "boolean", default: false },
    timeout: { type: "string", default: "30" },
    screenshot: { type: "string" },
  },
});
const timeout = Number(flags.timeout) * 1000;
if (!flags.url || !flags.expect || !(timeout > 0)) {
  console.error("usage: live.mjs --url URL --expect VEHICLE [--moved] [--token JWT] [--timeout SECONDS] [--screenshot FILE]");
  process.exit(2);
}

const browser = await launch();
let failed = "";
try {
  const { page, faults } = await open(browser, flags.url);
  try {
    if (flags.token) {
      const field = page.getByTestId("token");
      await field.fill(flags.token, { timeout: 30_000 }); // the time allowed is the vehicle's, not the browser's start
      await page.locator("#sign-in-form button").click();
    }
    const place = () =>
      page.evaluate((id) => window.trackgate?.vehicles().find(({ vehicle }) => vehicle === id), flags.expect);
    const first = await until(`vehicle ${flags.expect} on the page`, async () => {
      if (!flags.token && (await page.getByTestId("sign-in").isVisible())) throw new Error("the page asks for a token");
      return place();
    }, timeout);
    console.log(`${flags.expect} at ${first.lat}, ${first.lng} (${first.time})`);
    if (flags.moved) {
      const next = await until(`another position of ${flags.expect}`, async () => {
        const here = await place();
        return here && (here.lat !== first.lat || here.lng !== first.lng) && here;
      }, timeout);
      console.log(`moved to ${next.lat}, ${next.lng} (${next.time})`);
    }
    await page.locator("#map canvas").waitFor({ state: "attached", timeout }).catch(() => {
      throw new Error("the map is not drawn");
    });
  } catch (error) {
    const state = await page.getByTestId("connection").getAttribute("data-state").catch(() => "unknown");
    failed = `${error.message}; connection: ${state}${faults.length ? `; page: ${faults.join(" | ")}` : ""}`;
  }
  if (flags.screenshot) {
    await page.waitForTimeout(1500); // the map's flight and its labels
    await page.screenshot({ path: flags.screenshot });
  }
} catch (error) {
  failed ||= error.message;
} finally {
  await browser.close();
}
if (failed) {
  console.error(failed);
  process.exit(1);
}
