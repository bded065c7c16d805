import { useEffect, useMemo, useState } from 'react';
import { connect } from './client.js';
import type { Client, Fix, Listeners, Options, State } from './client.js';

let defaults: Omit<Options, 'token'> = { url: '' };

/** Says once where the gateway is. In a page that the gateway's host serves, that host is the default. */
export function configure(options: Omit<Options, 'token'>): void {
  defaults = options;
}

function options(token: string): Options {
  const here = (globalThis as { location?: { origin?: string } }).location?.origin;
  const url = defaults.url || here;
  if (!url) throw new Error('trackgate: call configure({url}) first');
  return { ...defaults, url, token };
}

// Hooks with one token share one connection, closed a moment after the last has gone: React mounts twice in development.
interface Shared { client: Client; users: number; end?: unknown }
const shared = new Map<string, Shared>();

function acquire(token: string): { client: Client; release: () => void } {
  let entry = shared.get(token);
  if (!entry) {
    entry = { client: connect(options(token)), users: 0 };
    shared.set(token, entry);
  }
  const held = entry;
  held.users++;
  clearTimeout(held.end);
  return {
    client: held.client,
    release: () => {
      if (--held.users > 0) return;
      held.end = setTimeout(() => {
        held.client.close();
        if (shared.get(token) === held) shared.delete(token);
      }, 1000);
    },
  };
}

// How many of a client's users track a vehicle: it is untracked with the last.
const counts = new WeakMap<Client, Map<string, number>>();

function count(client: Client, vehicle: string, by: 1 | -1): void {
  let of = counts.get(client);
  if (!of) counts.set(client, (of = new Map()));
  const n = (of.get(vehicle) ?? 0) + by;
  if (n > 0) {
    of.set(vehicle, n);
    client.trackVehicle(vehicle);
  } else {
    of.delete(vehicle);
    client.untrackVehicle(vehicle);
  }
}

/** Follows one vehicle. location is null until its last known position has come. */
export function useVehicleTracking(vehicleId: string | number, token: string): { location: Fix | null; connected: boolean } {
  const vehicle = String(vehicleId);
  const [location, setLocation] = useState<Fix | null>(null);
  const [state, setState] = useState<State>('connecting');
  useEffect(() => {
    const { client, release } = acquire(token);
    setLocation(client.location(vehicle) ?? null);
    setState(client.state);
    const offs = [
      client.on('location', (fix) => { if (fix.vehicle === vehicle) setLocation(fix); }),
      client.on('state', setState),
    ];
    count(client, vehicle, 1);
    return () => {
      offs.forEach((off) => off());
      count(client, vehicle, -1);
      release();
    };
  }, [vehicle, token]);
  return { location: location?.vehicle === vehicle ? location : null, connected: state === 'connected' };
}

/** What useRealtimeConnection returns; it stays the same object while the token does. */
export interface RealtimeConnection {
  trackVehicle(id: string | number): void;
  untrackVehicle(id: string | number): void;
  on<K extends keyof Listeners>(name: K, listener: Listeners[K]): () => void;
}

/** A connection for as long as the component is mounted. What it tracks ends with it. */
export function useRealtimeConnection(token: string): RealtimeConnection & { connected: boolean } {
  const [state, setState] = useState<State>('connecting');
  const held = useMemo(() => new Held(), [token]);
  useEffect(() => {
    const { client, release } = acquire(token);
    setState(client.state);
    const off = client.on('state', setState);
    held.attach(client);
    return () => {
      off();
      held.detach();
      release();
    };
  }, [held, token]);
  return useMemo(() => Object.assign(Object.create(held) as Held, { connected: state === 'connected' }), [held, state]);
}

// What is asked for before the effect has run is remembered.
class Held implements RealtimeConnection {
  private readonly self = { client: undefined as Client | undefined };
  private readonly tracked = new Set<string>();
  private readonly listening = new Set<{ name: keyof Listeners; listener: any; off?: () => void }>();

  attach(client: Client): void {
    this.self.client = client;
    this.tracked.forEach((v) => count(client, v, 1));
    this.listening.forEach((l) => { l.off = client.on(l.name, l.listener); });
  }

  detach(): void {
    const client = this.self.client;
    this.self.client = undefined;
    if (client) this.tracked.forEach((v) => count(client, v, -1));
    this.listening.forEach((l) => l.off?.());
  }

  trackVehicle(id: string | number): void {
    const vehicle = String(id);
    if (this.tracked.has(vehicle)) return;
    this.tracked.add(vehicle);
    if (this.self.client) count(this.self.client, vehicle, 1);
  }

  untrackVehicle(id: string | number): void {
    const vehicle = String(id);
    if (this.tracked.delete(vehicle) && this.self.client) count(this.self.client, vehicle, -1);
  }

  on<K extends keyof Listeners>(name: K, listener: Listeners[K]): () => void {
    const entry = { name, listener, off: this.self.client?.on(name, listener) };
    this.listening.add(entry);
    return () => {
      this.listening.delete(entry);
      entry.off?.();
    };
  }
}
