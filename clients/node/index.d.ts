import { AssertionError } from "node:assert";
import type { components, operations } from "./api.js";

type Schemas = components["schemas"];
type OpenOptions = NonNullable<operations["openSession"]["parameters"]["query"]>;

/** A scenario document. */
export type Scenario = Schemas["Scenario"];
/** A route of a scenario document. */
export type RouteDocument = Schemas["Scenario.route"];
/** What a model answers: a text, or its parts. */
export type Answer = Schemas["Scenario.completion"];
/** A journal's entry. */
export type Exchange = Schemas["Exchange"];
/** One exchange event. */
export type ExchangeEvent = Schemas["Event"];
export type Verdict = Schemas["Verdict"];
export type Problem = Schemas["Problem"];
export type Outcome = NonNullable<Exchange["outcome"]>;

/** What may be beside an answer in a route; each key is explained in docs/scenarios.md. */
export interface RouteOptions {
  when?: Schemas["Scenario.when"];
  through?: Schemas["Scenario.through"];
  provider?: Schemas["Scenario.provider"];
  pace?: number;
  latency?: string;
  price?: number;
  gateway?: Schemas["Scenario.gateway"];
  headers?: Schemas["Scenario.headers"];
  head?: number;
  delay?: number;
  ending?: Schemas["Scenario.ending"];
  framing?: Schemas["Scenario.framing"];
  pacing?: Schemas["Scenario.pacing"];
  times?: number;
  expect?: Schemas["Scenario.expect"];
}

/** Seconds that are waited at most. */
export interface Timeout {
  timeout?: number;
}

/** The context of a test of node:test or vitest: what is given it ends with it. */
export interface TestContext {
  after?(end: () => Promise<void>): void;
  onTestFinished?(end: () => Promise<void>): void;
}

export interface StartOptions extends OpenOptions {
  scenario?: Scenario;
}

/** The number of the control API that this package speaks. */
export declare const API: 1;

/** A gate after that many chunks: the stream stops there until `route.release()`. */
export declare function hold(after: number): { hold: number };

/** A server that runs: what belongs to no session, and where sessions are opened. */
export declare class Harness {
  private constructor();
  readonly url: string;
  about(): Promise<Schemas["About"]>;
  openapi(): Promise<Record<string, unknown>>;
  sessions(): Promise<Schemas["Session"][]>;
  lanes(options?: { since?: number; last?: number }): Promise<Schemas["Lane"][]>;
  bills(): Promise<Schemas["Bills"]["bills"]>;
  journal(): Promise<Exchange[]>;
  events(options?: { since?: number }): AsyncGenerator<ExchangeEvent>;
  open(options?: StartOptions): Promise<Server>;
}

/** The server at that address; without one, that of ORHARNESS_URL, or one that is started once for the process. */
export declare function connect(url?: string): Promise<Harness>;

/** Opens a session; with the context of a test it ends with the test, and is judged then. */
export declare function start(test: TestContext, options?: StartOptions): Promise<Server>;
export declare function start(options?: StartOptions): Promise<Server>;

/** Starts a server as a process of its own, which ends with this one. */
export declare function startServer(): Promise<{ url: string; pid: number; stop(): Promise<void> }>;

/** The server, or what it was given, is wrong. */
export declare class OrharnessError extends Error {
  readonly problem?: Problem;
}

/** The client under test is wrong: the text says what was seen, what was expected and what leaked. */
export declare class ClientFailure extends AssertionError {
  readonly call?: Call;
}

/** One request and its answer, as the server saw them when it was asked. */
export interface Call extends Readonly<Schemas["Call"]> {}
export declare class Call {
  private constructor();
}

/** A reply in its place on the server. */
export declare class Route {
  private constructor();
  readonly id: string;
  readonly name: string;
  show(): Promise<Schemas["Route"]>;
  calls(): Promise<Call[]>;
  call(): Promise<Call>;
  waitCall(options?: Timeout & { number?: number }): Promise<Call>;
  held(options?: Timeout): Promise<Call>;
  waitEnded(options?: Timeout & { number?: number }): Promise<Call>;
  waitFinished(options?: Timeout & { number?: number }): Promise<Call>;
  hold(options?: Timeout): Promise<Call[]>;
  release(gates?: number): Promise<void>;
  remove(): Promise<void>;
  expectDisconnect(act: () => unknown, options?: { within?: number }): Promise<Call[]>;
  assertUpstreamStopped(options?: { leakedTokens?: number }): Promise<void>;
}

/** A session on a server of orharness. */
export declare class Server implements AsyncDisposable {
  private constructor();
  readonly id: string;
  readonly url: string;
  readonly baseURL: string;
  readonly origin: string;
  readonly apiKey: string;
  readonly headers: Record<string, string>;
  readonly env: Record<string, string>;
  readonly routes: Route[];
  readonly openai: { baseURL: string; apiKey: string };
  readonly anthropic: { baseURL: string; apiKey: string };
  readonly google: { apiKey: string; httpOptions: { baseUrl: string } };
  chat(answer: Answer, options?: RouteOptions): Promise<Route>;
  messages(answer: Answer, options?: RouteOptions): Promise<Route>;
  responses(answer: Answer, options?: RouteOptions): Promise<Route>;
  gemini(answer: Answer, options?: RouteOptions): Promise<Route>;
  ollama(answer: Answer, options?: RouteOptions): Promise<Route>;
  answer(answer: Answer, options?: RouteOptions): Promise<Route>;
  add(route: RouteDocument): Promise<Route>;
  scenario(document: Scenario): Promise<Route[]>;
  show(): Promise<Schemas["Session"]>;
  listRoutes(): Promise<Route[]>;
  showCall(id: string): Promise<Call>;
  stream(id: string, options?: { chunks?: number }): Promise<Schemas["Stream"]>;
  hold(id: string): Promise<Call>;
  release(id: string): Promise<Call>;
  cut(id: string, options?: { by?: "fin" | "rst" }): Promise<Call>;
  play(name: string, text: string, how?: { play: "once" | "again"; options?: Record<string, unknown> }): Promise<Route[]>;
  page(): Promise<string>;
  calls(): Promise<Call[]>;
  account(): Promise<string>;
  journal(): Promise<Exchange[]>;
  events(options?: { since?: number }): AsyncGenerator<ExchangeEvent>;
  verify(): Promise<Verdict>;
  reset(): Promise<void>;
  end(options?: { verify?: boolean }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
