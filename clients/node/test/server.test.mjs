// Sessions, routes, verdicts and events, with node:http as the client under test.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import http from "node:http";
import test from "node:test";
import { promisify } from "node:util";
import { ClientFailure, OrharnessError, connect, hold, start, startServer } from "orharness";

const run = promisify(execFile);

/** Asks for a chat completion, and resolves with the status when the answer was read. */
function post(baseURL, path = "/chat/completions", document = { messages: [], stream: true }) {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const request = http.request(baseURL + path, { method: "POST", headers, agent: false }, (response) => {
      response.resume().on("error", reject).on("end", () => resolve(response.statusCode));
    });
    request.on("error", reject).end(JSON.stringify(document));
  });
}

test("an unmatched request and a route never asked fail the verdict", async () => {
  const server = await start();
  await server.chat("x");
  assert.equal(await post(server.baseURL, "/nowhere"), 404);
  for (const judged of [server.verify(), server.end()]) {
    await assert.rejects(judged, (failure) => {
      assert.ok(failure instanceof ClientFailure);
      assert.match(failure.message, /a request that no route answers[^]*a reply that was never asked for: POST \/chat\/completions/);
      return true;
    });
  }
  await server.end(); // a second call does nothing
  assert.equal(await post(server.baseURL), 410);
});

test("a session can be ended without a verdict", async () => {
  const server = await start();
  await server.chat("x");
  await server.end({ verify: false });
});

test("the end of a test is the end of its session, and its verdict", async () => {
  let over;
  const server = await start({ after: (end) => (over = end) });
  await server.chat("x");
  await assert.rejects(over(), ClientFailure);
  const failed = await start({ passed: false, after: (end) => (over = end) });
  await failed.chat("x");
  await over();
});

test("a session is disposed of by its block", async () => {
  const server = await start({ strict: false });
  await server[Symbol.asyncDispose]();
  assert.equal(await post(server.baseURL), 410);
});

test("a scenario is played, and what it expects is judged", async () => {
  const scenario = { orharness: 1, routes: [{ chat: "x", expect: { outcome: "cancelled" } }] };
  const server = await start({ scenario });
  assert.equal(server.routes.length, 1);
  await post(server.baseURL);
  await server.routes[0].waitEnded();
  await assert.rejects(server.end(), /POST \/chat\/completions expects otherwise: the outcome is completed/);
});

test("routes come in turn and go", async (t) => {
  const server = await start(t);
  const route = await server.add({ replies: [{ status: 429 }, { chat: "x" }] });
  assert.deepEqual([await post(server.baseURL), await post(server.baseURL)], [429, 200]);
  assert.equal((await route.calls()).length, 2);
  await assert.rejects(route.call(), /was asked 2 times, not once/);
  await route.remove();
  await server.reset();
  await server.messages("x", { when: { model: "m" } });
  await server.reset();
  assert.deepEqual(await server.calls(), []);
});

test("what a document cannot say is an error with its place", async (t) => {
  const server = await start(t);
  await assert.rejects(server.chat("x", { through: [{ hodl: 3 }] }), (error) => {
    assert.ok(error instanceof OrharnessError);
    assert.match(error.message, /did you mean hold/);
    assert.equal(error.problem.pointer, "/through/0");
    return true;
  });
});

test("a wait that is not met says what it waited for", async (t) => {
  const server = await start(t, { strict: false });
  const route = await server.chat("x");
  await assert.rejects(route.held({ timeout: 0.05 }), /after 0.05 s no stream of POST \/chat\/completions is held/);
  await assert.rejects(route.waitCall({ timeout: 0.05 }), ClientFailure);
  await assert.rejects(route.call(), /the client never sent a request/);
  const waiting = route.waitCall();
  await post(server.baseURL);
  assert.equal((await waiting).request.method, "POST");
});

