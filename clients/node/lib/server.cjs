"use strict";
const { ClientFailure } = require("./errors.cjs");
const { ask, events, query } = require("./http.cjs");
const { check, serverUrl } = require("./process.cjs");
const { Call, Route, Session } = require("./route.cjs");

/** A server that runs: what belongs to no session, and where sessions are opened. */
class Harness {
  #root;

  constructor(url) {
    this.url = url;
    this.#root = `${url}/_orharness`;
  }

  /** Which program answers, and the number of its control API. */
  async about() {
    return ask(this.#root);
  }

  /** The OpenAPI document of the control verbs. */
  async openapi() {
    return ask(`${this.#root}/openapi.json`);
  }

  /** Every session that is open. */
  async sessions() {
    return (await ask(`${this.#root}/sessions`)).sessions;
  }

  /** What a live page shows: the latest calls of all sessions, each with the plan of its stream. */
  async lanes({ since, last } = {}) {
    return (await ask(`${this.#root}/lanes${query({ since, last })}`)).lanes;
  }

  /** The bills of calls whose answer or whose model is under way, of all sessions. */
  async bills() {
    return (await ask(`${this.#root}/bills`)).bills;
  }

  /** The journal of the default session, which has every request that names no other. */
  async journal() {
    return (await ask(`${this.#root}/journal`)).exchanges;
  }

  /** The exchange events of all sessions, as they happen; ends when the loop is left. */
  events({ since } = {}) {
    return events(`${this.#root}/events${query({ since })}`);
  }

  /** Opens a session. */
  async open({ scenario, ...options } = {}) {
    const document = await ask(`${this.#root}/sessions${query(options)}`, { method: "POST", document: scenario });
    return new Server(this.url, document);
  }
}

/** The server at that address; without one, that of ORHARNESS_URL, or one that is started once for the process. */
async function connect(url) {
  if (url !== undefined) await check(url);
  return new Harness(url ?? (await serverUrl()));
}

/**
 * Opens a session: routes and a journal of its own on a server that others may use as well.
 *
 * With the context of a test (of node:test or vitest) it ends with the test, and is judged then. Else `await using`, or
 * `end()`, ends it.
 */
async function start(test, options) {
  if (options === undefined && !isTest(test)) [test, options] = [undefined, test];
  const server = await (await connect()).open(options);
  const over = () => (hasFailed(test) ? server.end({ verify: false }) : server.end());
  if (test?.onTestFinished) test.onTestFinished(over);
  else test?.after?.(over);
  return server;
}

const isTest = (given) => typeof given?.after === "function" || typeof given?.onTestFinished === "function";
// What a test that has failed leaves behind is not another failure.
const hasFailed = (test) => test?.passed === false || test?.task?.result?.state === "fail";

/** A session on a server of orharness. */
class Server {
  #session;
  #ended = false;

