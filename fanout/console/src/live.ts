// The WebSocket: one connection, opened again for as long as the page is, with a growing and jittered pause in between so
// that a restarted gateway does not meet all its dashboards in the same second.

import { parseEvent, parseEvents, type Event } from "./event.ts";

export type Connection =
  | { state: "connecting" }
  | { state: "live" }
  | { state: "waiting"; until: number } // until: Date.now() of the next attempt
  | { state: "expired" };

export interface LiveHandlers {
  connection(now: Connection): void;
  position(event: Event): void; // a live valid fix
  event(event: Event): void; // everything else
  snapshot(events: Event[]): void;
  resync(): void;
  forbidden(vehicle: string): void;
  problem(text: string): void;
}

const pauseFirst = 500;
const pauseMost = 30_000;
const pingEvery = 20_000;
const openWithin = 15_000;

export class Live {
  #token: string;
  #on: LiveHandlers;
  #socket: WebSocket | null = null;
  #attempt = 0;
  #timer = 0;
  #ping = 0;
  #heard = 0;
  #stopped = false;

  constructor(token: string, on: LiveHandlers) {
    this.#token = token;
    this.#on = on;
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    clearTimeout(this.#timer);
    this.#drop();
  }

  /** retry connects now if the connection is waiting for its next attempt. */
  retry(): void {
    if (this.#stopped || this.#socket) return;
    clearTimeout(this.#timer);
    this.#open();
  }

  #hurry = (): void => {
    if (document.visibilityState === "visible") this.retry();
  };

  #open(): void {
    this.#on.connection({ state: "connecting" });
    const url = new URL("/ws", location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    const opened = Date.now();
    let pinged = 0;
    socket.onopen = () => {
      socket.send(JSON.stringify({ auth: this.#token }));
      socket.send(JSON.stringify({ track: ["*"], max_hz: 5 }));
      socket.send(JSON.stringify({ ping: 1 })); // its answer proves a connection that has nothing to say
    };
    socket.onmessage = (message) => {
      this.#heard = Date.now();
      if (typeof message.data === "string") this.#receive(message.data);
    };
    socket.onclose = (close) => {
      if (this.#socket !== socket) return;
      this.#drop();
      if (close.code === 4401) {
        this.#stopped = true;
        this.#on.connection({ state: "expired" });
        return;
      }
      this.#again();
    };
    this.#ping = window.setInterval(() => {
      const open = socket.readyState === WebSocket.OPEN;
      // Nothing since the last ping: the connection is dead even if nobody said so. Compared with the ping, not with
      // the time: a browser lets the timers of a tab in the background run late.
      const silent = open && pinged > 0 && this.#heard < pinged;
      if (silent || (!open && Date.now() - opened > openWithin)) {
        this.#drop();
        this.#again();
      } else if (open) {
        pinged = Date.now();
        socket.send(JSON.stringify({ ping: 1 }));
      }
    }, pingEvery);
  }

  #drop(): void {
    clearInterval(this.#ping);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #again(): void {
    if (this.#stopped) return;
    const most = Math.min(pauseMost, pauseFirst * 2 ** this.#attempt++);
    const pause = most / 2 + (Math.random() * most) / 2;
    this.#on.connection({ state: "waiting", until: Date.now() + pause });
    this.#timer = window.setTimeout(() => this.#open(), pause);
  }

  #receive(text: string): void {
    let data: unknown;
    try {
      data = JSON.parse(text);
    } catch {
      return;
    }
    for (const message of Array.isArray(data) ? data : [data]) this.#message(message);
  }

  #message(raw: unknown): void {
    if (typeof raw !== "object" || raw === null) return;
    const message = raw as Record<string, unknown>;
    const { type } = message;
    if (type === "error") {
      if (typeof message.vehicle === "string") this.#on.forbidden(message.vehicle);
      else this.#on.problem(String(message.error ?? "the gateway reported an error"));
      return;
    }
    this.#attempt = 0; // only something useful counts as a success, not an open door
    this.#on.connection({ state: "live" });
    if (type === "snapshot") this.#on.snapshot(parseEvents(message.events));
    else if (type === "resync") this.#on.resync();
    else if (type === "location:update" || type === "event") {
      const event = parseEvent(raw);
      if (!event) return;
      if (type === "event") this.#on.event(event);
      else this.#on.position(event);
    }
  }
}
