// A partner's other end, written from docs/wire.md with Node.js alone.
//
//     node examples/partner.mjs FOLDER PARTNER
//
// FOLDER is a nation's, as `skypact coalition` makes it; its NATS server runs (nats-server -c
// FOLDER/nats.conf), and no `skypact node`. What the partner's node sends is printed, each message
// as a line of JSON; scans of plots are read, each a line of JSON, and sent:
//
//     {"radar": "KR-Gangneung", "scan": 1, "use": ["picture"], "time_ns": [...],
//      "range_m": [...], "azimuth_rad": [...], "elevation_rad": [...]}
//
// What it lacks to be a node: a journal (each start is a new epoch; what was printed counts as
// kept), bounds of what comes and a look at its content, connecting anew, and exercises.

import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import readline from "node:readline";

import {
  Incoming, Outgoing, decode, digestOf, encode, join, json, mac, must, nowNs, open, parsed,
  publicKey, read,
} from "./partner_message.mjs";

// -- A nation's folder: its keys, and the partner's card -----------------------------------------

export function readCard(text) {
  const found = (name, value) => new RegExp(`^${name} = ${value}$`, "m").exec(text)?.[1];
  const line = (...names) => Object.fromEntries(names.map((name) => [name, found(name, '"(.*)"')]));
  const links = [...text.matchAll(/^"(.+)" = "(U\w+)"$/gm)].map((one) => one.slice(1)).sort();
  const card = {
    ...line("nation"), serial: JSON.rawJSON(found("serial", "(\\d+)")),
    ...line("address", "signing", "sealing"), links: Object.fromEntries(links),
    authority: found("authority", '"""\n([^"]*)"""'), ...line("certificate_pin"),
    signature: "", ...line("signing_beside"), endorsement: "",
  };
  const body = join("skypact card 1\n", JSON.stringify(card));
  const key = (crv, hex) => publicKey(crv, Buffer.from(hex, "hex"));
  const texts = [card.signing, card.signing_beside].filter((text) => text);
  const verifying = texts.map((text) => key("Ed25519", text));
  const signature = Buffer.from(line("signature").signature, "hex");
  must(crypto.verify(null, body, verifying[0], signature), "the card was altered");
  const fingerprint = digestOf(body).toString("hex");
  return { verifying, sealing: key("X25519", card.sealing), fingerprint };
}

export function readFolder(folder, partner) {
  const file = (name) => fs.readFileSync(`${folder}/${name}`, "utf8");
  const [top, server] = file("node.toml").split("[server]");
  const sealed = ["sealing", "sealing.before"].map((name) => `keys/${name}.key`);
  const there = sealed.filter((name) => fs.existsSync(`${folder}/${name}`));
  const secret = Buffer.from(file("keys/server.secret").trim(), "hex");
  return {
    own: /^nation = "(\w+)"/m.exec(top)[1],
    partner,
    signing: crypto.createPrivateKey(file("keys/signing.key")),
    unsealing: there.map((name) => crypto.createPrivateKey(file(name))),
    ...readCard(file(`partners/${partner}.card.toml`)),
    host: /^host = "(.+?)"/m.exec(server)[1],
    port: Number(/^port = (\d+)/m.exec(server)[1]),
    password: (user) => mac(secret, user).toString("hex"),
  };
}

// -- NATS, its text protocol ---------------------------------------------------------------------

export class Nats {
  rest = Buffer.alloc(0);
  heard = [];

  constructor(ends, user) {
    const login = { user, pass: ends.password(user), lang: "js", version: "1", verbose: false };
    this.socket = net.connect(ends.port, ends.host).on("data", (data) => this.arrived(data));
    this.socket.on("error", (error) => console.error(`${user}: ${error.message}`));
    this.socket.on("close", () => process.exit(1));
    this.say(`CONNECT ${JSON.stringify({ ...login, pedantic: false, headers: true })}`);
  }

  say(line, ...blocks) {
    this.socket.write(join(`${line}\r\n`, ...blocks));
  }

