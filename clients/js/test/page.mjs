// The example page, and a client beside it, in a real browser:
//
//	node page.mjs PAGE GATEWAY TOKEN VEHICLE
//
// What both see goes to standard output, one [event, ...] a line. It ends with its standard input, with 1 if the page complained.
import { launch, open } from '../../../fanout/console/test/browser.mjs';

const [, , url, gateway, token, vehicle] = process.argv;
const browser = await launch();
const { page, faults } = await open(browser, url);
await page.exposeFunction('say', (...what) => console.log(JSON.stringify(what)));

// As its visitor uses it: three fields, one button, a table.
await page.evaluate(() => {
  const tell = () => {
    for (const row of document.querySelectorAll('tbody tr')) say('row', ...[...row.cells].slice(0, 3).map((cell) => cell.textContent));
  };
  new MutationObserver(tell).observe(document.querySelector('tbody'), { childList: true, subtree: true });
  const output = document.querySelector('output');
  new MutationObserver(() => say('shown', output.textContent)).observe(output, { childList: true });
});
await page.getByLabel('Gateway').fill(gateway);
await page.getByLabel('Token').fill(token);
await page.getByLabel('Vehicles').fill(vehicle);
await page.getByRole('button', { name: 'Connect' }).click();

// As a program uses it: every event, in order.
await page.evaluate(async ([gateway, token, vehicle]) => {
  const { connect } = await import('/dist/index.js');
  const client = connect({ url: gateway, token, maxHz: 0, backoff: 50, backoffMax: 200 });
  for (const name of ['location', 'event']) client.on(name, (e) => say('event', e.vehicle, e.attrs?.odometer_m));
  for (const name of ['state', 'error', 'resync']) client.on(name, (...args) => say(name, ...args));
  client.trackVehicle(vehicle);
}, [gateway, token, vehicle]);

process.stdin.resume().on('end', async () => {
  await browser.close();
  // What a browser says about a host that does not answer is expected: the gateway is killed.
  const complaints = faults.filter((fault) => !/ERR_CONNECTION|WebSocket connection to/.test(fault));
  if (complaints.length > 0) console.error(complaints.join('\n'));
  process.exit(complaints.length > 0 ? 1 : 0);
});
