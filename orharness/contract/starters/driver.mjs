// A driver: orharness tells it on stdin what to do, and it tells on stdout what came, one JSON object a line.
// Check it with:  orharness check --driver 'node driver.mjs'
// What you print for yourself belongs to stderr (console.error).
import { createInterface } from "node:readline";

const NAME = "my client";
const VERSION = "0";

// ---- Your client: put its call here, in place of what this function does. ---------------------------------------
// It yields the text as it comes, throws what goes wrong (with a `status`, if HTTP said one), and stops when `signal`
// is aborted. What stands here works: it is a whole client over fetch, with no dependency.
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
    for await (const text of answer({ ...asked, signal: controller.signal }, told)) {
      if (text) tell({ id, event: "delta", text });
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
