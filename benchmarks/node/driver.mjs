// The driver protocol around a client: an async generator of text, of the base URL and an AbortSignal.
// In and out: lines of JSON, as `orharness check --driver` speaks them.
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
    try {
      for await (const text of client(baseURL, controller.signal)) if (text) say({ id, event: "delta", text });
      say(controller.signal.aborted ? { id, event: "cancelled" } : { id, event: "end", finish_reason: null, usage: null });
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