  publish(subject, data, reply = "", headers = {}) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const head = `NATS/1.0\r\n${lines.join("")}\r\n`;
    const sizes = `${head.length} ${head.length + data.length}`;
    this.say(`HPUB ${subject} ${reply} ${sizes}`, head, data, "\r\n");
  }

  subscribe(subject, heard) {
    this.say(`SUB ${subject} ${this.heard.push(heard) - 1}`);
  }

  /** Ask, and wait for the JSON that answers. */
  ask(subject, data, headers) {
    return new Promise((answered) => {
      const reply = `_OWN.${crypto.randomUUID()}`;
      this.subscribe(reply, (message) => answered(JSON.parse(message.data)));
      this.publish(subject, data, reply, headers);
    });
  }

  arrived(data) {
    this.rest = join(this.rest, data);
    for (let end; (end = this.rest.indexOf("\r\n")) >= 0; ) {
      const words = this.rest.toString("latin1", 0, end).split(" ");
      let next = end + 2;
      if (words[0] === "PING") this.say("PONG");
      if (words[0] === "-ERR") console.error(words.join(" "));
      if (words[0].endsWith("MSG")) { // MSG subject id [reply] size, HMSG ... [reply] head size
        const [size, head] = [Number(words.at(-1)), words[0] === "HMSG" ? Number(words.at(-2)) : 0];
        if (this.rest.length < next + size + 2) return;
        const block = this.rest.subarray(next, next + size);
        const lines = block.toString("latin1", 0, head).split("\r\n");
        const headers = Object.fromEntries(lines.map((line) => line.split(/: *(.*)/)));
        const reply = words[words.length - (head ? 3 : 2)];
        this.heard[words[2]]({ data: block.subarray(head), headers, reply });
        next += size + 2;
      }
      this.rest = this.rest.subarray(next);
    }
  }
}

// -- The link: live path, durable path, heartbeats -----------------------------------------------

const NOT_THERE = [10014, 10059]; // consumer, stream
const DURABLE = { retention: "workqueue", storage: "file", discard: "new", num_replicas: 1 };
const PUSHED = { deliver_policy: "all", replay_policy: "instant", max_deliver: -1 };

export class Link {
  has = 0; // the newest of the partner's batches that was taken in
  sending = Promise.resolve();

  constructor(ends, told) {
    Object.assign(this, { ends, told, outgoing: new Outgoing(ends), incoming: new Incoming() });
    const users = ["gate", `inbox_${ends.partner}`, `outbox_${ends.partner}`];
    [this.gate, this.inbox, this.outbox] = users.map((user) => new Nats(ends, user));
  }

  async start() {
    const from = `from.${this.ends.partner}.live.${this.ends.own}`;
    await this.openOutbox(this.ends);
    await this.openInbox(this.ends);
    this.gate.subscribe(`${from}.message`, ({ data }) => this.take("live", data));
    let heard = Promise.resolve(); // one after the other
    this.gate.subscribe(`${from}.heartbeat`, ({ data }) => {
      heard = heard.then(() => this.heard(decode(data)));
    });
    setInterval(() => this.beat(), 1000);
  }

  /** Send a frame by both paths. */
  send(frame) {
    const { partner } = this.ends;
    const id = crypto.randomUUID(); // never used again
    this.gate.publish(`live.${partner}.message`, frame);
    this.sending = this.sending.then(async () => {
      const headers = { "Nats-Msg-Id": id, "Nats-Expected-Last-Sequence": this.last };
      const batch = encode([nowNs(), [[id, frame]]]);
      const stored = await this.gate.ask(`release.${partner}.batch`, batch, headers);
      must(!stored.error, `the outbox: ${stored.error?.description}`);
      this.last = stored.seq;
    });
  }

  take(by, frame) {
    try {
      const { header, payload, digest } = open(frame, this.ends);
      const counts = this.incoming.take(header, digest, by);
      this.told({ by, counts, header, payload: read(payload) });
    } catch (error) {
      this.told({ by, refused: error.message });
    }
  }

  async ask(client, call, body = {}) {
    const said = await client.ask(`$JS.API.${call}`, JSON.stringify(body));
    const { err_code: fault, description } = said.error ?? {};
    must(!fault || NOT_THERE.includes(fault), `${call}: ${description}`);
    return said;
  }

  /** A stream or consumer as it is; made where there is none. */
  async found(client, kind, name, config) {
    const said = await this.ask(client, `${kind}.INFO.${name}`);
    return said.error ? this.ask(client, `${kind}.CREATE.${name}`, config) : said;
  }

