// A second runner: plays exported cases to a driver, and judges it. It shares no code with orharness.
//   node runner.mjs DIRECTORY DRIVER [ARGUMENT...]     writes one line of JSON a case: {"id", "verdict", "why"}
// What it cannot do: prove that a client's read ended at a boundary. It writes each chunk by itself, a little after the
// one before. A case of more cuts than MOST_CUTS, of more runs than MOST_RUNS, or that is BEYOND it, is not judged.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";

const [directory, ...command] = process.argv.slice(2);
const MOST_CUTS = 1200;
const MOST_RUNS = 40;
const BEYOND = (t) => t.beside || t.then || t.pauses || (t.expect.due && t.reply.encoding) || (t.request && !t.request.accept);
const PATIENCE = Number(process.env.PATIENCE ?? 4000); // milliseconds for what a client should do at once
const APART = 1; // milliseconds between two chunks
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// ---- The server: one reply at a time, in bytes. --------------------------------------------------------------------

let play = null; // {reply, cuts, gates, asked: [], closed, reached}: what is answered now

const server = net.createServer((socket) => {
  socket.setNoDelay(true);
  let received = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (data) => {
    received = Buffer.concat([received, data]);
    for (;;) {
      const head = received.indexOf("\r\n\r\n");
      if (head < 0) return;
      const text = received.subarray(0, head).toString("latin1");
      const size = Number(/^content-length:\s*(\d+)/im.exec(text)?.[1] ?? 0);
      if (received.length < head + 4 + size) return;
      const body = received.subarray(head + 4, head + 4 + size).toString();
      received = received.subarray(head + 4 + size);
      answer(socket, { head: text, path: text.split(" ")[1], body }).catch(() => {});
    }
  });
});

async function answer(socket, request) {
  const mine = play;
  if (!mine || !request.path.startsWith(mine.prefix)) return socket.end("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n");
  mine.asked.push(request);
  socket.on("close", () => mine.onClose());
  const { reply } = mine;
  const { stream } = reply;
  let chunks = stream.chunks.map((one) => ({ data: Buffer.from(one.base64, "base64"), delay: one.delay ?? 0 }));
  const gzip = reply.encoding === "gzip" && /^accept-encoding:.*gzip/im.test(request.head);
  if (mine.cuts) chunks = cut(chunks, mine.cuts);
  if (gzip) chunks = [{ data: gzipSync(Buffer.concat(chunks.map((one) => one.data))), delay: 0 }];
  const size = chunks.reduce((sum, one) => sum + one.data.length, 0);
  const length = stream.announced ?? size + (stream.ending === "eof" ? 0 : 1); // what hangs or breaks off is not whole
  const framing = { chunked: "Transfer-Encoding: chunked", length: `Content-Length: ${length}`, close: "Connection: close" };
  const pairs = Array.isArray(reply.headers) ? reply.headers : Object.entries(reply.headers);
  const headers = [...pairs.map(([name, value]) => `${name}: ${value}`), framing[stream.framing]];
  if (gzip) headers.push("Content-Encoding: gzip");
  await sleep(1000 * (reply.head ?? 0));
  socket.write(`HTTP/1.1 ${reply.status} OK\r\n${headers.join("\r\n")}\r\n\r\n`);
  const chunked = stream.framing === "chunked";
  const framed = (data) => (chunked ? Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]) : data);
  const last = stream.ending === "eof" && chunked ? Buffer.from("0\r\n\r\n") : Buffer.alloc(0);
  if (reply.pacing === "instant") {
    socket.write(Buffer.concat([...chunks.map((one) => framed(one.data)), last]));
  } else {
    let offset = 0;
    for (const { data, delay } of chunks) {
      for (const due of mine.due.splice(0, mine.gates.filter((gate) => gate <= offset).length - mine.opened)) {
        if (!(await mine.handed(due))) mine.late = true; // it goes on, and is judged in the end
        mine.opened += 1;
      }
      if (!mine.opened && mine.gates.includes(offset)) return mine.reached(); // held: the client is to leave
      await sleep(delay ? 1000 * delay : APART);
      if (socket.destroyed) return;
      socket.write(framed(data));
      offset += data.length;
    }
    if (mine.gates.includes(offset)) return mine.reached();
    await sleep(APART);
    if (last.length) socket.write(last);
  }
  mine.over = true;
  if (stream.ending === "abort" || (stream.ending === "eof" && stream.framing === "close")) socket.end();
  if (stream.ending === "reset") setTimeout(() => socket.resetAndDestroy(), 30); // so that all of it has been read
}

