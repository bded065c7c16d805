import { expiryOf } from './token.js';

/** One record of a vehicle, as docs/event.md describes it. Values that the device did not send are absent. */
export interface TrackEvent {
  vehicle: string;
  id?: string;
  /** Order within one session of a device; compared as text. */
  seq?: string;
  device?: string;
  protocol?: string;
  kind?: string;
  /** The device's time, RFC 3339 UTC. */
  time: string;
  received?: string;
  /** Degrees, WGS 84. */
  lat?: number;
  lng?: number;
  /** Metres. */
  alt?: number;
  /** km/h. */
  speed?: number;
  /** Degrees from north. */
  course?: number;
  valid?: boolean;
  late?: boolean;
  alarm?: string;
  attrs?: Record<string, unknown>;
}

/** A position that moves its vehicle. */
export type Fix = TrackEvent & { lat: number; lng: number };

/**
 * connecting: on the way, or waiting for the next attempt. connected: the token was taken, positions flow. unauthorized: the token was
 * refused and there is no way to get another; setToken goes on. closed: by close.
 */
export type State = 'connecting' | 'connected' | 'unauthorized' | 'closed';

/** A token, or a function that is asked for one at every connection and shortly before the last one expires. */
export type TokenSource = string | (() => string | Promise<string>);

/** As much of a WebSocket as is used here. */
export interface WebSocketLike {
  send(text: string): void;
  close(code?: number): void;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
}

export interface Options {
  /** Where the gateway is: https://host, wss://host, or that with a path in front of /ws. */
  url: string;
  token: TokenSource;
  /** Most positions a second of each vehicle; 0 is no limit. Left out: what the gateway is configured with. */
  maxHz?: number;
  /** ms before the first attempt to reconnect, doubled with each; default 500. */
  backoff?: number;
  /** Most ms between two attempts; default 30,000. */
  backoffMax?: number;
  /** ms of silence after which the connection is asked whether it lives, and as much again until it is given up; default 20,000. */
  heartbeat?: number;
  /** For Node before 22, which has no WebSocket of its own: that of the package ws. */
  WebSocket?: new (url: string) => WebSocketLike;
}

export interface Listeners {
  /** A live fix, and the last known one when a vehicle is tracked. Never older than the one before. */
  location: (fix: Fix) => void;
  /** Anything else: alarms, late records, statuses. */
  event: (event: TrackEvent) => void;
  state: (state: State) => void;
  /** Something was refused; the vehicle is named where it is about one. */
  error: (text: string, vehicle?: string) => void;
  /** Events may have been missed; positions are made up for by themselves. */
  resync: () => void;
}

export interface Client {
  readonly state: State;
  trackVehicle(id: string | number): void;
  untrackVehicle(id: string | number): void;
  /** Follows what is in these groups of the device registry besides; null ends it. */
  trackGroups(groups: string[] | null): void;
  /** Returns a function that takes the listener away. */
  on<K extends keyof Listeners>(name: K, listener: Listeners[K]): () => void;
  /** The newest position that came; undefined if none did. */
  location(id: string | number): Fix | undefined;
  setToken(token: TokenSource): void;
  /** Ends the connection for good. */
  close(): void;
}

const unauthorized = 4401;
const maxIDs = 1000; // vehicles in one call

/** Connects, and stays connected: what is tracked is tracked again, from where it was, after every interruption. */
export function connect(options: Options): Client {
  return new Connection(options);
}

class Connection implements Client {
  state: State = 'connecting';
  private token: TokenSource;
  private socket?: WebSocketLike;
  private attempts = 0;
  private retry: unknown;
  private beat: unknown;
  private renewal: unknown;
  private asked = false; // whether the connection lives
  private refusedFresh = false; // the last token was refused before it had served
  private readonly tracked = new Set<string>();
  private groups: string[] | null = null;
  private told = false; // what is not tracked by id has been asked for: asked for again, it may have a gap
  private readonly seen = new Map<string, Fix>();
  private readonly last = new Map<string, string>(); // seq of what was heard last of each vehicle, alarms and the like included
  private readonly listeners: { [K in keyof Listeners]: Set<Listeners[K]> } = {
    location: new Set(), event: new Set(), state: new Set(), error: new Set(), resync: new Set(),
  };

