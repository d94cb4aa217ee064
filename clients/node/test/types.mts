// Checked by tsc, never run: what is right is accepted, and each @ts-expect-error is an error.
import { ClientFailure, hold, start, type Call, type Outcome } from "orharness";
import { setup } from "orharness/setup";
import test from "node:test";

test("types", async (t) => {
  await using server = await start({ pacing: "lockstep", ttl: 60, strict: true });
  const route = await server.chat({ tokens: 500 }, { through: [hold(3), "per_byte"], provider: "Anthropic", when: { model: "m" } });
  await server.chat("text", { expect: { outcome: "cancelled", within: 0.25, upstream: "stopped" } });
  const [call]: Call[] = await route.expectDisconnect(() => undefined, { within: 0.25 });
  const outcome: Outcome | null = call!.outcome;
  const baseURL: string = server.openai.baseURL;
  await start(t, { scenario: { orharness: 1, routes: [{ chat: "x" }] } });
  for await (const event of server.events()) console.log(event.id, event.event, outcome, baseURL, setup, ClientFailure);

  // @ts-expect-error - no such pacing
  await start({ pacing: "slow" });
  // @ts-expect-error - no such option
  await server.chat("x", { trough: [] });
  // @ts-expect-error - a number of gates
  await route.release("one");
  // @ts-expect-error - another version of the form
  await server.scenario({ orharness: 2, routes: [] });
});
