// https://developer.mozilla.org/en-US/docs/Web/API/Fetch_API/Using_Fetch#canceling_a_request
// https://github.com/rexxars/eventsource-parser#stream-usage
import { EventSourceParserStream } from "eventsource-parser/stream";

const messages = [{ role: "user", content: "hi" }];

async function events(app, options) {
  const response = await fetch(`${app.baseURL}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "m", messages, stream: true }),
    ...options,
  });
  return response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
}

export async function abortSignal(app) {
  const controller = new AbortController();
  app.onStop(() => controller.abort());
  for await (const _ of await events(app, { signal: controller.signal }));
}

export async function breakLoop(app) {
  for await (const _ of await events(app)) {
    if (app.stopped) break;
  }
}

export async function cancelReader(app) {
  const reader = (await events(app)).getReader();
  app.onStop(() => reader.cancel());
  while (!(await reader.read()).done);
}
