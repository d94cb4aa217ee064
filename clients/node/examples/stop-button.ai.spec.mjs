import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { streamText } from "ai";
import { hold, start } from "orharness";
import { test } from "vitest";

test("the stop button stops the model", async (t) => {
  const server = await start(t);
  const route = await server.chat({ tokens: 500 }, { through: [hold(3)], provider: "Anthropic" });
  const [model, stop] = [createOpenAICompatible({ name: "orharness", ...server.openai })("m"), new AbortController()];
  const reading = streamText({ model, prompt: "Hi", abortSignal: stop.signal }).consumeStream();
  await route.held();
  await route.expectDisconnect(() => stop.abort());
  await reading;
  await route.assertUpstreamStopped();
});
