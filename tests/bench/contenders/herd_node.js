// herd_node.js - a server of the herd in Node.js, to compare herd with.
//
//   node herd_node.js -c FILE NAME
//
//   client ---> Client --> Herd, what is known --> Link ---> neighbour
//          <---                                         <---
//
// One thread, no locks. All lines of one read are answered in one write, and
// what is new in them goes to each neighbour in one write. A neighbour that is
// slow is told the newest of each client when it can take it, so that what
// waits for it is bounded.
//
// It speaks the protocol of herd(7) as a "plain" server does. What herdd does
// and this does not: ask for a secret, ask for places, log what is said, bound
// the number of clients and the time they may take to read, tell an echo, a line
// that another server has written anew, from news. And herdd compares
// what both hold with a neighbour that comes back, where this tells it all.
'use strict';

const { promises: dns } = require('node:dns');
const fs = require('node:fs');
const net = require('node:net');
const lines = require('./herd_node_lines.js');

const AT_LINE_MAX = 128 * 1024; // from a neighbour
const QUOTE = 128; // of a line that is too long
const ANSWERS_MAX = 256 * 1024; // in one write, or a little more
const DISCARD_MS = 1000;
const REDIAL_MS = { first: 50, last: 2000 };
const PAGE = 64 * 1024; // of what a neighbour has not been told

const NO_PLACES = `{
   "html_attributions" : [],
   "results" : [],
   "status" : "ZERO_RESULTS"
}

`;
const NO_PROVIDER = `{
   "error_message" : "This server has no places provider.",
   "html_attributions" : [],
   "results" : [],
   "status" : "UNKNOWN_ERROR"
}

`;

// --- the clock ---------------------------------------------------------------

// The wall clock to the nanosecond. Date.now() tells it in milliseconds only;
// the nanoseconds of process.hrtime() count from some other moment. How far
// apart these two are can be seen when a millisecond begins.
class Clock {
  constructor() {
    this.adjust();
    setInterval(() => this.check(), 1000).unref();
  }

  now() {
    let [seconds, nanoseconds] = process.hrtime();
    seconds += this.ahead.seconds;
    nanoseconds += this.ahead.nanoseconds;
    if (nanoseconds >= 1e9) {
      seconds++;
      nanoseconds -= 1e9;
    }
    return new lines.Moment(seconds, nanoseconds);
  }

  adjust() {
    let ahead = 0n;
    // Whatever delays us makes it too small.
    for (let i = 0; i < 5; i++) {
      const before = Date.now();
      let milliseconds;
      do milliseconds = Date.now(); while (milliseconds === before);
      const seen = BigInt(milliseconds) * 1_000_000n - process.hrtime.bigint();
      if (seen > ahead) ahead = seen;
    }
    this.ahead = {
      seconds: Number(ahead / 1_000_000_000n),
      nanoseconds: Number(ahead % 1_000_000_000n),
    };
  }

  // Somebody may have set the wall clock.
  check() {
    const { seconds, nanoseconds } = this.now();
    const milliseconds = seconds * 1000 + nanoseconds / 1e6;
    if (Math.abs(milliseconds - Date.now()) > 2) this.adjust();
  }
}

// --- the herd ----------------------------------------------------------------

// A string that is cut out of another, or put together of several, keeps those
// in memory. What is stored for long is a copy.
const scratch = Buffer.allocUnsafe(2 * AT_LINE_MAX);

function copyOf(text) {
  return scratch.latin1Slice(0, scratch.latin1Write(text, 0));
}

// What a server knows, and whom it tells.
class Herd {
  constructor({ name, limits, stopTimeout }) {
    this.name = name;
    this.limits = limits;
    this.stopTimeout = stopTimeout;
    this.clock = new Clock();
    this.sightings = new Map(); // by the client's id
    this.clients = new Set();
    this.links = [];
    this.isStopping = false;
  }

