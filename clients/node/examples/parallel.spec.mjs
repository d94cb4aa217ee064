// Run by eight workers at once, through one backend: each test has the answers and the verdict that are its own.
import { hold, start } from "orharness";
import { beforeAll, expect, test } from "vitest";

beforeAll(() => fetch(process.env.MEETING_URL)); // all workers are there

const ask = (server, signal) =>
  fetch(process.env.BACKEND_URL, { method: "POST", headers: { authorization: `Bearer ${server.apiKey}` }, signal });

test.concurrent.for([1, 2, 3])("an answer is that of its own test: %i", async (number, t) => {
  const server = await start(t);
  const text = `worker ${process.env.VITEST_POOL_ID}, ${number}`;
  const route = await server.chat(text);
  const events = (await (await ask(server)).text()).split("\n\n").filter((event) => event.startsWith("data: {"));
  const said = events.map((event) => JSON.parse(event.slice("data: ".length)).choices[0]?.delta.content ?? "");
  expect(said.join("")).toBe(text);
  expect(await route.waitFinished()).toMatchObject({ outcome: "completed", session: server.id });
  expect(await server.calls()).toHaveLength(1);
});

test.concurrent.for([1, 2, 3])("a stop button reaches the model through the backend: %i", async (_, t) => {
  const server = await start(t);
  const route = await server.chat({ tokens: 500 }, { through: [hold(3)], provider: "Anthropic" });
  const stop = new AbortController();
  const response = await ask(server, stop.signal);
  await route.held();
  // The stream is held, so nothing but the button ends it; how soon is a matter of eight workers on few cores.
  const [call] = await route.expectDisconnect(() => stop.abort(), { within: 20 });
  expect(call).toMatchObject({ outcome: "cancelled", session: server.id });
  expect(response.ok).toBe(true);
  await route.assertUpstreamStopped();
});
