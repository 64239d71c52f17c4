// A partner's messages, written from docs/wire.md with Node.js alone: MessagePack, seal, frames,
// payloads, chains. examples/partner.mjs moves them.

import crypto from "node:crypto";

export const join = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
export const nowNs = () => BigInt(Date.now()) * 1_000_000n;
export const must = (good, reason) => {
  if (!good) throw new Error(reason);
};

// -- MessagePack; whole numbers that no double holds are BigInt ----------------------------------

/** `n` after the code of the least width that holds it; below `few` it is within the code. */
function sized(n, few, fixed, codes) {
  if (n < few) return Buffer.of(fixed + n);
  const width = [1, 2, 4].find((bytes, k) => codes[k] && n < 256 ** bytes);
  const out = Buffer.alloc(1 + width, codes[Math.log2(width)]);
  out.writeUIntBE(n, 1, width);
  return out;
}

export function encode(value) {
  if (value instanceof Uint8Array) {
    return join(sized(value.length, 0, 0, [0xc4, 0xc5, 0xc6]), value);
  }
  if (typeof value === "boolean") return Buffer.of(value ? 0xc3 : 0xc2);
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return join(sized(text.length, 32, 0xa0, [0xd9, 0xda, 0xdb]), text);
  }
  if (typeof value === "object") {
    const list = Array.isArray(value);
    const items = list ? value : Object.entries(value);
    const kind = list ? [0x90, [0, 0xdc, 0xdd]] : [0x80, [0, 0xde, 0xdf]];
    const head = sized(items.length, 16, ...kind);
    return Buffer.concat([head, ...items.flat(list ? 0 : 1).map(encode)]);
  }
  const whole = typeof value === "bigint" || Number.isSafeInteger(value);
  if (whole && value >= 0 && value < 2 ** 32) {
    return sized(Number(value), 128, 0, [0xcc, 0xcd, 0xce]);
  }
  const out = Buffer.alloc(9, !whole ? 0xcb : value < 0 ? 0xd3 : 0xcf);
  whole ? out.writeBigInt64BE(BigInt(value), 1) : out.writeDoubleBE(value, 1);
  return out;
}

export function decode(bytes) {
  let at = 0;
  const take = (n) => {
    must(at + n <= bytes.length, "it ends too soon");
    return bytes.subarray(at, (at += n));
  };
  const exact = (n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n);
  const unsigned = (n) => (n < 8 ? take(n).readUIntBE(0, n) : exact(take(8).readBigUInt64BE()));
  const signed = (n) => (n < 8 ? take(n).readIntBE(0, n) : exact(take(8).readBigInt64BE()));
  const text = (n) => take(n).toString();
  const list = (n) => Array.from({ length: n }, one);
  const map = (n) => Object.fromEntries(Array.from({ length: n }, () => [one(), one()]));
  const KINDS = [ // the first code, and what it begins
    [0xe0, (code) => code - 0x100], [0xde, (_, k) => map(unsigned(2 << k))],
    [0xdc, (_, k) => list(unsigned(2 << k))], [0xd9, (_, k) => text(unsigned(1 << k))],
    [0xd4, null], [0xd0, (_, k) => signed(1 << k)], [0xcc, (_, k) => unsigned(1 << k)],
    [0xcb, () => take(8).readDoubleBE()], [0xca, () => take(4).readFloatBE()], [0xc7, null],
    [0xc4, (_, k) => take(unsigned(1 << k))], [0xc2, (_, k) => k === 1], [0xc1, null],
    [0xc0, () => null], [0xa0, (_, n) => text(n)], [0x90, (_, n) => list(n)],
    [0x80, (_, n) => map(n)], [0, (code) => code],
  ];
  function one() {
    const code = unsigned(1);
    const [first, read] = KINDS.find(([least]) => code >= least);
    must(read, "it has an extension type");
    return read(code, code - first);
  }
  const value = one();
  must(at === bytes.length, "something follows it");
  return value;
}

// -- The seal: HPKE (RFC 9180), base mode, single shot -------------------------------------------

const AEAD = "chacha20-poly1305";
const TAG = { authTagLength: 16 };
const [KEM, HPKE] = ["KEM\0\x20", "HPKE\0\x20\0\x01\0\x03"];
const raw = (key) => Buffer.from(key.export({ format: "jwk" }).x, "base64url");
export const mac = (key, ...parts) =>
  crypto.createHmac("sha256", key).update(join(...parts)).digest();
const extract = (suite, salt, label, input) => mac(salt, "HPKE-v1", suite, label, input);
const expand = (suite, key, label, info, n) =>
  mac(key, [0, n], "HPKE-v1", suite, label, info, [1]).subarray(0, n);