test("events come as they happen", async (t) => {
  const server = await start(t);
  await server.chat("x");
  const names = [];
  const asked = post(server.baseURL);
  for await (const event of server.events()) {
    names.push(event.event);
    if (event.event === "ended") break;
  }
  await asked;
  assert.deepEqual(names.slice(0, 3), ["request_read", "begun", "head_written"]);
  const [exchange] = await server.journal();
  assert.equal(exchange.status, 200);
});

test("fifty sessions stay apart", async () => {
  const servers = await Promise.all(Array.from({ length: 50 }, () => start()));
  await Promise.all(servers.map((server, number) => server.chat(`text of ${number}`)));
  await Promise.all(servers.map((server) => post(server.baseURL)));
  for (const server of servers) assert.equal((await server.calls()).length, 1);
  await Promise.all(servers.map((server) => server.end()));
});

test("what a session has seen can be asked at any time", async (t) => {
  const server = await start(t);
  const route = await server.chat("x");
  await post(server.baseURL);
  const call = await route.waitEnded();
  assert.equal((await server.showCall(call.id)).outcome, "completed");
  assert.deepEqual(await route.show(), { id: route.id, name: route.name, method: "POST", path: "/chat/completions", strict: true, calls: 1 });
  assert.deepEqual((await server.listRoutes()).map((one) => one.id), [route.id]);
  assert.match(await server.account(), /POST \/v1\/chat\/completions/);
  assert.equal((await server.show()).calls, 1);
  assert.equal((await server.verify()).passed, true);
});

test("a stream under way is held, released and cut", async (t) => {
  const server = await start(t, { pacing: "recorded" });
  const route = await server.chat({ tokens: 500 }, { through: [{ pace: 0.02 }], provider: "Anthropic" });
  const harness = await connect();
  for (const [index, by] of ["fin", "rst"].entries()) {
    const answer = assert.rejects(post(server.baseURL));
    const call = await route.waitCall({ number: index + 1 });
    await server.hold(call.id);
    await route.held();
    assert.ok((await harness.bills()).some((one) => one.session === server.id));
    await server.release(call.id);
    assert.equal((await server.cut(call.id, { by })).outcome, "faulted");
    await answer;
  }
  assert.equal((await harness.lanes()).filter((one) => one.session === server.id).length, 2);
  assert.match(await server.page(), /^<!doctype html>[^]*cut by hand/);
});

test("a route holds what is under way, and its release lets it go on", async (t) => {
  const server = await start(t, { pacing: "recorded" });
  const route = await server.chat({ tokens: 20 }, { through: [{ pace: 0.05 }] });
  const answers = [post(server.baseURL), post(server.baseURL)];
  await route.waitCall({ number: 2 });
  assert.equal((await route.hold()).length, 2);
  const held = await route.held();
  assert.equal(held.outcome, null);
  await route.release();
  await Promise.all(answers);
  await route.waitFinished({ number: 1 });
  await route.waitFinished({ number: 2 });
  await route.release(); // of a gate that no stream has: nothing is held any more
});

test("a file is played before all else", async (t) => {
  const server = await start(t, { strict: false });
  await server.chat("of the test");
  const [route] = await server.play("scenario.yaml", "orharness: 1\nroutes:\n- chat: from a file\n");
  await post(server.baseURL);
  const stream = await server.stream((await route.call()).id);
  const text = Buffer.concat(stream.chunks.map((one) => Buffer.from(one.bytes, "base64"))).toString();
  assert.equal(text.length, stream.size);
  assert.match(text, /"from"[^]*data: \[DONE\]/);
});

test("a recording plays each of its answers once", async (t) => {
  const server = await start(t);
  const response = {
    status: 200,
    headers: [{ name: "content-type", value: "text/event-stream" }],
    content: { mimeType: "text/event-stream", text: "data: recorded\n\ndata: [DONE]\n\n" },
  };
  const request = { method: "POST", url: "https://llm.example/v1/chat/completions", headers: [] };
  const har = JSON.stringify({ log: { version: "1.2", entries: [{ request, response }] } });
  const [route] = await server.play("recorded.har", har, { play: "once", options: { match_on: ["path"] } });
  assert.equal(await post(server.baseURL), 200);
  assert.equal((await route.show()).calls, 1);
});

