// A dashboard as the founding document has it. The parts between the lines are its code, unchanged; around them stands what a page would
// have: the constants, and something to show.
import { io } from 'socket.io-client';

const [, , WS_URL, userToken, vehicleId] = process.argv;
const say = (...what) => console.log(JSON.stringify(what));

// ---
const socket = io(WS_URL, {
  auth: { token: userToken }
});
// ---
socket.on('reconnect', () => {
  // Re-subscribe to tracking
  socket.emit('track:vehicle', vehicleId);
});
// ---

socket.emit('track:vehicle', vehicleId);
socket.on('location:update', (data) => say('location:update', data));
socket.on('disconnect', (reason) => say('disconnect', reason));
socket.on('reconnect', () => say('reconnect'));
process.stdin.resume().on('close', () => process.exit(0));