  async openOutbox({ own, partner }) {
    const [stream, name] = [`OUT_${partner}`, `to_${partner}`];
    const limits = { max_bytes: 512 << 20, max_consumers: 1, deny_delete: true };
    const taken = { subjects: [`release.${partner}.batch`], first_seq: Date.now() };
    const kept = { name: stream, ...taken, ...DURABLE, ...limits };
    this.last = (await this.found(this.outbox, "STREAM", stream, kept)).state.last_seq;
    const flow = { ack_policy: "flow_control", flow_control: true, idle_heartbeat: 1e9 };
    const deliver = { deliver_subject: `xfer.${own}.${partner}`, max_ack_pending: 1000 };
    const paused = { pause_until: "2999-01-01T00:00:00Z" };
    const config = { name, durable_name: name, ...PUSHED, ...flow, ...deliver, ...paused };
    const body = { stream_name: stream, config };
    this.waits = await this.found(this.outbox, "CONSUMER", `${stream}.${name}`, body);
  }

  async openInbox({ partner }) {
    const stream = `IN_${partner}`;
    const { config } = await this.found(this.inbox, "STREAM", stream, this.inboxStream(""));
    this.source = config.metadata?.outbox ?? "";
    const { consumers } = await this.ask(this.inbox, `CONSUMER.NAMES.${stream}`);
    for (const old of consumers ?? []) {
      await this.ask(this.inbox, `CONSUMER.DELETE.${stream}.${old}`);
    }
    const [name, deliver_subject] = [`gate_${Date.now()}`, `_INBOX.${crypto.randomUUID()}`];
    this.inbox.subscribe(deliver_subject, (message) => this.batch(message));
    const taken = { ack_policy: "explicit", ack_wait: 3600e9, max_ack_pending: 512 };
    const made = { name, durable_name: name, deliver_subject, ...PUSHED, ...taken };
    const body = { stream_name: stream, config: made, action: "create" };
    await this.ask(this.inbox, `CONSUMER.CREATE.${stream}.${name}`, body);
  }

  inboxStream(outbox) {
    const { own, partner } = this.ends;
    const deliver = `xfer.${partner}.${own}`;
    const consumer = { name: `to_${own}`, deliver_subject: deliver };
    const external = { api: `$JS.${partner}.API`, deliver };
    const sources = [{ name: `OUT_${own}`, external, consumer }];
    const limits = { max_bytes: 128 << 20, max_consumers: 2 };
    return { name: `IN_${partner}`, ...DURABLE, ...limits, sources, metadata: { outbox } };
  }

  /** A batch of the durable path; one out of order is told by the chain of its messages. */
  batch({ data, headers, reply }) {
    for (const [, frame] of decode(data)[1]) this.take("durable", frame);
    this.has = Math.max(this.has, Number(headers["Nats-Stream-Source"].split(" ")[1]));
    this.inbox.publish(reply, "+ACK");
  }

  async heard({ outbox, source }) {
    const { partner } = this.ends;
    if (outbox && outbox !== this.source) {
      this.source = ""; // a source that knew another outbox passes over what is in this one
      const update = `STREAM.UPDATE.IN_${partner}`;
      await this.ask(this.inbox, update, { ...this.inboxStream(""), sources: [] });
      await this.ask(this.inbox, update, this.inboxStream(outbox));
      [this.source, this.has] = [outbox, 0];
    }
    if (this.waits.paused && source === this.waits.created) {
      this.waits.paused = false;
      await this.ask(this.outbox, `CONSUMER.PAUSE.OUT_${partner}.to_${partner}`);
    }
  }

  beat() {
    const { has, source } = this;
    const said = { sent_ns: nowNs(), has, outbox: this.waits.created, source };
    this.gate.publish(`live.${this.ends.partner}.heartbeat`, encode(said));
  }
}

// -- The command ---------------------------------------------------------------------------------

if (import.meta.main) {
  const link = new Link(readFolder(...process.argv.slice(2)), (told) => console.log(json(told)));
  await link.start();
  for await (const line of readline.createInterface(process.stdin)) {
    link.send(link.outgoing.plots(parsed(line)));
  }
  await link.sending;
  process.exit();
}
