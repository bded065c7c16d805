// The client driven by lines of JSON: [command, ...] on standard input, [event, ...] on standard output.
import { createInterface } from 'node:readline';
import WebSocket from 'ws';
import { connect } from '../dist/index.js';

const say = (...what) => console.log(JSON.stringify(what));
let client;
let tokens = [];

const commands = {
  connect(url, ...next) {
    tokens = next;
    const token = next.length > 1 ? async () => { say('asked'); return tokens.length > 1 ? tokens.shift() : tokens[0]; } : next[0];
    client = connect({ url, token, WebSocket, backoff: 50, backoffMax: 200, maxHz: 0 });
    for (const name of ['location', 'event', 'state', 'error', 'resync']) client.on(name, (...args) => say(name, ...args));
  },
  track(id) { client.trackVehicle(id); },
  untrack(id) { client.untrackVehicle(id); },
  groups(groups) { client.trackGroups(groups); },
  token(token) { client.setToken(token); },
  close() { client.close(); },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, ...args] = JSON.parse(line);
  commands[command](...args);
}).on('close', () => process.exit(0));
