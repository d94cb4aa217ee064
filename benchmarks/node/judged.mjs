// Real JavaScript clients behind one driver, each as its manual shows: node judged.mjs NAME
import { createRequire } from "node:module";

import { besides, drive, KEY, messages, ofAiSdk, root } from "./driver.mjs";

// https://github.com/openai/openai-node#streaming-responses
async function* openai(baseURL, signal, told) {
  const { default: OpenAI } = await import("openai");
  const client = new OpenAI({ baseURL, apiKey: KEY });
  const asked = { model: "m", messages, stream: true, stream_options: { include_usage: true } };
  const { take, end } = besides(told);
  for await (const chunk of await client.chat.completions.create(asked, { signal })) {
    yield chunk.choices[0]?.delta?.content ?? "";
    yield* take(chunk);
  }
  yield* end();
}

// https://ai-sdk.dev/docs/ai-sdk-core/generating-text#fullstream-property
async function* ai(baseURL, signal, told) {
  const { streamText } = await import("ai");
  const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
  const provider = createOpenAICompatible({ name: "orharness", apiKey: KEY, baseURL, includeUsage: true });
  yield* ofAiSdk(streamText({ model: provider("m"), messages, abortSignal: signal, onError() {} }), told);
}

// https://github.com/rexxars/eventsource-parser#stream-usage
async function* eventsourceParser(baseURL, signal) {
  const { EventSourceParserStream } = await import("eventsource-parser/stream");
  const response = await fetch(`${baseURL}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ model: "m", messages, stream: true }),
    signal,
  });
  if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status });
  const events = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  for await (const { data } of events) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Error(chunk.error.message);
    yield chunk.choices[0]?.delta?.content ?? "";
  }
}

// https://github.com/ollama/ollama-js#streaming-responses, #abort
async function* ollama(baseURL, signal) {
  const { Ollama } = await import("ollama");
  const stream = await new Ollama({ host: root(baseURL) }).chat({ model: "m", messages, stream: true });
  signal.addEventListener("abort", () => stream.abort());
  for await (const part of stream) yield part.message.content;
}

// https://github.com/googleapis/js-genai#streaming, and abortSignal of GenerateContentConfig
async function* google(baseURL, signal) {
  const { GoogleGenAI } = await import("@google/genai");
  const client = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: root(baseURL) } });
  const config = { abortSignal: signal };
  for await (const chunk of await client.models.generateContentStream({ model: "m", contents: "hi", config }))
    yield chunk.text ?? "";
}

// https://github.com/anthropics/anthropic-sdk-typescript#streaming-responses
const message = { model: "m", max_tokens: 1024, messages };

async function anthropicClient(baseURL) {
  const { default: Anthropic } = await import("@anthropic-ai/sdk");
  return new Anthropic({ baseURL: root(baseURL), apiKey: KEY });
}

async function* anthropic(baseURL, signal) {
  const client = await anthropicClient(baseURL);
  for await (const event of await client.messages.create({ ...message, stream: true }, { signal }))
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") yield event.delta.text;
}

// https://github.com/anthropics/anthropic-sdk-typescript/blob/main/helpers.md: the events, then the final message
async function* anthropicHelper(baseURL, signal, told) {
  const client = await anthropicClient(baseURL);
  const stream = client.messages.stream(message, { signal });
  for await (const event of stream)
    if (event.type === "content_block_delta" && event.delta.type === "text_delta") yield event.delta.text;
  const { content, stop_reason, usage } = await stream.finalMessage();
  for (const { type, id, name, input, thinking } of content) {
    if (type === "thinking") yield { event: "reasoning", text: thinking };
    if (type === "tool_use") yield { event: "tool_call", name, arguments: JSON.stringify(input), call_id: id };
  }
  told.finish_reason = stop_reason;
  told.usage = { prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens };
}

// https://github.com/openai/openai-node#streaming-responses
async function* responses(baseURL, signal) {
  const { default: OpenAI } = await import("openai");
  const client = new OpenAI({ baseURL, apiKey: KEY });
  for await (const event of await client.responses.create({ model: "m", input: "hi", stream: true }, { signal }))
    if (event.type === "response.output_text.delta") yield event.delta;
}

// https://github.com/openai/openai-node/blob/master/examples/responses/stream.ts: the events, then the final response
async function* responsesHelper(baseURL, signal) {
  const { default: OpenAI } = await import("openai");
  const stream = new OpenAI({ baseURL, apiKey: KEY }).responses.stream({ model: "m", input: "hi" }, { signal });
  for await (const event of stream) if (event.type === "response.output_text.delta") yield event.delta;
  await stream.finalResponse();
}

const CLIENTS = {
  openai: [openai, "openai"],
  ai: [ai, "ai"],
  "eventsource-parser": [eventsourceParser, "eventsource-parser"],
  anthropic: [anthropic, "@anthropic-ai/sdk"],
  "anthropic-helper": [anthropicHelper, "@anthropic-ai/sdk"],
  responses: [responses, "openai"],
  "responses-helper": [responsesHelper, "openai"],
  google: [google, "@google/genai"],
  ollama: [ollama, "ollama"],
};
const [client, library] = CLIENTS[process.argv[2]];
const { version } = createRequire(import.meta.url)(`./node_modules/${library}/package.json`);
await import(library); // before the hello, so that no run is charged with it
await drive(process.argv[2], version, client);
