// https://github.com/openai/openai-node#streaming-responses
import OpenAI from "openai";

const messages = [{ role: "user", content: "hi" }];

function create(app, options) {
  const client = new OpenAI({ baseURL: app.baseURL, apiKey: "sk-orharness", maxRetries: 0 });
  return client.chat.completions.create({ model: "m", messages, stream: true }, options);
}

export async function breakLoop(app) {
  const stream = await create(app);
  for await (const _ of stream) {
    if (app.stopped) break;
  }
}

export async function returnFromLoop(app) {
  const stream = await create(app);
  for await (const _ of stream) {
    if (app.stopped) return;
  }
}

export async function abortStream(app) {
  const stream = await create(app);
  app.onStop(() => stream.controller.abort());
  for await (const _ of stream);
}

export async function abortSignal(app) {
  const controller = new AbortController();
  app.onStop(() => controller.abort());
  const stream = await create(app, { signal: controller.signal });
  for await (const _ of stream);
}