  // `knownBy`: the names of servers that need not be told, each behind a space.
  learn(id, sighting, knownBy) {
    const held = this.sightings.get(id);
    if (held && !lines.isNewer(sighting, held)) return;
    const line = copyOf(sighting.line);
    if (held) {
      held.seconds = sighting.seconds;
      held.nanoseconds = sighting.nanoseconds;
      held.line = line;
      sighting = held;
    } else {
      sighting.line = line;
      this.sightings.set(copyOf(id), sighting);
    }
    if (this.links.length > 0) this.tell(sighting, knownBy.split(' '));
  }

  tell(sighting, knownBy) {
    const update = this.updateOf(sighting);
    for (const link of this.links)
      if (!knownBy.includes(link.name)) link.tell(sighting, update);
  }

  // Behind the line it says who sends it, so that it is not sent back.
  updateOf({ line }) {
    return `${line.slice(0, -1)} ${this.name}\n`;
  }

  // To be called when all lines of a read have been obeyed.
  sendNews() {
    for (const link of this.links) link.sendNews();
  }

  async serve(me, neighbours) {
    const { address } = await dns.lookup(me.host);
    for (const neighbour of neighbours) {
      neighbour.address = (await dns.lookup(neighbour.host)).address;
      this.links.push(new Link(this, neighbour, address));
    }
    this.neighbourAddresses = new Set(neighbours.map(({ address }) => address));
    this.server = net.createServer({ allowHalfOpen: true, noDelay: true });
    this.server.on('connection', (socket) => new Client(this, socket));
    this.server.on('error', (error) => die(1, error.message));
    this.server.listen({ host: address, port: me.port, backlog: 4096 }, () => {
      console.log(`serving on ${address}:${me.port}`);
      for (const link of this.links) link.dial();
    });
  }

  // The process ends when nothing is left open. A neighbour closes when it has
  // read all, a client when it wants to.
  stop() {
    this.isStopping = true;
    this.server.close();
    for (const client of this.clients) client.discard();
    for (const link of this.links) link.stop();
    setTimeout(() => process.exit(0), this.stopTimeout * 1000).unref();
  }
}

// --- clients -----------------------------------------------------------------

// Whoever has connected: a client, or a neighbour that tells its updates.
class Client {
  constructor(herd, socket) {
    this.herd = herd;
    this.socket = socket;
    this.isNeighbour = herd.neighbourAddresses.has(socket.remoteAddress);
    this.rest = ''; // not yet obeyed
    this.hasEnded = false;
    this.isDiscarding = false;
    herd.clients.add(this);
    socket.setDefaultEncoding('latin1');
    socket.on('data', (data) => this.take(data.latin1Slice()));
    socket.on('end', () => this.end());
    socket.on('drain', () => this.goOn());
    socket.on('error', () => {}); // "close" follows
    socket.on('close', () => herd.clients.delete(this));
  }

  take(chunk) {
    if (this.isDiscarding) return;
    this.rest += chunk;
    if (chunk.includes('\n') || this.rest.length > this.herd.limits.line)
      this.obey();
  }

  // What has no LF at the end of file is a line, too.
  end() {
    this.hasEnded = true;
    if (this.isDiscarding) return;
    if (this.rest) this.rest += '\n';
    this.obey();
  }

  goOn() {
    if (this.isDiscarding) return;
    this.socket.resume();
    this.obey();
  }

  // Obey the lines there are, as long as the client takes the answers.
  obey() {
    this.now = this.herd.clock.now();
    let taken = true;
    let more = true;
    while (more && taken) {
      this.answers = '';
      more = this.obeyLines();
      if (this.answers) taken = this.socket.write(this.answers);
      this.herd.sendNews();
    }
    if (this.isTooLong) this.discard();
    else if (!taken) this.socket.pause();
    else if (this.hasEnded) this.socket.end();
  }

  // True if it stopped because of so many answers.
  obeyLines() {
    const text = this.rest;
    let start = 0;
    let end = 0;
    while ((end = text.indexOf('\n', start)) >= 0) {
      if (this.answers.length >= ANSWERS_MAX) break;
      if (this.refuseTooLong(text, start, end)) return false;
      this.answers += this.answer(text, start, end);
      start = end + 1;
    }
    if (end < 0 && this.refuseTooLong(text, start, text.length)) return false;
    this.rest = text.slice(start);
    return end >= 0;
  }