function cut(chunks, cuts) {
  const body = Buffer.concat(chunks.map((one) => one.data));
  const places = [0, ...cuts, body.length];
  return places.slice(1).map((end, at) => ({ data: body.subarray(places[at], end), delay: 0 })).filter((one) => one.data.length);
}

// ---- The driver. ---------------------------------------------------------------------------------------------------

let driver = null, number = 0;

function started() {
  if (driver) return driver;
  const child = spawn(command[0], command.slice(1), { stdio: ["pipe", "pipe", "ignore"] });
  const mine = { child, hear: () => {} };
  mine.hello = new Promise((greeted) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.endsWith("}")) return; // cut short, by a kill
      const message = JSON.parse(line);
      if (message.event === "hello") greeted(message);
      else mine.hear(message);
    });
  });
  child.on("exit", () => driver === mine && (driver = null));
  child.stdin.on("error", () => {});
  return (driver = mine);
}

const tell = (order) => driver?.child.stdin.write(`${JSON.stringify(order)}\n`);

// ---- One run. ------------------------------------------------------------------------------------------------------

async function run(test, cuts) {
  const { capabilities = [] } = await started().hello;
  const cancel = test.expect.cancel;
  if (cancel && !capabilities.includes("cancel")) return { verdict: "not_applicable", why: "it cannot be cancelled" };
  const id = ++number;
  const prefix = `/run${id}/`;
  const silence = Math.max(test.reply.head ?? 0, ...test.reply.stream.chunks.map((one) => one.delay ?? 0));
  const heard = { text: "", parts: {}, error: false, ended: false };
  let pieces = 0, left = false, gate, end, enough;
  const reached = new Promise((done) => (gate = done));
  const handed = async (due) => {
    for (let left = PATIENCE / 2; left > 0 && solid(heard.text) < solid(due) && !heard.ended; left--) await sleep(2);
    return solid(heard.text) >= solid(due);
  };
  const held = { gates: test.gates, due: [...(test.expect.due ?? [])], opened: 0, handed, reached: gate };
  play = { prefix, reply: test.reply, cuts, ...held, asked: [], onClose: () => (left = true), over: false };
  const mine = play;
  const ended = new Promise((done) => (end = done));
  const paused = new Promise((done) => (enough = done));
  driver.hear = (message) => {
    if (message.id !== id) return;
    const { event } = message;
    if (event === "delta" && message.text) {
      heard.text += message.text;
      if (++pieces >= (cancel?.after ?? Infinity)) enough();
    }
    if (event === "reasoning" || event === "refusal") heard.parts[event] = (heard.parts[event] ?? "") + message.text;
    if (event === "tool_call") (heard.parts.tool_call ??= []).push({ name: message.name, arguments: parsed(message.arguments), id: message.call_id });
    if (event === "error") heard.error = true;
    if (event === "end") {
      if (message.finish_reason !== null) heard.parts.finish = message.finish_reason;
      if (message.usage !== null) heard.parts.usage = message.usage;
    }
    if (["end", "error", "cancelled"].includes(event)) end(((heard.ended = true), event));
  };
  const base_url = `http://127.0.0.1:${server.address().port}${prefix}v1`;
  tell({ op: "stream", id, base_url, api_key: "any", model: "m", prompt: "hi" });
  const within = (promise, ms) => Promise.race([promise, sleep(ms).then(() => null)]);
  if (cancel) {
    await within(cancel.after === 0 ? reached : paused, PATIENCE);
    if (cancel.silent) await within(reached, PATIENCE);
    await sleep(20);
    const early = heard.ended || (cancel.after > 0 && pieces < cancel.after);
    tell({ op: "cancel", id });
    for (let waited = 0; !left && waited < PATIENCE; waited += 10) await sleep(10);
    await within(ended, PATIENCE);
    return restarted(heard, early ? fail("nothing could be cancelled") : left && !mine.over ? pass() : fail("it did not leave"));
  }
  await within(ended, PATIENCE * Math.max(1, test.patience ?? 1) + 1000 * (silence + test.reply.stream.chunks.length * 0.02));
  await sleep(5);
  return restarted(heard, mine.late ? fail("its text comes late") : judged(test, heard, mine.asked));
}

