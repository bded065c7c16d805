// A socket.io-client driven by lines of JSON: [command, ...] on standard input, [event, ...] on standard output.
import { createInterface } from 'node:readline';
import { io } from 'socket.io-client';

const say = (...what) => console.log(JSON.stringify(what));
let socket;

const commands = {
  connect(url, options) {
    socket = io(url, options);
    socket.on('connect', () => say('connect', { recovered: socket.recovered, transport: socket.io.engine.transport.name }));
    socket.on('disconnect', (reason) => say('disconnect', reason));
    socket.on('connect_error', (error) => say('connect_error', error.message));
    socket.onAny((event, ...args) => say(event, ...args));
    socket.io.on('reconnect', () => say('reconnect'));
    socket.io.on('open', () => socket.io.engine.on('upgrade', (transport) => say('upgrade', transport.name)));
    socket.io.on('ping', () => say('ping'));
  },
  emit(...args) { socket.emit(...args); },
  ask(...args) { socket.emit(...args, (answer) => say('ack', answer)); },
  binary(hex) { socket.emit('track:vehicle', Buffer.from(hex, 'hex')); },
  auth(token) { socket.auth = { token }; },
  reopen() { socket.connect(); },
  namespace(name) {
    const other = socket.io.socket(name, {});
    other.on('connect_error', (error) => say('namespace', error.message));
    other.connect();
  },
  disconnect() { socket.disconnect(); },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, ...args] = JSON.parse(line);
  commands[command](...args);
}).on('close', () => process.exit(0));