  refuseTooLong(text, start, end) {
    const length = end - start;
    if (length <= this.herd.limits.line) return false;
    const line = text.slice(start, end);
    if (length <= AT_LINE_MAX && this.isNeighbour && lines.beginsWithAt(line))
      return false;
    this.answers += `? ${line.slice(0, QUOTE)}\n`;
    this.isTooLong = true;
    return true;
  }

  answer(text, start, end) {
    const answer = this.answerNormal(text, start); // as most lines are
    if (answer !== null) return answer;
    const line = text.slice(start, end);
    const fields = lines.fieldsOf(line);
    if (!fields) return '';
    return this.answerNormal(fields.join(' ') + '\n', 0) ??
      `? ${lines.trim(line, fields)}\n`;
  }

  // The answer to the command in normal form that begins at `start`; null if
  // there is none. What a neighbour tells is not answered: ''.
  answerNormal(text, start) {
    let fields;
    if ((fields = lines.match(lines.IAMAT, text, start)))
      return this.iamat(fields);
    if ((fields = lines.match(lines.AT, text, start)))
      return this.at(fields);
    if ((fields = lines.match(lines.WHATSAT, text, start)))
      return this.whatsat(fields);
    return null;
  }

  iamat({ 1: operands, 2: id, 3: whole, 4: fraction }) {
    const stamp = lines.readStamp(whole, fraction);
    if (!stamp || this.isTooFarAhead(stamp)) return null;
    const difference = lines.formatDifference(this.now, stamp);
    const line = `AT ${this.herd.name} ${difference} ${operands}\n`;
    this.herd.learn(id, new lines.Sighting(stamp, line), '');
    return line;
  }

  isTooFarAhead({ seconds, nanoseconds }) {
    const { clockAhead } = this.herd.limits;
    return clockAhead > 0 && seconds - this.now.seconds +
      (nanoseconds - this.now.nanoseconds) / 1e9 > clockAhead;
  }

  at({ 1: line, 2: id, 3: whole, 4: fraction, 5: knownBy }) {
    const stamp = lines.readStamp(whole, fraction);
    if (!stamp || !this.isNeighbour) return null;
    this.herd.learn(id, new lines.Sighting(stamp, line + '\n'), knownBy);
    return '';
  }

  whatsat({ 1: id, 2: radius, 3: bound }) {
    const sighting = this.herd.sightings.get(id);
    if (!sighting) return null;
    const isNothing = lines.isZero(radius) || lines.isZero(bound);
    return sighting.line + (isNothing ? NO_PLACES : NO_PROVIDER);
  }

  // No more answers than are on their way; but to close with something unread
  // would be a reset, and lose the last of them.
  discard() {
    this.isDiscarding = true;
    this.rest = '';
    this.socket.resume();
    this.socket.end(() => {
      setTimeout(() => this.socket.destroy(), DISCARD_MS).unref();
    });
  }
}

// --- neighbours --------------------------------------------------------------

// The connection to a neighbour on which it is told what is new.
class Link {
  constructor(herd, { name, address, port }, localAddress) {
    this.herd = herd;
    this.name = name;
    this.target = { host: address, port, localAddress, noDelay: true };
    this.pause = REDIAL_MS.first;
    this.socket = null; // while it is up
    this.isFull = false; // it takes no more for now
    this.news = ''; // for the next write
    this.untold = new Set(); // sightings that have to wait...
    this.turns = this.untold.values(); // ...for their turn
  }

  dial() {
    if (this.herd.isStopping) return;
    const socket = net.connect(this.target);
    socket.setDefaultEncoding('latin1');
    socket.on('connect', () => this.begin(socket));
    socket.on('drain', () => this.goOn());
    socket.on('error', () => {}); // "close" follows
    socket.on('close', () => this.redial());
    socket.resume(); // nothing is said to us, but we want to hear of its end
  }

