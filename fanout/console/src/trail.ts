// Today's way of the selected vehicle: read from the store once, then kept growing by what arrives live.

import { history, Unauthorized } from "./api.ts";
import { fixTime, hasFix, type Event } from "./event.ts";
import { metres, shortest } from "./motion.ts";

const gap = 15 * 60_000; // a silence longer than this is not drawn as a drive, unless nothing moved
const still = 300; // m
const jump = 100; // m/s: no tracker's vehicle; such a fix is left out of the distance
const pointsMost = 60_000;

interface Point {
  time: number;
  lng: number;
  lat: number;
}

export interface Summary {
  state: "loading" | "ready" | "failed";
  fixes: number;
  metres: number;
  from: number;
  to: number;
  complete: boolean;
}

export class Trail {
  #points: Point[] = []; // ascending by time
  #vehicle = "";
  #abort = new AbortController();
  #state: Summary["state"] = "loading";
  #complete = true;
  #due = 0;

  onDraw: (lines: [number, number][][], summary: Summary) => void = () => {};
  onUnauthorized: () => void = () => {};

  /** show switches to another vehicle; "" to none. */
  show(vehicle: string, token: string): void {
    this.#vehicle = vehicle;
    this.#points = [];
    this.#state = "loading";
    this.#complete = true;
    this.#draw();
    void this.reload(token);
  }

  /** reload reads the day again, as after an interruption: what passed meanwhile is in the store. */
  async reload(token: string): Promise<void> {
    this.#abort.abort();
    const abort = (this.#abort = new AbortController());
    const vehicle = this.#vehicle;
    if (vehicle === "") return;
    const midnight = new Date();
    midnight.setHours(0, 0, 0, 0);
    try {
      const day = await history(vehicle, midnight, token, abort.signal);
      if (abort.signal.aborted) return;
      const live = this.#points;
      this.#points = [];
      for (const event of day.events) this.#insert(event);
      for (const point of live) this.#place(point);
      this.#complete = day.complete;
      this.#state = "ready";
    } catch (error) {
      if (abort.signal.aborted) return;
      if (error instanceof Unauthorized) this.onUnauthorized();
      this.#state = "failed";
    }
    this.#draw();
  }

  /** add takes what arrived live, stored uploads too: they fill the holes of the way. */
  add(event: Event): void {
    if (event.vehicle !== this.#vehicle) return;
    if (this.#insert(event)) this.#schedule();
  }

  #insert(event: Event): boolean {
    if (!hasFix(event)) return false;
    const time = fixTime(event);
    if (time === 0 || time < startOfDay()) return false;
    return this.#place({ time, lng: event.lng, lat: event.lat });
  }

  #place(point: Point): boolean {
    const points = this.#points;
    let at = points.length;
    while (at > 0 && points[at - 1]!.time > point.time) at--;
    const before = points[at - 1];
    if (before && before.time === point.time) return false; // the same fix from both ways
    points.splice(at, 0, point);
    if (points.length > pointsMost) {
      points.shift();
      this.#complete = false;
    }
    return true;
  }

  #schedule(): void {
    if (this.#due) return;
    // A long trail is dear to draw: once in a while is enough.
    this.#due = window.setTimeout(
      () => {
        this.#due = 0;
        this.#draw();
      },
      this.#points.length > 5000 ? 2000 : 200,
    );
  }

  #draw(): void {
    const lines: [number, number][][] = [];
    let line: [number, number][] = [];
    let length = 0;
    let previous: Point | null = null;
    for (const point of this.#points) {
      let lng = point.lng;
      if (previous) {
        const step = metres(previous, point);
        const took = point.time - previous.time;
        if (step < jump * Math.max(1, took / 1000)) length += step;
        if (took > gap && step > still) {
          if (line.length > 1) lines.push(line);
          line = [];
        }
        const last = line.at(-1);
        if (last) lng = last[0] + shortest(point.lng - last[0]); // across the date line
      }
      line.push([lng, point.lat]);
      previous = point;
    }
    if (line.length > 1) lines.push(line);
    this.onDraw(lines, {
      state: this.#state,
      fixes: this.#points.length,
      metres: length,
      from: this.#points[0]?.time ?? 0,
      to: previous?.time ?? 0,
      complete: this.#complete,
    });
  }
}

function startOfDay(): number {
  return new Date().setHours(0, 0, 0, 0);
}