test("each API's own answers", async (t) => {
  const server = await start(t);
  await server.gemini("x");
  await server.ollama("x");
  assert.equal(await post(server.origin, "/v1beta/models/m:generateContent", { contents: [{ parts: [{ text: "Hi" }] }] }), 200);
  assert.equal(await post(server.origin, "/api/chat", { model: "m", messages: [{ role: "user", content: "Hi" }] }), 200);
});

test("a server that runs is asked for what belongs to no session", async (t) => {
  const { origin, id } = await start(t, { strict: false });
  const harness = await connect(origin.replace(`/s/${id}`, ""));
  assert.equal((await harness.about()).program, "orharness");
  assert.equal((await harness.openapi()).openapi, "3.1.0");
  assert.ok((await harness.sessions()).some((session) => session.id === id));
  assert.ok(Array.isArray(await harness.journal()));
  const asked = post(`${origin}/v1`);
  for await (const event of harness.events()) if (event.session === id) break;
  assert.equal(await asked, 404);
  await assert.rejects(connect("http://127.0.0.1:9"), /got no answer/);
});

test("a session that was disposed of is judged, but not again where its block has failed", async () => {
  const judged = await start();
  await judged.chat("x");
  await assert.rejects(judged[Symbol.asyncDispose](), ClientFailure);
  const failed = await start();
  const route = await failed.chat("x", { through: [hold(1)] });
  await assert.rejects(route.call(), ClientFailure);
  await failed[Symbol.asyncDispose]();
});

// -- the server's process --------------------------------------------------------------------------------------------

const script = (code) => ["--input-type=module", "-e", `import { start, startServer } from "orharness";\n${code}`];
const without = { ...process.env, ORHARNESS_URL: "" };
const here = { cwd: import.meta.dirname ?? new URL(".", import.meta.url).pathname };

/** Resolves when the process is gone. */
async function gone(pid) {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("one server serves all sessions of a process, and ends with it", async () => {
  const code = `
    const [one, other] = await Promise.all([start(), start()]);
    await Promise.all([one.end(), other.end()]);
    console.log(new URL(one.origin).port === new URL(other.origin).port);`;
  const { stdout } = await run(process.execPath, script(code), { ...here, env: without });
  assert.equal(stdout, "true\n");
});

test("a server ends where its parent is killed", { skip: process.platform === "win32" }, async () => {
  const code = "console.log((await startServer()).pid); process.kill(process.pid, 'SIGKILL');";
  const { stdout } = await run(process.execPath, script(code), { ...here, env: without }).catch((error) => error);
  await gone(Number(stdout));
});

test("a server can be stopped", async () => {
  const server = await startServer();
  await server.stop();
  await server.stop();
  await gone(server.pid);
});

for (const [command, said] of [
  ["no-such-orharness", /no-such-orharness is not there: nothing is downloaded[^]*python -m pip install [^]*a stranger's package/],
  [`"${process.execPath}" -e "console.log(1)"`, /is another program than orharness/],
  [`"${process.execPath}" -e "process.exit(3)"`, /ended with code 3 before it listened/],
]) {
  test(`what is not orharness is told: ${command.slice(-30)}`, async () => {
    const env = { ...without, ORHARNESS_COMMAND: command };
    await assert.rejects(run(process.execPath, script("await start();"), { ...here, env }), said);
  });
}

test("a server of another version, and one that is none, are told", async () => {
  const answers = { about: '{"program":"orharness","api":99,"version":"9.9"}', none: "hello" };
  for (const [name, said] of [["about", /speaks version 99 of the control API/], ["none", /is not a server of orharness/]]) {
    const other = http.createServer((_, response) => response.end(answers[name])).listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const env = { ...process.env, ORHARNESS_URL: `http://127.0.0.1:${other.address().port}` };
    await assert.rejects(run(process.execPath, script("await start();"), { ...here, env }), said);
    other.close();
  }
});
