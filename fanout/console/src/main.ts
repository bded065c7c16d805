// The live map page: wires the session, the connection, the fleet and what shows them.

import { locations, Unauthorized } from "./api.ts";
import { Alarms } from "./alarms.ts";
import type { Tiles } from "./basemap.ts";
import { Details } from "./details.ts";
import { byId, setText } from "./element.ts";
import type { Event } from "./event.ts";
import { Fleet, states, type State, type Vehicle } from "./fleet.ts";
import { List } from "./list.ts";
import { Live, type Connection } from "./live.ts";
import { FleetMap } from "./map.ts";
import { cleanToken, exchange, storeToken, storedToken, takeTicket } from "./session.ts";
import { Trail } from "./trail.ts";

const ticket = takeTicket(); // first: the address keeps it no longer than this line

const fleet = new Fleet();
const list = new List(fleet, byId("list"));
const details = new Details();
const alarms = new Alarms();
const trail = new Trail();
let map: FleetMap | null = null;
let live: Live | null = null;
let token = "";
let selected = "";
let fitted = false;
let loaded = false; // the first answer about the fleet is here, so that an empty one is known to be empty
let wasLive = false;
let locationsRetry = 0;
let updates = 0; // since the last second's tick

// ---- what arrives

function position(event: Event, news: boolean): void {
  const { vehicle, moved } = fleet.position(event);
  changed(vehicle, moved);
  if (event.alarm) alarm(event, news);
  if (news) trail.add(event);
}

function other(event: Event): void {
  const vehicle = fleet.event(event);
  changed(vehicle, false);
  if (event.alarm) alarm(event, true);
  trail.add(event);
}

function alarm(event: Event, news: boolean): void {
  const noted = fleet.alarm(event);
  if (!noted || !alarms.add(noted, news)) return;
  const vehicle = fleet.vehicles.get(event.vehicle);
  if (vehicle) changed(vehicle, false);
}

const drawn = new Map<string, State>(); // the state that list and map show

function changed(vehicle: Vehicle, moved: boolean): void {
  if (moved) map?.move(vehicle);
  else map?.redraw(vehicle);
  if (drawn.get(vehicle.id) === vehicle.state) list.update();
  else {
    drawn.set(vehicle.id, vehicle.state);
    reorder();
  }
  if (vehicle.id === selected) details.update(vehicle);
}

let reorderDue = 0;

/** reorder sorts at most four times a second: a large fleet changes all the time. */
function reorder(): void {
  if (reorderDue) return;
  reorderDue = window.setTimeout(() => {
    reorderDue = 0;
    list.reorder();
    byId("empty").hidden = !loaded || fleet.vehicles.size > 0;
  }, fleet.vehicles.size > 500 ? 250 : 16);
}

function known(events: Event[]): void {
  for (const event of events) position(event, false);
  loaded = true;
  reorder();
  fitFirst();
}

/** fitFirst shows the fleet once, when both it and the map are there; from then on the map is the visitor's. */
function fitFirst(): void {
  if (fitted || !map || ![...fleet.vehicles.values()].some((vehicle) => vehicle.fix)) return;
  fitted = true;
  map.fit();
}

async function loadLocations(): Promise<void> {
  clearTimeout(locationsRetry);
  const asked = token;
  try {
    const events = await locations(asked);
    if (asked !== token) return;
    setText(byId("problem"), "");
    known(events);
  } catch (error) {
    if (asked !== token) return;
    if (error instanceof Unauthorized) signOut("The gateway refused the token. Please enter a new one.");
    else {
      if (connection.state === "live") setText(byId("problem"), "The last known positions could not be loaded, trying again …");
      locationsRetry = window.setTimeout(() => void loadLocations(), 5_000);
    }
  }
}

// ---- the connection

let connection: Connection = { state: "connecting" };

function showConnection(): void {
  const pill = byId("connection");
  const seconds = connection.state === "waiting" ? Math.max(0, Math.ceil((connection.until - Date.now()) / 1000)) : 0;
  const text = {
    connecting: wasLive ? "Reconnecting …" : "Connecting …",
    live: "Live",
    waiting: `Offline, next try in ${seconds} s`,
    expired: "Signed out",
  }[connection.state];
  pill.dataset.state = connection.state;
  setText(byId("connection-text"), text);
  byId("retry").hidden = connection.state !== "waiting";
}

