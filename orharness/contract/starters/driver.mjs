// A driver: orharness tells it on stdin what to do, and it tells on stdout what came, one JSON object a line.
// Check it with:  orharness check --driver 'node driver.mjs'
// What you print for yourself belongs to stderr (console.error).
import { createInterface } from "node:readline";

const NAME = "my client";
const VERSION = "0";

// ---- Your client: put its call here, in place of what this function does. ---------------------------------------
// It yields the text as it comes (or other events, as aiSdk does), throws what goes wrong (with a `status`, if HTTP said
// one), and stops when `signal` is aborted. What stands here works: it is a whole client over fetch, with no dependency.
// The AI SDK is one line (npm install ai @ai-sdk/openai-compatible):  const client = aiSdk();
const client = answer;

async function* answer({ base_url, api_key, model, prompt, signal }, told) {
  const response = await fetch(`${base_url}/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream", Authorization: `Bearer ${api_key}` },
    body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: prompt }] }),
    signal,
  });
  const type = (response.headers.get("content-type") ?? "").toLowerCase();
  if (!response.ok || !type.startsWith("text/event-stream")) {
    throw Object.assign(new Error(messageOf(await response.text())), { status: response.status });
  }
  for await (const { type, data } of events(response.body)) {
    if (data === "[DONE]") return;
    if (!data.trim() || data.startsWith(":")) continue; // a heartbeat that some proxies send as data
    const chunk = JSON.parse(data);
    const choice = chunk.choices?.find(({ index }) => !index);
    const content = choice?.delta?.content;
    if (Array.isArray(content)) yield content.map((part) => (part.type === "text" ? part.text : "")).join("");
    else if (content) yield content;
    const failed = chunk.error ?? choice?.error ?? (choice?.finish_reason === "error" || chunk.object === "error");
    if (failed || type === "error") throw new Error(messageOf(data));
    told.finish_reason = choice?.finish_reason || told.finish_reason;
    told.usage = chunk.usage ?? told.usage;
  }
  throw new Error("the answer ended without [DONE]: it is not complete");
}
// ---- The end of your client. ------------------------------------------------------------------------------------

// A client on the AI SDK (5 or later) that hands over all that it says. `model` makes the language model, by default that
// of @ai-sdk/openai-compatible; `options` are further ones of streamText:
//   const client = aiSdk(({ base_url, api_key, model }) => createOpenAI({ baseURL: base_url, apiKey: api_key })(model));
function aiSdk(model = compatible, options = {}) {
  return async function* (asked, told) {
    const { streamText } = await import("ai");
    const abortSignal = asked.signal;
    const given = { model: await model(asked), prompt: asked.prompt, abortSignal, onError() {}, ...options };
    for await (const part of streamText(given).fullStream) {
      if (part.type === "text-delta") yield part.text;
      if (part.type === "reasoning-delta") yield { event: "reasoning", text: part.text };
      if (part.type === "tool-call") yield toolCallOf(part);
      if (part.type === "finish") Object.assign(told, endOf(part));
      if (part.type === "error") throw errorOf(part.error);
    }
  };
}

async function compatible({ base_url, api_key, model }) {
  const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
  return createOpenAICompatible({ name: "any", baseURL: base_url, apiKey: api_key, includeUsage: true })(model);
}

function toolCallOf({ toolCallId, toolName, input }) {
  const given = typeof input === "string" ? input : JSON.stringify(input);
  return { event: "tool_call", name: toolName, arguments: given, call_id: toolCallId };
}

// The API's own word for why it ended, where the SDK says it; its words for the same have a hyphen.
function endOf({ finishReason, rawFinishReason, totalUsage: { inputTokens, outputTokens } }) {
  const counted = inputTokens === undefined ? null : { prompt_tokens: inputTokens, completion_tokens: outputTokens };
  return { finish_reason: rawFinishReason ?? finishReason.replace("-", "_"), usage: counted };
}

function errorOf(error) {
  const said = error instanceof Error ? error : new Error(messageOf(JSON.stringify(error)));
  return Object.assign(said, { status: said.statusCode ?? said.lastError?.statusCode });
}

function messageOf(body) {
  try {
    const document = JSON.parse(body);
    return String(document.error?.message ?? document.message ?? body);
  } catch {
    return body || "an error without a word";
  }
}

// The event stream format (html.spec.whatwg.org, "server-sent events"): an event ends at its empty line.
async function* events(body) {
  let type = "";
  let data = [];
  for await (const line of lines(body)) {
    if (line === "") {
      if (data.length) yield { type: type || "message", data: data.join("\n") };
      [type, data] = ["", []];
      continue;
    }
    const [, field, value] = /^([^:]*)(?:: ?)?([^]*)$/.exec(line);
    if (field === "data") data.push(value);
    if (field === "event") type = value;
  }
}

// Lines end with CR, LF or CRLF and with nothing else. TextDecoder keeps what a boundary cuts, and drops a BOM.
async function* lines(body) {
  const decoder = new TextDecoder();
  let begun = "";
  let afterReturn = false; // the line ended with CR: an LF that comes next belongs to it
  for await (const bytes of body) {
    let text = decoder.decode(bytes, { stream: true });
    if (text === "") continue;
    if (afterReturn && text[0] === "\n") text = text.slice(1);
    afterReturn = text.endsWith("\r");
    const [first, ...rest] = text.split(/\r\n|\r|\n/);
    begun += first;
    for (const next of rest) {
      yield begun;
      begun = next;
    }
  }
}

// ---- The protocol. ----------------------------------------------------------------------------------------------
const running = new Map();
const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

async function run({ id, ...asked }) {
  const controller = new AbortController();
  running.set(id, controller);
  const told = {};
  try {
    for await (const said of client({ ...asked, signal: controller.signal }, told)) {
      if (said) tell({ id, ...(typeof said === "string" ? { event: "delta", text: said } : said) });
    }
    tell({ id, event: "end", ...told });
  } catch (error) {
    const message = [error, error.cause].filter(Boolean).map(String).join(": ");
    tell(controller.signal.aborted ? { id, event: "cancelled" } : { id, event: "error", message, status: error.status });
  } finally {
    controller.abort(); // whatever happened, nothing stays open
    running.delete(id);
  }
}

tell({ event: "hello", protocol: 1, name: NAME, version: VERSION, capabilities: ["cancel", "parallel"] });
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.op === "stream") run(message);
  if (message.op === "cancel") running.get(message.id)?.abort();
  if (message.op === "quit") break;
}
process.exit(0);