  // It may have been away, or started anew: it is told everything.
  begin(socket) {
    console.log(`connected to ${this.name}`);
    this.socket = socket;
    this.pause = REDIAL_MS.first;
    this.untold = new Set(this.herd.sightings.values());
    this.turns = this.untold.values();
    this.goOn();
  }

  redial() {
    this.socket = null;
    this.news = '';
    this.untold.clear();
    setTimeout(() => this.dial(), this.pause).unref();
    this.pause = Math.min(2 * this.pause, REDIAL_MS.last);
  }

  tell(sighting, update) {
    if (!this.socket) return;
    if (this.isFull) this.untold.add(sighting);
    else this.news += update;
  }

  sendNews() {
    if (!this.news) return;
    this.write(this.news);
    this.news = '';
  }

  goOn() {
    this.isFull = false;
    while (this.untold.size > 0 && !this.isFull) this.write(this.nextPage());
    if (this.herd.isStopping && this.untold.size === 0) this.socket.end();
  }

  // The iterator goes on where the last page ended: to begin anew would be to
  // pass all that has been deleted since.
  nextPage() {
    let page = '';
    while (page.length < PAGE) {
      const { value: sighting, done } = this.turns.next();
      if (done) {
        this.turns = this.untold.values();
        break;
      }
      this.untold.delete(sighting);
      page += this.herd.updateOf(sighting);
    }
    return page;
  }

  write(text) {
    this.isFull = !this.socket.write(text);
  }

  stop() {
    if (this.socket && !this.isFull) this.goOn();
  }
}

// --- configuration -----------------------------------------------------------

const COMMENT = /("(?:[^"\\]|\\.)*")|#.*|\/\/.*|\/\*[^]*?\*\//g;
const TALKS_TO = /\btalks_to\s*[=:]\s*[[(]([^\])]*)/;
const LIMITS = /\blimits\s*[=:]\s*\{([^{}]*)\}/;

// What is needed of a herd.conf (libconfig), read without a proper parser.
function readConf(file, name) {
  const text = fs.readFileSync(file, 'latin1').replace(COMMENT, '$1');
  const servers = [];
  for (const group of text.match(/\{[^{}]*\}/g) ?? []) {
    const port = Number(setting(group, 'port'));
    if (port) servers.push(readServer(group, port));
  }
  const me = servers.find((server) => server.name === name);
  if (!me) throw new Error(`${file}: there is no server ${name}`);
  const limits = LIMITS.exec(text)?.[1] ?? '';
  return {
    me,
    neighbours: servers.filter((other) => other !== me &&
      (me.talksTo.includes(other.name) || other.talksTo.includes(name))),
    limits: {
      line: Number(setting(limits, 'line') ?? 65536),
      clockAhead: Number(setting(limits, 'clock_ahead') ?? 0),
    },
    stopTimeout: Number(setting(text, 'stop_timeout') ?? 2),
  };
}

function readServer(group, port) {
  const names = TALKS_TO.exec(group)?.[1].match(/[^",\s]+/g);
  return {
    name: setting(group, 'name'),
    host: setting(group, 'host') ?? '127.0.0.1',
    port,
    talksTo: names ?? [],
  };
}

function setting(group, key) {
  const value = new RegExp(`\\b${key}\\s*[=:]\\s*"?([^",;\\s}]+)`);
  return value.exec(group)?.[1];
}

// --- main --------------------------------------------------------------------

function die(status, message) {
  console.error(`herd_node: ${message}`);
  process.exit(status);
}

function main(args) {
  const [option, file, name] = args;
  if (args.length !== 3 || option !== '-c')
    die(2, 'usage: herd_node.js -c FILE NAME');
  let conf;
  try {
    conf = readConf(file, name);
  } catch (error) {
    die(2, error.message);
  }
  const herd = new Herd({ name, ...conf });
  process.on('SIGTERM', () => herd.stop());
  herd.serve(conf.me, conf.neighbours).catch((error) => die(1, error.message));
}

main(process.argv.slice(2));
