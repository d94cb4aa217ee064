// One call as a lane: what the server wrote and when, what the client read, holds, the end, and the bill.

const NEVER_SENT = new Set(["cancelled", "left"]);
const EVENTS_KEPT = 3000; // of a lane

export class Lane {
  constructor(session, id, started) {
    this.key = `${session}/${id}`;
    this.session = session;
    this.id = id;
    this.started = started; // Unix time, seconds
    this.call = null; // the document of the call, as of the latest answer
    this.request = { method: "", path: "" };
    this.route = null;
    this.status = null;
    this.outcome = null;
    this.how = null;
    this.headAt = null;
    this.leftAt = null;
    this.endedAt = null; // nothing more is drawn past it, but for the model
    this.modelUntil = null;
    this.ends = [];
    this.kinds = "";
    this.writtenAt = [];
    this.reads = []; // [at, offset]
    this.holds = []; // [from, to]; `to` is null while it lasts
    this.written = 0;
    this.read = null;
    this.chunks = null;
    this.size = null;
    this.ending = "eof";
    this.reset = false;
    this.open = true;
    this.braked = false;
    this.bill = null;
    this.events = [];
    this.event = 0; // the number of its latest event that was applied
    this.version = 0; // goes up with each change
  }

  static of(document, asOf) {
    const lane = new Lane(document.session, document.id, document.started);
    lane.learn(document, asOf);
    return lane;
  }

  /**
   * Take what the server says of it. `asOf`: the latest event when it said so, -1 where that is not known. An answer may
   * be older than events that have come meanwhile: then what they said of holds is kept. What has ended stays so.
   */
  learn(document, asOf = -1) {
    this.call = document;
    this.request = document.request.body === undefined && this.request.body !== undefined ? this.request : document.request;
    this.route = document.route;
    this.status = document.status;
    this.outcome = document.outcome ?? this.outcome;
    this.how = document.how ?? this.how;
    this.open &&= document.open;
    this.bill = document.bill;
    this.chunks = document.chunks ?? this.chunks;
    this.size = document.stream_size ?? this.size;
    this.written = Math.max(this.written, document.bytes_written);
    this.read = document.bytes_read ?? this.read;
    if (document.started !== undefined) this.started = document.started;
    if (document.left_after !== undefined) this.leftAt = document.left_after ?? this.leftAt;
    if (document.model_until !== undefined) this.modelUntil = document.model_until;
    if (document.ended_after !== null) this.endedAt = document.ended_after;
    if (document.stream !== undefined) this.plan(document.stream, document);
    if (asOf >= this.event) this.learnHold(document);
    this.version += 1;
  }

  learnHold(document) {
    this.braked = document.braked;
    if (document.held_at === null) this.release(this.lastAt());
    else if (!this.isHeld) this.holds.push([this.lastAt(), null]);
  }

  plan(stream, document) {
    this.ends = stream.ends;
    this.kinds = stream.kinds;
    this.ending = stream.ending;
    if (stream.written_at.length > this.writtenAt.length) this.writtenAt = stream.written_at;
    if (this.reads.length === 0 && document.bytes_read) this.reads.push([this.lastAt(), document.bytes_read]);
  }

  lastAt() {
    return Math.max(this.writtenAt.at(-1) ?? 0, this.headAt ?? 0);
  }

  release(at) {
    const last = this.holds.at(-1);
    if (last !== undefined && last[1] === null) last[1] = Math.max(at, last[0]);
  }

  apply(event) {
    this.version += 1;
    this.event = event.id;
    if (this.events.length < EVENTS_KEPT) this.events.push(event);
    // An event may be older than what a document has already said.
    if (event.body_written > this.written) this.written = event.body_written;
    if (event.body_read > (this.read ?? 0)) {
      this.read = event.body_read;
      this.reads.push([event.at, event.body_read]);
    }
    if (event.outcome !== undefined) this.decide(event);
    const change = CHANGES[event.event];
    if (change !== undefined) change(this, event);
  }

  decide(event) {
    this.outcome = event.outcome;
    this.endedAt ??= event.at;
    if (event.event !== "fault_reached") this.open = false;
  }

  /** Which state it is in, for its colour and for the filter. */
  get state() {
    if (this.isHeld && this.open) return "held";
    if (this.outcome === null) return "open";
    return this.outcome;
  }

  get isHeld() {
    const last = this.holds.at(-1);
    return last !== undefined && last[1] === null;
  }

  /** What its bill counts: where a stream's tokens cannot be counted, its events stand for them. */
  get noun() {
    return this.call?.bill?.counted === "events" ? "event" : "token";
  }

  /** What the model made, or will have made, that was never sent: [tokens, dollars]. */
  get leaked() {
    if (this.bill === null || !NEVER_SENT.has(this.outcome)) return [0, 0];
    const tokens = Math.max(0, this.bill.tokens_billed - this.bill.tokens_written);
    const all = this.bill.tokens_billed + (this.call?.bill?.tokens_prompt ?? 0);
    return [tokens, all > 0 ? (this.bill.cost * tokens) / all : 0];
  }

  /** When nothing more happens in it: Unix time, null while something may. */
  until() {
    if (this.open || this.endedAt === null) return null;
    return this.started + Math.max(this.endedAt, this.modelUntil ?? 0, this.lastAt());
  }
}

const CHANGES = {
  request_read(lane, event) {
    lane.request = event.request;
    lane.started = event.started_at;
  },
  begun(lane, event) {
    lane.status = event.status;
    lane.route = event.route ?? null;
    lane.chunks = event.stream.chunks;
    lane.size = event.stream.bytes;
    lane.ending = event.stream.ending;
  },
  settled(lane, event) {
    lane.chunks = event.stream.chunks;
    lane.size = event.stream.bytes;
    lane.ending = event.stream.ending;
  },
  head_written(lane, event) {
    lane.headAt = event.at;
  },
  wrote(lane, event) {
    const known = lane.writtenAt.length === 0 ? 0 : lane.ends[lane.writtenAt.length - 1];
    if (event.body_written <= known) return;
    for (let number = 0; number < event.chunks; number += 1) {
      if (lane.ends[lane.writtenAt.length] === undefined) lane.ends.push(event.body_written);
      lane.writtenAt.push(event.at);
    }
  },
  held(lane, event) {
    if (event.held) lane.holds.push([event.at, null]);
    else {
      lane.release(event.at);
      lane.braked = false;
    }
  },
  left(lane, event) {
    lane.leftAt = event.at;
    lane.how = event.how;
    lane.reset = event.reset;
    lane.endedAt = event.at;
    lane.open = false;
    lane.release(event.at);
  },
  cut(lane, event) {
    lane.ending = event.ending;
    lane.endedAt = event.at;
    lane.open = false;
    lane.release(event.at);
  },
  connection_ended(lane, event) {
    lane.endedAt ??= event.at;
    lane.open = false;
    lane.release(event.at);
  },
};
