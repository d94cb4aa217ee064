"use strict";
const { ClientFailure } = require("./errors.cjs");
const { ask, query } = require("./http.cjs");

const POLL = 30; // seconds of one poll, at most

/** The address of a session, and whether a finding about its client was already thrown. */
class Session {
  constructor(at) {
    this.at = at;
    this.failed = false;
  }

  /** A ClientFailure, which is remembered: a session that is disposed of after it is not judged again. */
  failure(text, call) {
    this.failed = true;
    return new ClientFailure(text, call);
  }

  /** Asks a verb of the session. */
  async ask(path, options) {
    try {
      return await ask(this.at + path, options);
    } catch (error) {
      this.failed ||= error instanceof ClientFailure;
      throw error;
    }
  }

  /** Asks the waiting verb until the condition is met, or cannot be any more, or the time is over. */
  async wait(condition, { timeout = 5, ...options } = {}) {
    for (let left = timeout; ; left -= POLL) {
      const found = await this.ask(`/wait${query({ for: condition, timeout: Math.min(left, POLL), ...options })}`);
      if (found.met || found.final || left <= POLL) return this.met(found);
    }
  }

  met(found) {
    if (!found.met) throw this.failure(found.text, found.call ? new Call(found.call) : undefined);
    return found;
  }
}

/** One request and its answer, as the server saw them when it was asked. */
class Call {
  constructor(document) {
    Object.assign(this, document);
  }
}

/** A reply in its place on the server. */
class Route {
  #session;
  #at;
  #held = new Set();

  constructor(session, document) {
    this.#session = session;
    this.#at = `/routes/${encodeURIComponent(document.id)}`;
    this.id = document.id;
    this.name = document.name;
  }

  /** What the server says of it: method, path, number of calls. */
  async show() {
    return this.#session.ask(this.#at);
  }

  /** Every request that it answered, in their order. */
  async calls() {
    const { calls } = await this.#session.ask(`/calls${query({ route: this.id })}`);
    return calls.map((one) => new Call(one));
  }

  /** The one request that it answered. Throws ClientFailure if there was none, or more than one. */
  async call() {
    const calls = await this.calls();
    if (calls.length === 1) return calls[0];
    const times = `${this.name} was asked ${calls.length} times, not once`;
    throw this.#session.failure(calls.length ? times : `the client never sent a request to ${this.name}`);
  }

  /** Waits until the request with that number (from 1) has come. `timeout` is in seconds. */
  async waitCall({ number = 1, timeout } = {}) {
    return this.#wait("call", { number, timeout });
  }

  /** Waits until a stream is held at a gate with everything before it written. */
  async held({ timeout } = {}) {
    return this.#wait("held", { timeout });
  }

  /** Waits until the outcome of a call is decided. */
  async waitEnded({ number = 1, timeout } = {}) {
    return this.#wait("outcome", { number, timeout });
  }

  /** Waits until the client has taken the whole answer. */
  async waitFinished({ number = 1, timeout } = {}) {
    return this.#wait("finished", { number, timeout });
  }

  async #wait(condition, options) {
    const found = await this.#session.wait(condition, { route: this.id, ...options });
    return new Call(found.call);
  }

  /** Waits for a request, and holds the stream of each that is under way before its next chunk. Resolves with them. */
  async hold({ timeout } = {}) {
    await this.waitCall({ timeout });
    const open = (await this.calls()).filter((one) => one.outcome === null);
    for (const { id } of open) this.#held.add(id);
    return Promise.all(open.map(({ id }) => this.#steer(id, "hold")));
  }

  /**
   * Lets the streams go on that the method `hold` holds. Where there are none, it opens the next gate (`hold(n)` in
   * `through`), or that many, for every request that the route answers now or later.
   */
  async release(gates = 1) {
    const held = (await this.calls()).filter((one) => this.#held.has(one.id) && one.outcome === null);
    this.#held.clear();
    await Promise.all(held.map(({ id }) => this.#steer(id, "release")));
    if (held.length) return;
    await this.#session.ask(`${this.#at}/release${query({ gates })}`, { method: "POST" });
  }

  async #steer(id, verb) {
    return new Call(await this.#session.ask(`/calls/${encodeURIComponent(id)}/${verb}`, { method: "POST" }));
  }

  /** Takes it away; its calls stay in the journal. */
  async remove() {
    await this.#session.ask(this.#at, { method: "DELETE" });
  }

  /**
   * `act` is the act of cancelling: every open call must be left within so many seconds of its end. Resolves with the
   * calls that were left; throws ClientFailure otherwise.
   */
  async expectDisconnect(act, { within = 0.25 } = {}) {
    const { event } = await this.#session.ask("");
    await act();
    const options = { for: "left", route: this.id, since: event, within };
    let found = await this.#session.ask(`/wait${query(options)}`);
    while (!found.met && !found.final) found = await this.#session.ask(`/wait${query({ ...options, act: found.act })}`);
    return this.#session.met(found).calls.map((one) => new Call(one));
  }

  /** Throws ClientFailure unless the client left before the end of every call, and the model stopped. */
  async assertUpstreamStopped({ leakedTokens = 1 } = {}) {
    const asked = query({ for: "upstream", route: this.id, leaked_tokens: leakedTokens });
    this.#session.met(await this.#session.ask(`/wait${asked}`));
  }
}

module.exports = { Call, Route, Session };
