// The system of the founding document, built as it says: Express, Socket.IO 4 with the Redis adapter, tokens checked by jsonwebtoken.
// It is what `make bench-fanout` compares the fanout tier with. One process, one listener: PORT, REDIS_URL and JWT_SECRET come from the environment.
import http from 'node:http';
import express from 'express';
import jwt from 'jsonwebtoken';
import { createClient } from 'redis';
import { createAdapter } from '@socket.io/redis-adapter';
import { Server } from 'socket.io';

const { PORT, REDIS_URL, JWT_SECRET } = process.env;
const verify = (token) => jwt.verify(token, JWT_SECRET, { algorithms: ['HS256'] });

const redis = createClient({ url: REDIS_URL });
const [publisher, subscriber, locations] = [redis, redis.duplicate(), redis.duplicate()];
await Promise.all([publisher, subscriber, locations].map((c) => c.connect()));

const app = express();
const server = http.createServer(app);
const io = new Server(server, {
  adapter: createAdapter(publisher, subscriber),
  pingInterval: 25000,
  pingTimeout: 20000,
});

app.get('/health/realtime', async (_req, res) => {
  res.json({
    status: 'healthy',
    connections: io.engine.clientsCount,
    rooms: io.sockets.adapter.rooms.size,
    redis: (await redis.ping()) === 'PONG' ? 'connected' : 'disconnected',
  });
});

io.use((socket, next) => {
  try {
    socket.data.user = verify(socket.handshake.auth.token);
    next();
  } catch {
    next(new Error('Unauthorized'));
  }
});

// What a table would be asked for is in the token here: the reference pays for no query.
const checkVehicleAccess = async (user, id) => user.vehicles.includes('*') || user.vehicles.includes(id);

io.on('connection', (socket) => {
  socket.on('track:vehicle', async (id, done) => {
    if (!(await checkVehicleAccess(socket.data.user, String(id)))) {
      return socket.emit('error', 'Unauthorized');
    }
    socket.join(`vehicle:${id}`);
    done?.();
  });
});

// Its limit of one update a second for each vehicle is left out: the load measures every event.
await locations.pSubscribe('tracking:vehicle:*', (message, channel) => {
  io.to(`vehicle:${channel.slice('tracking:vehicle:'.length)}`).emit('location:update', JSON.parse(message));
});

server.listen(Number(PORT), '127.0.0.1');
