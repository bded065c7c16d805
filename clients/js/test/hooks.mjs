// Both hooks, as a component uses them. Prints what is rendered.
import { createInterface } from 'node:readline';
import { createElement as h, useEffect } from 'react';
import { act, create } from 'react-test-renderer';
import WebSocket from 'ws';
import { configure, useRealtimeConnection, useVehicleTracking } from '../dist/react.js';

const [, , url, token, vehicle, second] = process.argv;
configure({ url, ...(globalThis.WebSocket ? {} : { WebSocket }), backoff: 50, backoffMax: 200, maxHz: 0 });
const say = (...what) => console.log(JSON.stringify(what));

function Dashboard() {
  const { location, connected } = useVehicleTracking(vehicle, token);
  const socket = useRealtimeConnection(token);
  socket.trackVehicle(second);
  useEffect(() => socket.on('location', (fix) => say('heard', fix.vehicle)), []);
  say('render', { speed: location?.speed ?? null, connected });
  return null;
}

let root;
await act(async () => { root = create(h(Dashboard)); });
createInterface({ input: process.stdin })
  .on('line', () => { act(() => root.unmount()); say('unmounted'); })
  .on('close', () => process.exit(0));
