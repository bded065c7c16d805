import type { Fix, Listeners, Options } from './client.js';
/** Says once where the gateway is. In a page that the gateway's host serves, that host is the default. */
export declare function configure(options: Omit<Options, 'token'>): void;
/** Follows one vehicle. location is null until its last known position has come. */
export declare function useVehicleTracking(vehicleId: string | number, token: string): {
    location: Fix | null;
    connected: boolean;
};
/** What useRealtimeConnection returns; it stays the same object while the token does. */
export interface RealtimeConnection {
    trackVehicle(id: string | number): void;
    untrackVehicle(id: string | number): void;
    on<K extends keyof Listeners>(name: K, listener: Listeners[K]): () => void;
}
/** A connection for as long as the component is mounted. What it tracks ends with it. */
export declare function useRealtimeConnection(token: string): RealtimeConnection & {
    connected: boolean;
};
