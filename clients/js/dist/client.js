import { expiryOf } from './token.js';
const unauthorized = 4401;
const maxIDs = 1000; // vehicles in one call
/** Connects, and stays connected: what is tracked is tracked again, from where it was, after every interruption. */
export function connect(options) {
    return new Connection(options);
}
class Connection {
    constructor(options) {
        this.options = options;
        this.state = 'connecting';
        this.attempts = 0;
        this.asked = false; // whether the connection lives
        this.refusedFresh = false; // the last token was refused before it had served
        this.tracked = new Set();
        this.groups = null;
        this.told = false; // what is not tracked by id has been asked for: asked for again, it may have a gap
        this.seen = new Map();
        this.last = new Map(); // seq of what was heard last of each vehicle, alarms and the like included
        this.listeners = {
            location: new Set(), event: new Set(), state: new Set(), error: new Set(), resync: new Set(),
        };
        this.token = options.token;
        // Later, so that whoever called has put his listeners on.
        this.retry = setTimeout(() => void this.open(), 0);
    }
    on(name, listener) {
        this.listeners[name].add(listener);
        return () => { this.listeners[name].delete(listener); };
    }
    location(id) {
        return this.seen.get(String(id));
    }
    trackVehicle(id) {
        const vehicle = String(id);
        if (this.tracked.has(vehicle))
            return;
        this.tracked.add(vehicle);
        if (this.state === 'connected')
            this.send(this.request({ track: [vehicle] }));
    }
    untrackVehicle(id) {
        const vehicle = String(id);
        if (!this.tracked.delete(vehicle))
            return;
        this.seen.delete(vehicle);
        this.last.delete(vehicle);
        if (this.state === 'connected')
            this.send({ untrack: [vehicle] });
    }
    trackGroups(groups) {
        const before = this.groups;
        this.groups = groups && groups.length > 0 ? [...groups] : null;
        if (this.state === 'connected' && (before || this.groups))
            this.send(this.request({ groups: this.groups }));
    }
    setToken(token) {
        this.token = token;
        this.refusedFresh = false;
        if (this.state === 'unauthorized') {
            this.turn('connecting');
            void this.open();
        }
        else if (this.state === 'connected') {
            void this.renew();
        }
    }
    close() {
        this.turn('closed');
        this.detach();
        clearTimeout(this.retry);
    }
    emit(name, ...args) {
        for (const listener of [...this.listeners[name]])
            listener(...args);
    }
    turn(state) {
        if (this.state === state || this.state === 'closed')
            return;
        this.state = state;
        this.emit('state', state);
    }
    async ask() {
        return typeof this.token === 'function' ? this.token() : this.token;
    }
    async open() {
        let token;
        try {
            token = await this.ask();
        }
        catch (e) {
            this.emit('error', `no token: ${String(e)}`);
            this.later();
            return;
        }
        if (this.state !== 'connecting')
            return;
        this.detach();
        const Socket = this.options.WebSocket ?? globalThis.WebSocket;
        if (!Socket)
            throw new Error('trackgate: there is no WebSocket here; pass one in the options');
        const url = this.options.url.replace(/^http/, 'ws').replace(/\/+$/, '');
        const socket = new Socket(url.endsWith('/ws') ? url : `${url}/ws`);
        this.socket = socket;
        this.listen();
        socket.onopen = () => this.send({ auth: token, ping: 'auth' });
        socket.onmessage = (e) => {
            this.listen();
            const message = JSON.parse(e.data);
            for (const m of Array.isArray(message) ? message : [message])
                this.take(m, token);
        };
        socket.onerror = () => { }; // onclose follows
        socket.onclose = (e) => {
            if (socket === this.socket)
                this.lost(e?.code);
        };
    }
    take(m, token) {
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
                if (m.pong === 'auth')
                    this.ready(token);
        }
    }
    /** Notes from where to resume: the highest of a session, since a position may come behind a later alarm; of two sessions the one heard last. */
    mark(m, snapshot = false) {
        if (!m.seq || !this.tracked.has(m.vehicle))
            return;
        const last = this.last.get(m.vehicle) ?? '';
        const other = last.slice(0, 13) !== m.seq.slice(0, 13);
        if (m.seq > last || (other && !snapshot))
            this.last.set(m.vehicle, m.seq);
    }
    show(m) {
        if (m.lat === undefined || m.lng === undefined)
            return;
        const before = this.seen.get(m.vehicle);
        // A snapshot repeats what is known. One device time is told apart by seq, and a third party's publish has none.
        if (before && (m.time < before.time || (m.time === before.time && (m.seq ?? '') <= (before.seq ?? ''))))
            return;
        const fix = bare(m);
        if (this.tracked.has(m.vehicle) || this.wide())
            this.seen.set(m.vehicle, fix);
        this.emit('location', fix);
    }
    /** Whether more is followed than what is tracked by id. */
    wide() {
        return this.groups !== null || this.tracked.has('*');
    }
    /** The server has taken the token. */
    ready(token) {
        this.attempts = 0;
        this.refusedFresh = false;
        this.plan(token);
        const resume = {};
        const track = [];
        for (const vehicle of this.tracked) {
            const seq = this.last.get(vehicle);
            if (seq)
                resume[vehicle] = seq;
            else
                track.push(vehicle);
        }
        const known = Object.keys(resume);
        for (let i = 0; i < known.length; i += maxIDs) {
            const part = {};
            for (const vehicle of known.slice(i, i + maxIDs))
                part[vehicle] = resume[vehicle];
            this.send(this.request({ resume: part }));
        }
        for (let i = 0; i < track.length; i += maxIDs)
            this.send(this.request({ track: track.slice(i, i + maxIDs) }));
        if (this.groups)
            this.send(this.request({ groups: this.groups }));
        this.turn('connected');
        if (this.told && this.wide())
            this.emit('resync'); // only what is tracked by id is resumed
        this.told = true;
    }
    request(r) {
        return this.options.maxHz === undefined ? r : { ...r, max_hz: this.options.maxHz };
    }
    send(request) {
        try {
            this.socket?.send(JSON.stringify(request));
        }
        catch {
            // not open any more: its end is about to be told, and then everything is said again
        }
    }
    /** Renews the token a little before it expires, if there is somebody to ask. */
    plan(token) {
        clearTimeout(this.renewal);
        const expires = expiryOf(token);
        if (expires === undefined || typeof this.token !== 'function')
            return;
        const left = expires - Date.now();
        const wait = Math.max(left - Math.max(30000, left / 10), left / 2, 1000);
        if (wait < 2 ** 31)
            this.renewal = setTimeout(() => void this.renew(), wait);
    }
    async renew() {
        const socket = this.socket;
        try {
            const token = await this.ask();
            if (socket !== this.socket || this.state !== 'connected')
                return;
            this.send({ auth: token });
            this.plan(token);
        }
        catch (e) {
            this.emit('error', `no token: ${String(e)}`); // the old one serves until it expires
        }
    }
    /** Starts to wait for a sign of life anew. */
    listen() {
        this.asked = false;
        clearTimeout(this.beat);
        const wait = this.options.heartbeat ?? 20000;
        const late = () => {
            if (this.asked) {
                this.lost();
                return;
            }
            this.asked = true;
            if (this.state === 'connected')
                this.send({ ping: 1 });
            this.beat = setTimeout(late, wait);
        };
        this.beat = setTimeout(late, wait);
    }
    detach() {
        clearTimeout(this.beat);
        clearTimeout(this.renewal);
        const socket = this.socket;
        this.socket = undefined;
        if (!socket)
            return;
        socket.onopen = socket.onmessage = socket.onclose = null;
        try {
            socket.close(1000);
        }
        catch {
            // was closed
        }
    }
    lost(code) {
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
    later() {
        if (this.state !== 'connecting')
            return;
        const { backoff = 500, backoffMax = 30000 } = this.options;
        const most = Math.min(backoffMax, backoff * 2 ** Math.min(this.attempts++, 20));
        clearTimeout(this.retry);
        this.retry = setTimeout(() => void this.open(), most * (0.5 + Math.random() / 2));
    }
}
function bare(m) {
    const { type: _, ...event } = m;
    return event;
}
