// Further JavaScript clients behind one driver, each as its manual shows: node judged.mjs NAME
import { readFileSync } from "node:fs";

import { besides, drive, KEY, messages, ofAiSdk, root } from "../../node/driver.mjs";

const asked = { model: "m", messages, stream: true };
const headers = { "Content-Type": "application/json", Authorization: `Bearer ${KEY}` };

async function* chatOf(stream, told) {
  const { take, end } = besides(told);
  for await (const chunk of stream) {
    yield chunk.choices[0]?.delta?.content ?? "";
    yield* take(chunk);
  }
  yield* end();
}

// https://github.com/togethercomputer/together-typescript#streaming-responses
async function* together(baseURL, signal, told) {
  const { default: Together } = await import("together-ai");
  const stream = await new Together({ baseURL, apiKey: KEY }).chat.completions.create(asked, { signal });
  yield* chatOf(stream, told);
}

// https://github.com/groq/groq-typescript#streaming-responses; its paths begin with /openai, which is taken away
async function* groq(baseURL, signal, told) {
  const { default: Groq } = await import("groq-sdk");
  const elsewhere = (url, init) => fetch(String(url).replace("/openai/v1/", "/v1/"), init);
  const client = new Groq({ baseURL: root(baseURL), apiKey: KEY, fetch: elsewhere });
  yield* chatOf(await client.chat.completions.create(asked, { signal }), told);
}

// https://openrouter.ai/docs/sdks/typescript, and https://openrouter.ai/docs/api-reference/streaming: `error` in a chunk
async function* openrouter(baseURL, signal) {
  const { OpenRouter } = await import("@openrouter/sdk");
  const client = new OpenRouter({ apiKey: KEY, serverURL: baseURL });
  const stream = await client.chat.send({ chatRequest: { model: "m", messages, stream: true } }, { signal });
  for await (const chunk of stream) {
    if (chunk.error) throw new Error(chunk.error.message);
    yield chunk.choices[0]?.delta?.content ?? "";
  }
}

// https://github.com/mistralai/client-ts#server-sent-event-streaming
async function* mistral(baseURL, signal) {
  const { Mistral } = await import("@mistralai/mistralai");
  const client = new Mistral({ apiKey: KEY, serverURL: root(baseURL) });
  const stream = await client.chat.stream({ model: "m", messages }, { signal });
  for await (const event of stream) yield event.data.choices[0]?.delta?.content ?? "";
}

// https://docs.langchain.com/oss/javascript/langchain/models#stream
async function* langchainOpenAI(baseURL, signal) {
  const { ChatOpenAI } = await import("@langchain/openai");
  const model = new ChatOpenAI({ model: "m", apiKey: KEY, configuration: { baseURL } });
  for await (const chunk of await model.stream("hi", { signal })) yield chunk.text;
}

async function* langchainAnthropic(baseURL, signal) {
  const { ChatAnthropic } = await import("@langchain/anthropic");
  const model = new ChatAnthropic({ model: "m", apiKey: KEY, anthropicApiUrl: root(baseURL) });
  for await (const chunk of await model.stream("hi", { signal })) yield chunk.text;
}

// https://huggingface.co/docs/huggingface.js/inference/README#chat-completion: a custom endpoint
async function* huggingface(baseURL, signal, told) {
  const { InferenceClient } = await import("@huggingface/inference");
  const client = new InferenceClient(KEY, { endpointUrl: baseURL });
  yield* chatOf(client.chatCompletionStream({ model: "m", messages }, { signal }), told);
}

// https://ai-sdk.dev/docs/ai-sdk-core/generating-text#fullstream-property, with one provider each
const aiSDK = (library, make) =>
  async function* (baseURL, signal, told) {
    const { streamText } = await import("ai");
    const model = make(await import(library), baseURL);
    yield* ofAiSdk(streamText({ model, messages, abortSignal: signal, onError() {} }), told);
  };
const openaiChat = (module, baseURL) => module.createOpenAI({ baseURL, apiKey: KEY }).chat("m");
const openaiResponses = (module, baseURL) => module.createOpenAI({ baseURL, apiKey: KEY }).responses("m");
const anthropicModel = (module, baseURL) => module.createAnthropic({ baseURL, apiKey: KEY })("m");
const googleModel = (module, baseURL) =>
  module.createGoogleGenerativeAI({ baseURL: `${root(baseURL)}/v1beta`, apiKey: KEY })("m");
const mistralModel = (module, baseURL) => module.createMistral({ baseURL, apiKey: KEY })("m");
const openrouterModel = (module, baseURL) => module.createOpenRouter({ baseURL, apiKey: KEY }).chat("m");

function contentOf(data) {
  const chunk = JSON.parse(data);
  if (chunk.error) throw new Error(chunk.error.message);
  return chunk.choices[0]?.delta?.content ?? "";
}

// https://github.com/lukeed/fetch-event-stream#usage
async function* fetchEventStream(baseURL, signal) {
  const { stream } = await import("fetch-event-stream");
  const options = { method: "POST", headers, body: JSON.stringify(asked), signal };
  for await (const { data } of await stream(`${baseURL}/chat/completions`, options)) {
    if (!data) continue;
    if (data === "[DONE]") return;
    yield contentOf(data);
  }
}

