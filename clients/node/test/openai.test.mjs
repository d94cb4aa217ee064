// The openai SDK against a session: what it reads, how it leaves, and what is said where it does not.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";
import { ClientFailure, hold, start } from "orharness";

const ASK = { model: "m", messages: [{ role: "user", content: "hi" }], stream: true };
const HELD = { through: [hold(3)], provider: "Anthropic" };

test("an answer is read whatever the chunks", async (t) => {
  const server = await start(t);
  const route = await server.chat("Grüße, 世界", { through: ["per_byte", { comments: { text: ": ONEROUTER PROCESSING" } }] });
  let text = "";
  for await (const event of await new OpenAI(server.openai).chat.completions.create(ASK)) {
    text += event.choices[0]?.delta.content ?? "";
  }
  assert.equal(text, "Grüße, 世界");
  const call = await route.waitFinished();
  assert.equal(call.finished, true);
  assert.equal(call.boundaries.assumed, 0);
});

test("leaving the loop is leaving", async (t) => {
  const server = await start(t);
  const route = await server.chat({ tokens: 500 }, HELD);
  const stream = await new OpenAI(server.openai).chat.completions.create(ASK);
  const [call] = await route.expectDisconnect(async () => {
    for await (const event of stream) if (event.choices[0]?.delta.content) break;
  });
  assert.equal(call.outcome, "cancelled");
});

test("a client that does not leave fails with pytest's words", async (t) => {
  const server = await start(t);
  const route = await server.chat({ tokens: 500 }, HELD);
  const stream = await new OpenAI(server.openai).chat.completions.create(ASK);
  await route.held();
  await assert.rejects(route.expectDisconnect(() => {}, { within: 0.05 }), (failure) => {
    assert.ok(failure instanceof ClientFailure);
    assert.ok(failure instanceof assert.AssertionError);
    assert.match(failure.message, /^the client did not leave within 0.05 s of the end of the block\n/);
    assert.match(failure.message, /cause +no bytes came after the block/);
    return true;
  });
  await assert.rejects(route.assertUpstreamStopped(), /the client has not left: the model goes on/);
  stream.controller.abort();
  await route.waitEnded();
});

test("a provider that does not stop is told with its price", async (t) => {
  const server = await start(t);
  const route = await server.chat({ tokens: 500 }, { ...HELD, provider: "Groq" });
  const stream = await new OpenAI(server.openai).chat.completions.create(ASK);
  await route.held();
  await route.expectDisconnect(() => stream.controller.abort());
  await assert.rejects(route.assertUpstreamStopped(), /are billed that were never sent[^]*Groq does not stop on cancel/);
  await route.assertUpstreamStopped({ leakedTokens: 1000 });
});

test("a released stream goes on to its end", async (t) => {
  const server = await start(t);
  const route = await server.chat("one two three four five six", { through: [hold(3)] });
  const stream = await new OpenAI(server.openai).chat.completions.create(ASK);
  await route.held();
  await route.release();
  let events = 0;
  for await (const _ of stream) events += 1;
  assert.ok(events > 3);
  assert.equal((await route.waitEnded()).outcome, "completed");
});

test("a backend with one base URL passes the key on", async (t) => {
  const server = await start(t);
  const route = await server.chat("by key");
  const shared = server.baseURL.replace(`/s/${server.id}`, "");
  const answer = await new OpenAI({ baseURL: shared, apiKey: server.apiKey }).chat.completions.create({ ...ASK, stream: false });
  assert.equal(answer.choices[0].message.content, "by key");
  assert.equal((await route.call()).request.path, "/v1/chat/completions");
});