const solid = (text) => text.replace(/\s/g, "").length;
// A path has {model} for any name, and {one|other} for either of these.
const word = (_, name) => (name.includes("|") ? `(${name})` : "[^/]+");
const isPath = (pattern, path) => new RegExp(`${pattern.replace(/{([^}]+)}/g, word)}$`).test(path.split("?")[0]);
const pass = () => ({ verdict: "pass", why: "" });
const fail = (why) => ({ verdict: "fail", why });

function restarted(heard, verdict) {
  if (!heard.ended && driver) driver.child.kill("SIGKILL"), (driver = null);
  play = null;
  return { ...verdict, parts: heard.parts };
}

function judged(test, heard, asked) {
  if (!asked.length) return fail("it did not ask");
  if (!asked.every((one) => isPath(test.path, one.path))) return fail("it asked for something else");
  const byItself = test.dialect === "ollama" || asked[0].path.includes(":stream"); // a stream without being asked for one
  if (!(JSON.parse(asked[0].body || "{}").stream ?? byItself)) return fail("it did not ask for a stream");
  const accept = test.request?.accept;
  if (accept && !new RegExp(`^accept:.*${accept}`, "im").test(asked[0].head)) return fail("its Accept header is wrong");
  if (test.requests !== "any" && asked.length > test.requests) return fail(`${asked.length} requests`);
  if (!heard.ended) return fail(`it still waits; its text is ${JSON.stringify(heard.text)}`);
  const fits = [test.expect, ...(test.also ?? [])].some(
    ({ text = heard.text, error = false }) => text === heard.text && (error === "allowed" || error === heard.error),
  );
  return fits ? pass() : fail(`its text is ${JSON.stringify(heard.text)}${heard.error ? ", and an error" : ""}`);
}

// ---- What a client says besides text: judged only where it says it at all. -----------------------------------------

const parsed = (text) => { try { return JSON.parse(text || "{}"); } catch { return text; } };

function wanted(test) {
  const kinds = Object.fromEntries((test.expect.unsaid ?? []).map((kind) => [kind, undefined]));
  for (const { type, ...part } of test.expect.parts ?? []) {
    if (type === "tool_call") (kinds.tool_call ??= []).push({ name: part.name, arguments: parsed(part.arguments), id: part.id });
    else if (type === "usage") kinds.usage = part;
    else kinds[type] = type === "finish" ? part.reason : (kinds[type] ?? "") + part.text;
  }
  return kinds;
}

function same(kind, want, got) {
  if (kind === "usage" && want) return ["prompt_tokens", "completion_tokens"].every((name) => want[name] === got?.[name]);
  const ids = [want, got].every((said) => said?.every?.((one) => one.id)); // calls are in any order, and may have no id
  const flat = (said) => said?.map?.((one) => JSON.stringify([one.name, one.arguments, ids && one.id])).sort() ?? said;
  return JSON.stringify(flat(want)) === JSON.stringify(flat(got));
}

// ---- All of them. --------------------------------------------------------------------------------------------------

const files = readdirSync(directory, { recursive: true }).filter((name) => name.endsWith(".json")).sort();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const results = [];
for (const file of files) {
  const test = JSON.parse(readFileSync(join(directory, file), "utf8"));
  const runs = test.cuts.length ? test.cuts : [null];
  let result = { verdict: "not_judged", why: "too many cuts, or more than one answer" };
  if (!BEYOND(test) && runs.length <= MOST_RUNS && runs.every((cuts) => (cuts ?? []).length <= MOST_CUTS)) {
    for (const cuts of runs.flatMap((one) => Array(test.runs ?? 1).fill(one))) {
      result = await run(test, cuts);
      if (result.verdict === "fail") result = await run(test, cuts); // seen twice, or it is not told
      if (result.verdict !== "pass") break;
    }
  }
  results.push({ test, ...result });
}
const said = new Set(results.flatMap(({ parts }) => Object.keys(parts ?? {})));
const lines = results.map(({ test, verdict, why, parts = {} }) => {
  const kinds = Object.entries(wanted(test));
  let told = { id: test.id, verdict, why };
  if (kinds.some(([kind]) => !said.has(kind))) told = { id: test.id, verdict: "not_applicable", why: "it does not say that" };
  else if (verdict === "pass" && !kinds.every(([kind, want]) => same(kind, want, parts[kind])))
    told = { id: test.id, verdict: "fail", why: JSON.stringify(parts) };
  return `${JSON.stringify({ ...told, why: told.why.slice(0, 300) })}\n`;
});
process.stdout.write(lines.join(""), () => process.exit(0));