  constructor(private readonly options: Options) {
    this.token = options.token;
    // Later, so that whoever called has put his listeners on.
    this.retry = setTimeout(() => void this.open(), 0);
  }

  on<K extends keyof Listeners>(name: K, listener: Listeners[K]): () => void {
    this.listeners[name].add(listener);
    return () => { this.listeners[name].delete(listener); };
  }

  location(id: string | number): Fix | undefined {
    return this.seen.get(String(id));
  }

  trackVehicle(id: string | number): void {
    const vehicle = String(id);
    if (this.tracked.has(vehicle)) return;
    this.tracked.add(vehicle);
    if (this.state === 'connected') this.send(this.request({ track: [vehicle] }));
  }

  untrackVehicle(id: string | number): void {
    const vehicle = String(id);
    if (!this.tracked.delete(vehicle)) return;
    this.seen.delete(vehicle);
    this.last.delete(vehicle);
    if (this.state === 'connected') this.send({ untrack: [vehicle] });
  }

  trackGroups(groups: string[] | null): void {
    const before = this.groups;
    this.groups = groups && groups.length > 0 ? [...groups] : null;
    if (this.state === 'connected' && (before || this.groups)) this.send(this.request({ groups: this.groups }));
  }

  setToken(token: TokenSource): void {
    this.token = token;
    this.refusedFresh = false;
    if (this.state === 'unauthorized') {
      this.turn('connecting');
      void this.open();
    } else if (this.state === 'connected') {
      void this.renew();
    }
  }

  close(): void {
    this.turn('closed');
    this.detach();
    clearTimeout(this.retry);
  }

  private emit<K extends keyof Listeners>(name: K, ...args: Parameters<Listeners[K]>): void {
    for (const listener of [...this.listeners[name]]) (listener as (...a: unknown[]) => void)(...args);
  }

  private turn(state: State): void {
    if (this.state === state || this.state === 'closed') return;
    this.state = state;
    this.emit('state', state);
  }

  private async ask(): Promise<string> {
    return typeof this.token === 'function' ? this.token() : this.token;
  }

  private async open(): Promise<void> {
    let token: string;
    try {
      token = await this.ask();
    } catch (e) {
      this.emit('error', `no token: ${String(e)}`);
      this.later();
      return;
    }
    if (this.state !== 'connecting') return;
    this.detach();
    const Socket = this.options.WebSocket ?? (globalThis as { WebSocket?: Options['WebSocket'] }).WebSocket;
    if (!Socket) throw new Error('trackgate: there is no WebSocket here; pass one in the options');
    const url = this.options.url.replace(/^http/, 'ws').replace(/\/+$/, '');
    const socket = new Socket(url.endsWith('/ws') ? url : `${url}/ws`);
    this.socket = socket;
    this.listen();
    socket.onopen = () => this.send({ auth: token, ping: 'auth' });
    socket.onmessage = (e) => {
      this.listen();
      const message = JSON.parse(e.data as string) as Message | Message[];
      for (const m of Array.isArray(message) ? message : [message]) this.take(m, token);
    };
    socket.onerror = () => {}; // onclose follows
    socket.onclose = (e) => {
      if (socket === this.socket) this.lost(e?.code);
    };
  }

  private take(m: Message, token: string): void {
    switch (m.type) {
      case 'location:update':
        this.mark(m);
        this.show(m);
        break;
      case 'event':
        this.mark(m);
        this.emit('event', bare(m));
        break;
      case 'snapshot':
        for (const e of m.events ?? []) {
          this.mark(e, true);
          this.show(e);
        }
        break;
      case 'resync':
        this.emit('resync');
        break;
      case 'error':
        this.emit('error', m.error ?? '', m.vehicle);
        break;
      case 'pong':
        if (m.pong === 'auth') this.ready(token);
    }
  }

  /** Notes from where to resume: the highest of a session, since a position may come behind a later alarm; of two sessions the one heard last. */
  private mark(m: TrackEvent, snapshot = false): void {
    if (!m.seq || !this.tracked.has(m.vehicle)) return;
    const last = this.last.get(m.vehicle) ?? '';
    const other = last.slice(0, 13) !== m.seq.slice(0, 13);
    if (m.seq > last || (other && !snapshot)) this.last.set(m.vehicle, m.seq);
  }