/** A key of the curve ("Ed25519", "X25519") from its 32 bytes. */
export function publicKey(crv, bytes) {
  const key = { kty: "OKP", crv, x: bytes.toString("base64url") };
  return crypto.createPublicKey({ format: "jwk", key });
}

function keyAndNonce(shared, sent, recipient, info) {
  const drawn = extract(KEM, "", "eae_prk", shared);
  const secret = expand(KEM, drawn, "shared_secret", join(sent, raw(recipient)), 32);
  const hashes = [extract(HPKE, "", "psk_id_hash", ""), extract(HPKE, "", "info_hash", info)];
  const key = extract(HPKE, secret, "secret", "");
  const context = join([0], ...hashes);
  return [expand(HPKE, key, "key", context, 32), expand(HPKE, key, "base_nonce", context, 12)];
}

export function seal(plain, info, recipient) {
  const own = crypto.generateKeyPairSync("x25519");
  const shared = crypto.diffieHellman({ privateKey: own.privateKey, publicKey: recipient });
  const sent = raw(own.publicKey);
  const keys = keyAndNonce(shared, sent, recipient, info);
  const cipher = crypto.createCipheriv(AEAD, ...keys, TAG);
  return join(sent, cipher.update(plain), cipher.final(), cipher.getAuthTag());
}

/** What was sealed for one of several keys: there are two while they change. */
export function unseal(sealed, info, privateKeys) {
  for (const key of privateKeys) {
    try {
      return unsealed(sealed, info, key);
    } catch {} // for another
  }
  throw new Error("its seal is not for us, or of other numbers");
}

function unsealed(sealed, info, privateKey) {
  const [sent, end] = [sealed.subarray(0, 32), sealed.length - 16];
  const shared = crypto.diffieHellman({ privateKey, publicKey: publicKey("X25519", sent) });
  const keys = keyAndNonce(shared, sent, crypto.createPublicKey(privateKey), info);
  const cipher = crypto.createDecipheriv(AEAD, ...keys, TAG).setAuthTag(sealed.subarray(end));
  return join(cipher.update(sealed.subarray(32, end)), cipher.final());
}

// -- Frames; `ends` has own, partner, signing, unsealing (some), verifying (some), sealing --------

const MAGIC = Buffer.from("SKP\x01");
export const digestOf = (body) => crypto.createHash("sha256").update(body).digest();
const signable = (body) => join("skypact message 1\0", body);
const infoOf = (from, to, numbers) => join(`skypact seal 1\0${from}\0${to}\0`, numbers);

export function open(frame, ends) {
  must(frame.subarray(0, 4).equals(MAGIC), "it is no frame of this version");
  must(frame[4] <= 1, "it is neither signed nor sealed");
  const numbers = frame[4] ? frame.subarray(5, 21) : null;
  const info = numbers && infoOf(ends.partner, ends.own, numbers);
  const content = numbers ? unseal(frame.subarray(21), info, ends.unsealing) : frame.subarray(5);
  const [signature, body] = [content.subarray(0, 64), content.subarray(64)];
  const by = (key) => crypto.verify(null, signable(body), key, signature);
  must(ends.verifying.some(by), "its signature is not good");
  const { header, payload } = decode(body);
  must(header.version === 1, "its version is another");
  must(header.addressee === ends.own, "it is for another nation");
  must(header.originator === ends.partner, "it is another nation's");
  must(header.exercise === false, "it is an exercise's");
  must(!numbers || numbersOf(header).equals(numbers), "its numbers outside and inside differ");
  return { header, payload, digest: digestOf(body) };
}

function numbersOf({ epoch, sequence }) {
  const out = Buffer.alloc(16);
  out.writeBigUInt64BE(BigInt(epoch), 0);
  out.writeBigUInt64BE(BigInt(sequence), 8);
  return out;
}

/** The frame of a body; without the addressee's sealing key it is signed alone. */
export function close(header, body, ends) {
  const content = join(crypto.sign(null, signable(body), ends.signing), body);
  if (!ends.sealing) return join(MAGIC, [0], content);
  const numbers = numbersOf(header);
  const sealed = seal(content, infoOf(ends.own, ends.partner, numbers), ends.sealing);
  return join(MAGIC, [1], numbers, sealed);
}

// -- Payloads ------------------------------------------------------------------------------------

const COLUMNS = ["time_ns", "range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s", "snr_db"];
const PATH = ["latitude_rad", "longitude_rad", "height_m"];

function column(numbers, name) {
  const whole = name === "time_ns"; // every other column is of float64
  const values = whole ? BigInt64Array.from(numbers, BigInt) : Float64Array.from(numbers);
  return Buffer.from(values.buffer);
}

