// Uses the page that explains bytes of a running gateway, as a visitor would:
//
//	node fanout/console/test/decode.mjs URL TOKEN [screenshot.png]

import assert from "node:assert/strict";
import { launch, open, until } from "./browser.mjs";

const [origin, token, picture] = process.argv.slice(2);
const login = "78780d01012345678901234500018cdd0d0a";
const alarm = "78782da41a0509160203cf05be31f80c306530001c0010012ed000007ef40000000006428b074205041302ff0009389c0d0a";

const browser = await launch();
try {
  const { page, faults } = await open(browser, `${origin}/decode.html`);
  const row = (frame, name) => page.getByTestId("frame").nth(frame).locator(`tr[data-name="${name}"]`).first();
  const byte = (frame, at) => page.getByTestId("frame").nth(frame).locator(`.hex [data-at="${at}"]`);
  const lit = (frame) =>
    page.getByTestId("frame").nth(frame).locator(".hex .lit").evaluateAll((cells) => cells.map((cell) => cell.textContent).join(""));
  const cells = (frame, name) => row(frame, name).locator("td").allTextContents();
  const decode = async (input) => {
    await page.getByTestId("input").fill(input);
    await page.getByTestId("decode").click();
  };

  // Without a token nothing is answered; with one, the bytes tell their protocol.
  await decode(login);
  await until("the question for a token", async () => (await page.getByTestId("problem").textContent())?.includes("token is needed"));
  await page.getByTestId("token").fill(token);
  await decode(`${login}\n${alarm}`);
  await until("two frames", async () => (await page.getByTestId("frame").count()) === 2);
  assert.match(await page.getByTestId("candidates").textContent(), /gt06 over TCP, port 5023: sure/);
  assert.ok((await page.getByTestId("protocol").locator("option").count()) > 10, "protocols to choose from");

  // Each field with its bytes, its value and its rule.
  assert.deepEqual((await cells(0, "device")).slice(0, 5), ["4", "0123456789012345", "device", '"123456789012345"', "BCD digits without filling"]);
  assert.deepEqual((await cells(1, "lat")).slice(0, 5), ["11", "05be31f8", "lat", "53.5281733", "u32 big endian / 1,800,000"]);
  assert.match((await cells(1, "rssi"))[4], /u8 .*in \w+\.go/);
  assert.equal((await cells(1, "checksum"))[1], "389c");

  // Pointing at a field lights its bytes; at a byte, what it means.
  await row(1, "lat").hover();
  assert.equal(await lit(1), "05be31f8");
  await byte(1, 16).hover();
  assert.match(await row(1, "lng").getAttribute("class"), /lit/);
  assert.equal(await lit(1), "0c306530");
  await row(1, "sats").focus();
  assert.equal(await lit(1), "cf");
  if (picture) await page.screenshot({ path: picture, fullPage: true });

  // Text; what a device sent is text on the page too.
  await decode("*HQ,4106012736,V1,224434,A,1827.3855,N,06705.7577,W,000.00,000,100117,FFFFFBFF#");
  await until("the text's frame", async () => (await page.getByTestId("frame").count()) === 1);
  assert.equal((await cells(0, "lat"))[3], "18.456425");
  await decode('"<img src=x onerror=alert(1)>"');
  await until("the refusal", async () => /protocol|Unknown/.test(await page.getByTestId("results").textContent()));

  // A protocol that is chosen is the one that reads.
  await page.getByTestId("protocol").selectOption("teltonika");
  await decode(login);
  await until("the chosen protocol", async () => /teltonika/.test(await page.getByTestId("results").textContent()));

  // What is no hex is said, and the live map is one click away.
  await decode("78780d010358899051020301x0018cdd");
  await until("the fault", async () => /not a hex digit/.test(await page.getByTestId("problem").textContent()));
  await page.locator("header a").click();
  await page.waitForURL(`${origin}/`);
  assert.equal(await page.locator("#decode-link").getAttribute("href"), "/decode.html");
  const own = faults.filter((fault) => !/401|400/.test(fault)); // the browser logs each refused question
  assert.deepEqual(own, []);
} finally {
  await browser.close();
}
