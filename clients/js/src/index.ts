export { connect } from './client.js';
export type { Client, Fix, Listeners, Options, State, TokenSource, TrackEvent, WebSocketLike } from './client.js';