/** A payload with its columns as arrays; fields that are not known stay in it. */
export function read(value, name) {
  if (value instanceof Uint8Array) {
    if (![...COLUMNS, ...PATH, "numbers"].includes(name)) return value;
    must(value.length % 8 === 0, `${name} is no column`);
    const aligned = Uint8Array.from(value).buffer;
    return Array.from(new (name === "time_ns" ? BigInt64Array : Float64Array)(aligned));
  }
  if (Array.isArray(value)) return value.map((one) => read(one, name));
  if (value === null || typeof value !== "object") return value;
  const out = Object.fromEntries(Object.entries(value).map(([key, one]) => [key, read(one, key)]));
  return name === "tracklets" ? tracklet(out) : out;
}

/** A tracklet's numbers by their names; triangles by rows. */
function tracklet({ numbers, ...rest }) {
  const b = { 33: 0, 133: 8 }[numbers.length];
  must(b !== undefined, `${numbers.length} numbers are no tracklet`);
  const next = (n) => numbers.splice(0, n);
  const own = { state: next(6), vector: next(6), information: next(21) };
  const biases = { cross_information: next(6 * b), bias_information: next((b * (b + 1)) / 2) };
  return { ...rest, ...own, ...biases, bias_vector: next(b), bias_sigma: next(b) };
}

// -- Chains --------------------------------------------------------------------------------------

/** What goes to the partner: numbered, each naming the one before. */
export class Outgoing {
  sequence = 0;
  digest = Buffer.alloc(0);
  beat = 0;
  scans = {};

  constructor(ends, epoch = Math.floor(Date.now() / 1000)) {
    Object.assign(this, { ends, epoch });
  }

  body(sequence, previous, payload, sent_ns) {
    const { own, partner } = this.ends;
    const who = { version: 1, originator: own, addressee: partner, exercise: false };
    return encode({ header: { ...who, epoch: this.epoch, sequence, previous, sent_ns }, payload });
  }

  message(payload, sent_ns = nowNs()) {
    const body = this.body(++this.sequence, this.digest, payload, sent_ns);
    this.digest = digestOf(body);
    return close(this, body, this.ends);
  }

  plots({ radar, scan, use, ...columns }, sent_ns) {
    const sequence = (this.scans[radar] = (this.scans[radar] ?? 0) + 1);
    const payload = { what: "plots", radar, epoch: this.epoch, sequence, scan, use };
    for (const name in columns) payload[name] = column(columns[name], name);
    return this.message(payload, sent_ns);
  }

  heartbeat(sent_ns = nowNs()) {
    const { sequence: newest, digest } = this;
    const payload = { what: "heartbeat", beat: ++this.beat, newest, digest };
    const body = this.body(0, Buffer.alloc(0), payload, sent_ns);
    return close({ epoch: this.epoch, sequence: 0 }, body, this.ends);
  }
}

/** What comes: whether it counts or the other path brought it; what does not fit is refused. */
export class Incoming {
  begun = { live: 0, durable: 0 };
  epochs = {};

  take({ epoch, sequence, previous }, digest, by) {
    if (sequence === 0) return true; // a heartbeat stands in no chain
    const { live, durable } = this.begun;
    must(epoch >= (by === "live" ? Math.max(live, durable) : durable), "its epoch is over");
    this.begun[by] = epoch;
    const fresh = { came: {}, unconfirmed: {}, wanted: {}, last: 0, broken: false };
    const chain = (this.epochs[epoch] ??= fresh);
    const before = chain.came[sequence];
    const same = before?.equals(digest) ?? false;
    if (by === "live") {
      must(!chain.broken, "its chain is broken");
      must(!before || (same && !chain.unconfirmed[sequence]), "its number came before");
      chain.unconfirmed[sequence] = !before;
    } else if (sequence <= chain.last) {
      const left = chain.wanted[sequence]?.equals(digest); // as the next one named it
      must(same || left, "another came under its number");
    } else {
      const next = sequence === chain.last + 1;
      const named = next ? (chain.came[chain.last] ?? Buffer.alloc(0)) : previous;
      chain.broken = !named.equals(previous) || (chain.broken && !next);
      must(!chain.broken, "it does not name the one before it");
      [chain.last, chain.unconfirmed[sequence]] = [sequence, false];
    }
    if (by === "durable") chain.wanted[sequence - 1] = previous; // it may have been left out
    chain.came[sequence] = digest;
    return !same;
  }
}

// -- JSON: whole numbers of any size, bytes as hexadecimal digits --------------------------------

export const json = (value) =>
  JSON.stringify(value, (_, one) => {
    if (one?.type === "Buffer") return Buffer.from(one.data).toString("hex");
    return typeof one === "bigint" ? JSON.rawJSON(`${one}`) : one;
  });

export const parsed = (text) =>
  JSON.parse(text, (_, one, { source }) => (/^-?\d{16,}$/.test(source) ? BigInt(source) : one));

