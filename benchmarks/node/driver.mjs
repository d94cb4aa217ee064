// The driver protocol around a client: an async generator of the base URL, an AbortSignal and what its end is to tell.
// It yields text, or events of the protocol. In and out: lines of JSON, as `orharness check --driver` speaks them.
import { createInterface } from "node:readline";

export const KEY = "sk-orharness";
export const messages = [{ role: "user", content: "hi" }];
export const root = (baseURL) => baseURL.replace(/\/v1$/, ""); // for clients that add their whole path

console.log = console.info = console.debug = console.error; // stdout is the driver's, and some libraries log there

export async function drive(name, version, client) {
  const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");
  const running = new Map();

  async function stream({ id, base_url: baseURL }) {
    const controller = new AbortController();
    running.set(id, controller);
    const told = { finish_reason: null, usage: null };
    try {
      for await (const said of client(baseURL, controller.signal, told))
        if (said) say({ id, ...(said.event ? said : { event: "delta", text: said }) });
      say({ id, ...(controller.signal.aborted ? { event: "cancelled" } : { event: "end", ...told }) });
    } catch (error) {
      if (controller.signal.aborted) say({ id, event: "cancelled" });
      else say({ id, event: "error", message: String(error?.message ?? error), status: error?.status ?? null });
    }
    running.delete(id);
  }

  say({ event: "hello", name, version, capabilities: ["cancel", "parallel"] });
  for await (const line of createInterface({ input: process.stdin })) {
    const message = JSON.parse(line);
    if (message.op === "stream") stream(message);
    else if (message.op === "cancel") running.get(message.id)?.abort();
    else break;
  }
  process.exit(0);
}

// What the chunks of a chat completion say besides text, read as orharness.clients reads them: tool calls are joined by
// their index, as OpenAI's manual joins them. `take` each chunk, then `end`.
export function besides(told) {
  const calls = new Map();

  function add({ index, id, function: called }) {
    const call = calls.get(index) ?? { event: "tool_call", name: "", arguments: "", call_id: null };
    calls.set(index, call);
    call.call_id ||= id ?? null;
    call.name ||= called?.name ?? "";
    call.arguments += called?.arguments ?? "";
  }

  function* take({ choices, usage }) {
    told.usage = usage ?? told.usage;
    for (const { index, delta, finish_reason: finish } of choices ?? []) {
      if (index) continue;
      const details = (delta?.reasoning_details ?? []).map((one) => one.text ?? one.summary ?? "").join("");
      const reasoning = delta?.reasoning_content || delta?.reasoning || details;
      if (reasoning) yield { event: "reasoning", text: reasoning };
      if (delta?.refusal) yield { event: "refusal", text: delta.refusal };
      (delta?.tool_calls ?? []).forEach(add);
      told.finish_reason = finish || told.finish_reason;
    }
  }

  return { take, end: () => calls.values() };
}

// All that the AI SDK hands over, as the starter has it that orharness gives to its users.
export async function* ofAiSdk(result, told) {
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") yield part.text;
    if (part.type === "reasoning-delta") yield { event: "reasoning", text: part.text };
    if (part.type === "tool-call") yield toolCallOf(part);
    if (part.type === "finish") Object.assign(told, endOf(part));
    if (part.type === "error") throw part.error;
  }
}

function toolCallOf({ toolCallId, toolName, input }) {
  const given = typeof input === "string" ? input : JSON.stringify(input);
  return { event: "tool_call", name: toolName, arguments: given, call_id: toolCallId };
}

function endOf({ finishReason, rawFinishReason, totalUsage: { inputTokens, outputTokens } }) {
  const counted = inputTokens === undefined ? null : { prompt_tokens: inputTokens, completion_tokens: outputTokens };
  return { finish_reason: rawFinishReason ?? finishReason.replace("-", "_"), usage: counted };
}
