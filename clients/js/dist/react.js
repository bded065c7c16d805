import { useEffect, useMemo, useState } from 'react';
import { connect } from './client.js';
let defaults = { url: '' };
/** Says once where the gateway is. In a page that the gateway's host serves, that host is the default. */
export function configure(options) {
    defaults = options;
}
function options(token) {
    const here = globalThis.location?.origin;
    const url = defaults.url || here;
    if (!url)
        throw new Error('trackgate: call configure({url}) first');
    return { ...defaults, url, token };
}
const shared = new Map();
function acquire(token) {
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
            if (--held.users > 0)
                return;
            held.end = setTimeout(() => {
                held.client.close();
                if (shared.get(token) === held)
                    shared.delete(token);
            }, 1000);
        },
    };
}
// How many of a client's users track a vehicle: it is untracked with the last.
const counts = new WeakMap();
function count(client, vehicle, by) {
    let of = counts.get(client);
    if (!of)
        counts.set(client, (of = new Map()));
    const n = (of.get(vehicle) ?? 0) + by;
    if (n > 0) {
        of.set(vehicle, n);
        client.trackVehicle(vehicle);
    }
    else {
        of.delete(vehicle);
        client.untrackVehicle(vehicle);
    }
}
/** Follows one vehicle. location is null until its last known position has come. */
export function useVehicleTracking(vehicleId, token) {
    const vehicle = String(vehicleId);
    const [location, setLocation] = useState(null);
    const [state, setState] = useState('connecting');
    useEffect(() => {
        const { client, release } = acquire(token);
        setLocation(client.location(vehicle) ?? null);
        setState(client.state);
        const offs = [
            client.on('location', (fix) => { if (fix.vehicle === vehicle)
                setLocation(fix); }),
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
/** A connection for as long as the component is mounted. What it tracks ends with it. */
export function useRealtimeConnection(token) {
    const [state, setState] = useState('connecting');
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
    return useMemo(() => Object.assign(Object.create(held), { connected: state === 'connected' }), [held, state]);
}
// What is asked for before the effect has run is remembered.
class Held {
    constructor() {
        this.self = { client: undefined };
        this.tracked = new Set();
        this.listening = new Set();
    }
    attach(client) {
        this.self.client = client;
        this.tracked.forEach((v) => count(client, v, 1));
        this.listening.forEach((l) => { l.off = client.on(l.name, l.listener); });
    }
    detach() {
        const client = this.self.client;
        this.self.client = undefined;
        if (client)
            this.tracked.forEach((v) => count(client, v, -1));
        this.listening.forEach((l) => l.off?.());
    }
    trackVehicle(id) {
        const vehicle = String(id);
        if (this.tracked.has(vehicle))
            return;
        this.tracked.add(vehicle);
        if (this.self.client)
            count(this.self.client, vehicle, 1);
    }
    untrackVehicle(id) {
        const vehicle = String(id);
        if (this.tracked.delete(vehicle) && this.self.client)
            count(this.self.client, vehicle, -1);
    }
    on(name, listener) {
        const entry = { name, listener, off: this.self.client?.on(name, listener) };
        this.listening.add(entry);
        return () => {
            this.listening.delete(entry);
            entry.off?.();
        };
    }
}