function connected(to: Connection): void {
  const before = connection.state;
  connection = to;
  if (to.state === before && to.state === "live") return;
  showConnection();
  if (to.state === "live") {
    if (wasLive) {
      // What happened in between is in the store.
      void loadLocations();
      if (selected) void trail.reload(token);
    }
    wasLive = true;
    setText(byId("problem"), "");
  } else if (to.state === "expired") {
    signOut("Your access has expired. Please enter a new token.");
  }
}

function signIn(given: string): void {
  clear(); // another token may show other vehicles
  token = given;
  storeToken(token);
  byId("sign-in").hidden = true;
  byId("app").inert = false;
  live?.stop();
  wasLive = false;
  live = new Live(token, {
    connection: connected,
    position(event) {
      updates++;
      position(event, true);
    },
    event(event) {
      updates++;
      other(event);
    },
    snapshot: known,
    resync: () => {
      void loadLocations();
      if (selected) void trail.reload(token);
    },
    forbidden: forget,
    problem: (text) => setText(byId("problem"), text),
  });
  void loadLocations();
  void openMap();
}

function signOut(why: string): void {
  live?.stop();
  live = null;
  token = "";
  storeToken("");
  clearTimeout(locationsRetry);
  connection = { state: "expired" };
  showConnection();
  askForToken(why);
}

function clear(): void {
  select("");
  for (const id of [...fleet.vehicles.keys()]) forget(id);
  alarms.clear();
  loaded = false;
  fitted = false;
}

function askForToken(why: string): void {
  setText(byId("sign-in-why"), why);
  byId("sign-in").hidden = false;
  byId("app").inert = true;
  byId<HTMLTextAreaElement>("token").focus();
}

function forget(id: string): void {
  if (id === selected) select("");
  fleet.vehicles.delete(id);
  drawn.delete(id);
  map?.remove(id);
  reorder();
}

byId<HTMLFormElement>("sign-in-form").addEventListener("submit", (submit) => {
  submit.preventDefault();
  const field = byId<HTMLTextAreaElement>("token");
  const given = cleanToken(field.value);
  if (given === "") return;
  field.value = "";
  signIn(given);
});
byId("sign-out").addEventListener("click", () => {
  clear();
  signOut("You are signed out.");
});
byId("retry").addEventListener("click", () => live?.retry());

// ---- selecting

function select(id: string): void {
  const vehicle = fleet.vehicles.get(id);
  selected = vehicle ? id : "";
  follow(false);
  list.select(selected);
  map?.select(selected);
  byId("app").classList.toggle("with-details", selected !== "");
  trail.show(selected, token);
  if (vehicle?.fix) trail.add(vehicle.fix); // it may not be in the store yet
  if (!vehicle) {
    details.hide();
    return;
  }
  details.show(vehicle);
  map?.show(selected);
}

function follow(on: boolean): void {
  byId("follow").setAttribute("aria-pressed", String(on));
  map?.follow(on);
}

list.onSelect = select;
alarms.onSelect = select;
trail.onDraw = (lines, summary) => {
  map?.trail(lines);
  details.trail(summary);
};
trail.onUnauthorized = () => signOut("The gateway refused the token. Please enter a new one.");
byId("follow").addEventListener("click", (click) => {
  follow((click.currentTarget as HTMLElement).getAttribute("aria-pressed") !== "true");
});
byId("details-close").addEventListener("click", () => close());
byId("details-dismiss").addEventListener("click", () => {
  fleet.dismiss(selected);
  const vehicle = fleet.vehicles.get(selected);
  if (vehicle) changed(vehicle, false);
});
byId("fit").addEventListener("click", () => {
  follow(false);
  map?.fit(byId("details").offsetWidth);
});

function close(): void {
  select("");
  byId("list").focus({ preventScroll: true });
}

// ---- search, filters, keys

const search = byId<HTMLInputElement>("search");
search.addEventListener("input", () => list.search(search.value));
search.addEventListener("keydown", (press) => {
  const first = list.first();
  if (press.key === "Enter" && first) select(first.id);
  if (press.key === "ArrowDown") {
    press.preventDefault();
    byId("list").focus();
  }
});