  constructor(url, document) {
    this.#session = new Session(`${url}/_orharness/sessions/${document.id}`);
    this.id = document.id;
    /** The server's own address: the one base URL of a backend that passes the session's key on has `/v1` after it. */
    this.url = url;
    /** What an OpenAI client takes: the address of this session with `/v1`. */
    this.baseURL = document.base_url;
    /** What an Anthropic client takes, which adds `/v1` itself. */
    this.origin = document.origin;
    /** A key that names the session: for a backend under test that has one base URL for all tests. */
    this.apiKey = document.api_key;
    this.headers = document.headers;
    /** The environment variables of SDKs, for a process under test. */
    this.env = document.env;
    this.routes = document.routes.map((one) => new Route(this.#session, one));
  }

  /** The arguments of an OpenAI client: `new OpenAI(server.openai)`. */
  get openai() {
    return { baseURL: this.baseURL, apiKey: this.apiKey };
  }

  /** The arguments of an Anthropic client. */
  get anthropic() {
    return { baseURL: this.origin, apiKey: this.apiKey };
  }

  /** The arguments of Google's client: `new GoogleGenAI(server.google)`. */
  get google() {
    return { apiKey: this.apiKey, httpOptions: { baseUrl: this.origin } };
  }

  /** Answers chat completions: with a text, or with what a scenario document says of an answer, such as `{ tokens: 500 }`. */
  async chat(answer, options) {
    return this.add({ chat: answer, ...options });
  }

  /** Answers Anthropic Messages. */
  async messages(answer, options) {
    return this.add({ messages: answer, ...options });
  }

  /** Answers OpenAI Responses. */
  async responses(answer, options) {
    return this.add({ responses: answer, ...options });
  }

  /** Answers Gemini's `generateContent`. */
  async gemini(answer, options) {
    return this.add({ gemini: answer, ...options });
  }

  /** Answers Ollama's `/api/chat`. */
  async ollama(answer, options) {
    return this.add({ ollama: answer, ...options });
  }

  /** Answers any API's requests, each in its own form. */
  async answer(answer, options) {
    return this.add({ answer, ...options });
  }

  /** Adds a route, as a scenario document has it. */
  async add(route) {
    const { routes } = await this.#session.ask("/routes", { method: "POST", document: route });
    const [added] = routes.map((one) => new Route(this.#session, one));
    this.routes.push(added);
    return added;
  }

  /** Adds all routes of a scenario document. */
  async scenario(document) {
    const { routes } = await this.#session.ask("/routes", { method: "POST", document });
    const added = routes.map((one) => new Route(this.#session, one));
    this.routes.push(...added);
    return added;
  }

  /** What the server says of the session: its routes, the number of its calls and of its latest event. */
  async show() {
    return this.#session.ask("");
  }

  /** The routes that are there now, also those that others added. */
  async listRoutes() {
    return (await this.#session.ask("/routes")).routes.map((one) => new Route(this.#session, one));
  }

  /** One request, by its id. */
  async showCall(id) {
    return new Call(await this.#session.ask(`/calls/${encodeURIComponent(id)}`));
  }

  /** The first chunks of a call's answer: their bytes in Base64, and what each says. */
  async stream(id, { chunks } = {}) {
    return this.#session.ask(`/calls/${encodeURIComponent(id)}/stream${query({ chunks })}`);
  }

  /** Holds a call's stream before its next chunk. */
  async hold(id) {
    return this.#steer(id, "hold");
  }

  /** Lets a call's stream go on: one that was held, else one at a gate of its route, which opens. */
  async release(id) {
    return this.#steer(id, "release");
  }

  /** Ends a call's response now, by a FIN (`fin`) or an RST (`rst`). */
  async cut(id, { by } = {}) {
    return this.#steer(id, `cut${query({ by })}`);
  }

  async #steer(id, verb) {
    return new Call(await this.#session.ask(`/calls/${encodeURIComponent(id)}/${verb}`, { method: "POST" }));
  }

  /**
   * Plays a file's text, a cassette, a scenario or a HAR: its routes come before all others. With `how.play`, "once" or
   * "again", a recording plays as `sse_server.cassette` or `serve` does, after the others.
   */
  async play(name, text, how = {}) {
    const { routes } = await this.#session.ask("/files", { method: "POST", document: { name, text, ...how } });
    const added = routes.map((one) => new Route(this.#session, one));
    this.routes.unshift(...added);
    return added;
  }

  /** What the live page shows of the session, as the HTML of one file that needs no server. */
  async page() {
    return (await this.#session.ask("/page")).html;
  }

  /** What was seen so far, in words: what pytest shows of a test that failed. */
  async account() {
    return (await this.#session.ask("/account")).account;
  }

  /** Every request of the session, also those that no route answered. */
  async calls() {
    return (await this.#session.ask("/calls")).calls.map((one) => new Call(one));
  }

  /** The journal: every exchange, in the order of their requests. */
  async journal() {
    return (await this.#session.ask("/journal")).exchanges;
  }

  /** The exchange events, as they happen; ends with the session, or when the loop is left. */
  events({ since } = {}) {
    return events(`${this.#session.at}/events${query({ since })}`);
  }

  /**
   * Throws ClientFailure for requests that no route answers, routes that were never asked, and what `expect` says and was
   * not met; the text is the one that pytest shows.
   */
  async verify() {
    return this.#session.ask("/verify", { method: "POST" });
  }

  /** Empties the session: no routes, an empty journal, nothing open. */
  async reset() {
    await this.#session.ask("/reset", { method: "POST" });
    this.routes = [];
  }

  /** Ends the session, and judges it as `verify` does unless told otherwise; a second call does nothing. */
  async end({ verify = true } = {}) {
    if (this.#ended) return;
    this.#ended = true;
    try {
      await this.#session.ask("", { method: "DELETE" });
    } catch (error) {
      if (verify || !(error instanceof ClientFailure)) throw error;
    }
  }

  /** Ends and judges it, but does not judge again what has already failed: the block's own error is the one to see. */
  async [Symbol.asyncDispose]() {
    await this.end({ verify: !this.#session.failed });
  }
}

module.exports = { Harness, Server, connect, start };