// A callback's events as an async generator: what is pushed comes out, until it is ended or failed.
function queue() {
  const waiting = [];
  let wake = () => {};
  const push = (item) => (waiting.push(item), wake());
  async function* items() {
    for (;;) {
      while (waiting.length) {
        const { text, error, over } = waiting.shift();
        if (error) throw error;
        if (over) return;
        yield text;
      }
      await new Promise((done) => (wake = done));
    }
  }
  return { items, text: (text) => push({ text }), fail: (error) => push({ error }), end: () => push({ over: true }) };
}

// https://github.com/Azure/fetch-event-source#usage: an error that onerror throws ends it, else it asks again for ever
async function* fetchEventSource(baseURL, signal) {
  globalThis.document ??= { hidden: false, addEventListener() {}, removeEventListener() {} }; // it is for browsers
  globalThis.window ??= globalThis;
  const { fetchEventSource: open } = await import("@microsoft/fetch-event-source");
  const { items, text, fail, end } = queue();
  const controller = new AbortController();
  signal.addEventListener("abort", () => (controller.abort(), end()));
  open(`${baseURL}/chat/completions`, {
    method: "POST",
    headers,
    body: JSON.stringify(asked),
    signal: controller.signal,
    openWhenHidden: true,
    onmessage({ data }) {
      if (!data) return;
      if (data === "[DONE]") return controller.abort(), end();
      text(contentOf(data));
    },
    onclose: end,
    onerror(error) {
      throw error;
    },
  }).catch(fail);
  yield* items();
}

// https://github.com/EventSource/eventsource#usage: its `fetch` option makes a POST of it
async function* eventsource(baseURL, signal) {
  const { EventSource } = await import("eventsource");
  const { items, text, fail, end } = queue();
  const post = (url, init) =>
    fetch(url, { ...init, method: "POST", headers: { ...init.headers, ...headers }, body: JSON.stringify(asked) });
  const source = new EventSource(`${baseURL}/chat/completions`, { fetch: post });
  signal.addEventListener("abort", end);
  source.onmessage = ({ data }) => {
    if (data === "[DONE]") return end();
    try {
      text(contentOf(data));
    } catch (error) {
      fail(error);
    }
  };
  source.onerror = ({ message, code }) => fail(Object.assign(new Error(message ?? "the stream ended"), { status: code }));
  try {
    yield* items();
  } finally {
    source.close();
  }
}

// https://github.com/rexxars/eventsource-client#usage
async function* eventsourceClient(baseURL, signal) {
  const { createEventSource } = await import("eventsource-client");
  const { items, text, fail, end } = queue();
  const source = createEventSource({
    url: `${baseURL}/chat/completions`,
    method: "POST",
    headers,
    body: JSON.stringify(asked),
    onMessage({ data }) {
      if (data === "[DONE]") return end();
      try {
        text(contentOf(data));
      } catch (error) {
        fail(error);
      }
    },
    onDisconnect: () => fail(new Error("the stream ended")),
  });
  signal.addEventListener("abort", end);
  try {
    yield* items();
  } finally {
    source.close();
  }
}

// The loop that is copied most: lines of the decoded text, a rest that is kept, JSON of what follows `data: `.
// https://developer.mozilla.org/en-US/docs/Web/API/Streams_API/Using_readable_streams
async function* byHand(baseURL, signal) {
  const options = { method: "POST", headers, body: JSON.stringify(asked), signal };
  const response = await fetch(`${baseURL}/chat/completions`, options);
  if (!response.ok) throw Object.assign(new Error(await response.text()), { status: response.status });
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of response.body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ")) continue;
      const data = line.slice(6).trim();
      if (data === "[DONE]") return;
      yield contentOf(data);
    }
  }
}

const CLIENTS = {
  groq: [groq, "groq-sdk"],
  together: [together, "together-ai"],
  openrouter: [openrouter, "@openrouter/sdk"],
  mistral: [mistral, "@mistralai/mistralai"],
  "langchain-openai": [langchainOpenAI, "@langchain/openai"],
  "langchain-anthropic": [langchainAnthropic, "@langchain/anthropic"],
  huggingface: [huggingface, "@huggingface/inference"],
  "ai-openai": [aiSDK("@ai-sdk/openai", openaiChat), "@ai-sdk/openai"],
  "ai-responses": [aiSDK("@ai-sdk/openai", openaiResponses), "@ai-sdk/openai"],
  "ai-anthropic": [aiSDK("@ai-sdk/anthropic", anthropicModel), "@ai-sdk/anthropic"],
  "ai-google": [aiSDK("@ai-sdk/google", googleModel), "@ai-sdk/google"],
  "ai-mistral": [aiSDK("@ai-sdk/mistral", mistralModel), "@ai-sdk/mistral"],
  "ai-openrouter": [aiSDK("@openrouter/ai-sdk-provider", openrouterModel), "@openrouter/ai-sdk-provider"],
  "fetch-event-stream": [fetchEventStream, "fetch-event-stream"],
  "fetch-event-source": [fetchEventSource, "@microsoft/fetch-event-source"],
  eventsource: [eventsource, "eventsource"],
  "eventsource-client": [eventsourceClient, "eventsource-client"],
  "by-hand": [byHand, null],
};
const [client, library] = CLIENTS[process.argv[2]];
let { version } = process;
if (library) {
  ({ version } = JSON.parse(readFileSync(new URL(`node_modules/${library}/package.json`, import.meta.url))));
  await import(library); // before the hello, so that no run is charged with it
}
await drive(process.argv[2], version, client);