let filter: State | null = null;
for (const chip of document.querySelectorAll<HTMLButtonElement>("#filters button")) {
  chip.addEventListener("click", () => {
    const wanted = (chip.dataset.filter as State | "all") === "all" ? null : (chip.dataset.filter as State);
    filter = filter === wanted ? null : wanted;
    list.filter(filter);
    for (const other of document.querySelectorAll<HTMLButtonElement>("#filters button")) {
      other.setAttribute("aria-pressed", String((other.dataset.filter ?? "") === (filter ?? "all")));
    }
  });
}

list.onCounts = (counts, total, shown) => {
  setText(byId("count-all"), total.toLocaleString());
  for (const state of states) setText(byId(`count-${state}`), counts[state].toLocaleString());
  const none = byId("no-match");
  none.hidden = total === 0 || shown > 0;
};

document.addEventListener("keydown", (press) => {
  if (!byId("sign-in").hidden) return;
  const typing = (press.target as HTMLElement).matches?.("input, textarea");
  if (press.key === "/" && !typing) {
    press.preventDefault();
    search.focus();
    search.select();
  } else if (press.key === "Escape") {
    if (typing && search.value !== "") {
      search.value = "";
      list.search("");
    } else if (selected) close();
  }
});

// ---- time goes by

setInterval(() => {
  if (connection.state === "waiting") showConnection();
  setText(byId("rate"), connection.state === "live" && updates > 0 ? `${updates.toLocaleString()}/s` : "");
  updates = 0;
  for (const vehicle of fleet.refresh()) changed(vehicle, false);
  list.update(); // the ages in it
  const vehicle = fleet.vehicles.get(selected);
  if (vehicle) details.update(vehicle);
}, 1_000);

// ---- start

interface ConsoleConfig {
  tileUrl?: string;
  tileAttribution?: string;
}

async function tiles(): Promise<Tiles | null> {
  try {
    const answer = await fetch("/console.json", { cache: "no-store" });
    const { tileUrl, tileAttribution } = (await answer.json()) as ConsoleConfig;
    return tileUrl ? { url: new URL(tileUrl, location.href).href.replaceAll("%7B", "{").replaceAll("%7D", "}"), attribution: tileAttribution ?? "" } : null;
  } catch {
    return null; // the page's own outlines do
  }
}

let mapOpened = false;

/** openMap waits for the first visitor to be let in: nobody else is worth a map and its tiles. */
async function openMap(): Promise<void> {
  if (mapOpened) return;
  mapOpened = true;
  const above = await tiles();
  try {
    map = new FleetMap(fleet, byId("map"), above);
  } catch (error) {
    console.error(error);
    byId("no-map").hidden = false;
    return;
  }
  map.onSelect = select;
  map.onFollowEnd = () => follow(false);
  for (const vehicle of fleet.vehicles.values()) map.move(vehicle);
  fitFirst();
  map.select(selected);
  if (selected) map.show(selected);
}

async function start(): Promise<void> {
  setText(byId("host"), location.hostname);
  showConnection();
  const fresh = ticket === "" ? null : await exchange(ticket).catch(() => null);
  const found = fresh ?? storedToken();
  if (found !== "") signIn(found);
  else askForToken(ticket === "" ? "" : "This link was used already or is too old. Please enter a token.");
}

declare global {
  interface Window {
    /** For the browser tests: where the page believes its vehicles are. */
    trackgate: { vehicles(): { vehicle: string; lat: number; lng: number; time: string; state: State }[] };
  }
}

window.trackgate = {
  vehicles: () =>
    [...fleet.vehicles.values()].flatMap(({ id, fix, state }) =>
      fix ? [{ vehicle: id, lat: fix.lat, lng: fix.lng, time: fix.time ?? "", state }] : [],
    ),
};

addEventListener("hashchange", () => {
  const next = takeTicket();
  if (next === "") return;
  void exchange(next)
    .catch(() => null)
    .then((fresh) => {
      if (fresh) signIn(fresh);
      else if (token === "") askForToken("This link was used already or is too old. Please enter a token.");
    });
});

void start();
