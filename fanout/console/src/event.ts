// The event as the gateway sends it. Only the keys that the page looks at by name are listed; a device may send any
// attribute, so attrs stays open. Nothing here is trusted to be present or of the right type: parseEvent checks.

export interface Event {
  id?: string;
  seq?: string;
  vehicle: string;
  device?: string;
  protocol?: string;
  kind?: string;
  time?: string;
  received?: string;
  lat?: number;
  lng?: number;
  alt?: number;
  speed?: number; // km/h
  course?: number; // degrees
  sats?: number;
  hdop?: number;
  valid?: boolean;
  late?: boolean;
  alarm?: string;
  attrs?: Record<string, unknown>;
}

const texts = ["id", "seq", "device", "protocol", "kind", "time", "received", "alarm"] as const;
const numbers = ["lat", "lng", "alt", "speed", "course", "sats", "hdop"] as const;

/** parseEvent keeps what has the promised type; null where there is no vehicle to speak of. */
export function parseEvent(raw: unknown): Event | null {
  if (typeof raw !== "object" || raw === null) return null;
  const from = raw as Record<string, unknown>;
  const vehicle = from.vehicle;
  if (typeof vehicle !== "string" || vehicle === "") return null;
  const event: Event = { vehicle };
  for (const key of texts) {
    const value = from[key];
    if (typeof value === "string" && value !== "") event[key] = value;
  }
  for (const key of numbers) {
    const value = from[key];
    if (typeof value === "number" && Number.isFinite(value)) event[key] = value;
  }
  if (typeof from.valid === "boolean") event.valid = from.valid;
  if (typeof from.late === "boolean") event.late = from.late;
  const attrs = from.attrs;
  if (typeof attrs === "object" && attrs !== null && !Array.isArray(attrs)) {
    event.attrs = attrs as Record<string, unknown>;
  }
  return event;
}

export function parseEvents(raw: unknown): Event[] {
  if (!Array.isArray(raw)) return [];
  const events: Event[] = [];
  for (const item of raw) {
    const event = parseEvent(item);
    if (event) events.push(event);
  }
  return events;
}

export interface Fix extends Event {
  lat: number;
  lng: number;
}

/** hasFix says whether the event has coordinates that a map can show and that its device vouches for. */
export function hasFix(event: Event): event is Fix {
  return (
    event.lat !== undefined &&
    event.lng !== undefined &&
    Math.abs(event.lat) <= 90 &&
    Math.abs(event.lng) <= 180 &&
    event.valid !== false
  );
}

/** millis reads an RFC 3339 time; 0 where there is none. */
export function millis(time: string | undefined): number {
  const ms = time ? Date.parse(time) : NaN;
  return Number.isNaN(ms) ? 0 : ms;
}

/** fixTime is when the device took the fix; a device without a clock is dated by the gateway's. */
export function fixTime(event: Event): number {
  return millis(event.time) || millis(event.received);
}
