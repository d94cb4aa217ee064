"use strict";
const { ClientFailure } = require("./errors.cjs");
const { ask, events, query } = require("./http.cjs");
const { serverUrl } = require("./process.cjs");
const { Call, Route } = require("./route.cjs");

/**
 * Opens a session: routes and a journal of its own on a server that others may use as well.
 *
 * With the context of a test (of node:test or vitest) it ends with the test, and is judged then. Else `await using`, or
 * `end()`, ends it.
 */
async function start(test, options) {
  if (options === undefined && !isTest(test)) [test, options] = [undefined, test];
  const { scenario, ...others } = options ?? {};
  const url = await serverUrl();
  const opened = await ask(`${url}/_orharness/sessions${query(others)}`, { method: "POST", document: scenario });
  const server = new Server(url, opened);
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
  #at;
  #ended = false;

  constructor(url, document) {
    this.#at = `${url}/_orharness/sessions/${document.id}`;
    this.id = document.id;
    /** What an OpenAI client takes: the address of this session with `/v1`. */
    this.baseURL = document.base_url;
    /** What an Anthropic client takes, which adds `/v1` itself. */
    this.origin = document.origin;
    /** A key that names the session: for a backend under test that has one base URL for all tests. */
    this.apiKey = document.api_key;
    this.headers = document.headers;
    /** The environment variables of SDKs, for a process under test. */
    this.env = document.env;
    this.routes = document.routes.map((one) => new Route(this.#at, one));
  }

  /** The arguments of an OpenAI client: `new OpenAI(server.openai)`. */
  get openai() {
    return { baseURL: this.baseURL, apiKey: this.apiKey };
  }

  /** The arguments of an Anthropic client. */
  get anthropic() {
    return { baseURL: this.origin, apiKey: this.apiKey };
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

  /** Answers any API's requests, each in its own form. */
  async answer(answer, options) {
    return this.add({ answer, ...options });
  }

  /** Adds a route, as a scenario document has it. */
  async add(route) {
    const { routes } = await ask(`${this.#at}/routes`, { method: "POST", document: route });
    const [added] = routes.map((one) => new Route(this.#at, one));
    this.routes.push(added);
    return added;
  }

  /** Adds all routes of a scenario document. */
  async scenario(document) {
    const { routes } = await ask(`${this.#at}/routes`, { method: "POST", document });
    const added = routes.map((one) => new Route(this.#at, one));
    this.routes.push(...added);
    return added;
  }

  /** Every request of the session, also those that no route answered. */
  async calls() {
    return (await ask(`${this.#at}/calls`)).calls.map((one) => new Call(one));
  }

  /** The journal: every exchange, in the order of their requests. */
  async journal() {
    return (await ask(`${this.#at}/journal`)).exchanges;
  }

  /** The exchange events, as they happen; ends with the session, or when the loop is left. */
  events({ since } = {}) {
    return events(`${this.#at}/events${query({ since })}`);
  }

  /**
   * Throws ClientFailure for requests that no route answers, routes that were never asked, and what `expect` says and was
   * not met; the text is the one that pytest shows.
   */
  async verify() {
    return ask(`${this.#at}/verify`, { method: "POST" });
  }

  /** Empties the session: no routes, an empty journal, nothing open. */
  async reset() {
    await ask(`${this.#at}/reset`, { method: "POST" });
    this.routes = [];
  }

  /** Ends the session, and judges it as `verify` does unless told otherwise; a second call does nothing. */
  async end({ verify = true } = {}) {
    if (this.#ended) return;
    this.#ended = true;
    try {
      await ask(this.#at, { method: "DELETE" });
    } catch (error) {
      if (verify || !(error instanceof ClientFailure)) throw error;
    }
  }

  async [Symbol.asyncDispose]() {
    await this.end();
  }
}

module.exports = { Server, start };
