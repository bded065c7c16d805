// The two questions that the page asks over HTTP.

import { learnClock } from "./clock.ts";
import { parseEvents, type Event } from "./event.ts";

/** Unauthorized is thrown when the gateway refuses the token: a new one has to be asked for. */
export class Unauthorized extends Error {}

async function get(path: string, token: string, signal?: AbortSignal): Promise<unknown> {
  const answer = await fetch(path, {
    headers: { Authorization: `Bearer ${token}`, Accept: "application/json" },
    credentials: "omit",
    cache: "no-store",
    signal,
  });
  learnClock(answer.headers.get("Date"));
  if (answer.status === 401) throw new Unauthorized("the token was refused");
  if (!answer.ok) throw new Error(`${path.split("?")[0]} answered ${answer.status}`);
  return answer.json();
}

/** locations gives the last known position of every vehicle that the token may see, of any age. */
export async function locations(token: string): Promise<Event[]> {
  const body = await get("/api/vehicles/locations", token);
  return parseEvents((body as { events?: unknown } | null)?.events);
}

const pageSize = 10_000; // the most that the gateway gives at once
const pagesMax = 5;

export interface History {
  events: Event[];
  complete: boolean; // false: there is more than the page will draw
}

/** history reads [from, now) of one vehicle, ascending by time. */
export async function history(vehicle: string, from: Date, token: string, signal: AbortSignal): Promise<History> {
  const events: Event[] = [];
  const query = new URLSearchParams({
    from: from.toISOString(),
    to: new Date(Date.now() + 60_000).toISOString(), // exclusive, and the clocks differ a little
    limit: String(pageSize),
  });
  for (let page = 0; page < pagesMax; page++) {
    const body = await get(`/api/vehicles/${encodeURIComponent(vehicle)}/history?${query}`, token, signal);
    const { events: raw, cursor } = (body ?? {}) as { events?: unknown; cursor?: unknown };
    events.push(...parseEvents(raw));
    if (typeof cursor !== "string" || cursor === "") return { events, complete: true };
    query.set("cursor", cursor);
  }
  return { events, complete: false };
}
