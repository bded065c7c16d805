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
export type Fix = TrackEvent & {
    lat: number;
    lng: number;
};
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
/** Connects, and stays connected: what is tracked is tracked again, from where it was, after every interruption. */
export declare function connect(options: Options): Client;