  private show(m: TrackEvent): void {
    if (m.lat === undefined || m.lng === undefined) return;
    const before = this.seen.get(m.vehicle);
    // A snapshot repeats what is known. One device time is told apart by seq, and a third party's publish has none.
    if (before && (m.time < before.time || (m.time === before.time && (m.seq ?? '') <= (before.seq ?? '')))) return;
    const fix = bare(m) as Fix;
    if (this.tracked.has(m.vehicle) || this.wide()) this.seen.set(m.vehicle, fix);
    this.emit('location', fix);
  }

  /** Whether more is followed than what is tracked by id. */
  private wide(): boolean {
    return this.groups !== null || this.tracked.has('*');
  }

  /** The server has taken the token. */
  private ready(token: string): void {
    this.attempts = 0;
    this.refusedFresh = false;
    this.plan(token);
    const resume: Record<string, string> = {};
    const track: string[] = [];
    for (const vehicle of this.tracked) {
      const seq = this.last.get(vehicle);
      if (seq) resume[vehicle] = seq;
      else track.push(vehicle);
    }
    const known = Object.keys(resume);
    for (let i = 0; i < known.length; i += maxIDs) {
      const part: Record<string, string> = {};
      for (const vehicle of known.slice(i, i + maxIDs)) part[vehicle] = resume[vehicle] as string;
      this.send(this.request({ resume: part }));
    }
    for (let i = 0; i < track.length; i += maxIDs) this.send(this.request({ track: track.slice(i, i + maxIDs) }));
    if (this.groups) this.send(this.request({ groups: this.groups }));
    this.turn('connected');
    if (this.told && this.wide()) this.emit('resync'); // only what is tracked by id is resumed
    this.told = true;
  }

  private request(r: object): object {
    return this.options.maxHz === undefined ? r : { ...r, max_hz: this.options.maxHz };
  }

  private send(request: object): void {
    try {
      this.socket?.send(JSON.stringify(request));
    } catch {
      // not open any more: its end is about to be told, and then everything is said again
    }
  }

  /** Renews the token a little before it expires, if there is somebody to ask. */
  private plan(token: string): void {
    clearTimeout(this.renewal);
    const expires = expiryOf(token);
    if (expires === undefined || typeof this.token !== 'function') return;
    const left = expires - Date.now();
    const wait = Math.max(left - Math.max(30_000, left / 10), left / 2, 1000);
    if (wait < 2 ** 31) this.renewal = setTimeout(() => void this.renew(), wait);
  }

  private async renew(): Promise<void> {
    const socket = this.socket;
    try {
      const token = await this.ask();
      if (socket !== this.socket || this.state !== 'connected') return;
      this.send({ auth: token });
      this.plan(token);
    } catch (e) {
      this.emit('error', `no token: ${String(e)}`); // the old one serves until it expires
    }
  }

  /** Starts to wait for a sign of life anew. */
  private listen(): void {
    this.asked = false;
    clearTimeout(this.beat);
    const wait = this.options.heartbeat ?? 20_000;
    const late = () => {
      if (this.asked) {
        this.lost();
        return;
      }
      this.asked = true;
      if (this.state === 'connected') this.send({ ping: 1 });
      this.beat = setTimeout(late, wait);
    };
    this.beat = setTimeout(late, wait);
  }

  private detach(): void {
    clearTimeout(this.beat);
    clearTimeout(this.renewal);
    const socket = this.socket;
    this.socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close(1000);
    } catch {
      // was closed
    }
  }

  private lost(code?: number): void {
    this.detach();
    if (code === unauthorized && (typeof this.token !== 'function' || this.refusedFresh)) {
      this.turn('unauthorized');
      return;
    }
    // Asked for once more, the token may be a better one; a second refusal in a row is final.
    this.refusedFresh = code === unauthorized;
    this.turn('connecting');
    this.later();
  }

  private later(): void {
    if (this.state !== 'connecting') return;
    const { backoff = 500, backoffMax = 30_000 } = this.options;
    const most = Math.min(backoffMax, backoff * 2 ** Math.min(this.attempts++, 20));
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.open(), most * (0.5 + Math.random() / 2));
  }
}

type Message = TrackEvent & { type: string; events?: TrackEvent[]; error?: string; pong?: unknown };

function bare(m: TrackEvent): TrackEvent {
  const { type: _, ...event } = m as Message;
  return event;
}
