import test from "node:test";
import OpenAI from "openai";
import { hold, start } from "orharness";

test("the stop button stops the model", async (t) => {
  const server = await start(t);
  const route = await server.chat({ tokens: 500 }, { through: [hold(3)], provider: "Anthropic" });
  const client = new OpenAI(server.openai);
  const stream = await client.chat.completions.create({ model: "m", messages: [], stream: true });
  await route.held();
  await route.expectDisconnect(() => stream.controller.abort());
  await route.assertUpstreamStopped();
});
