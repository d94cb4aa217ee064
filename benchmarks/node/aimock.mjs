// aimock with one fixture: it answers any chat completion with a text of so many tokens, an event each.
//
//     node aimock.mjs TOKENS    prints its port, and ends with its stdin
import { LLMock } from "@copilotkit/aimock";

const token = "tok ";
const mock = new LLMock({ port: 0, logLevel: "silent" });
mock.addFixture({
  match: {},
  response: { content: token.repeat(Number(process.argv[2])) },
  chunkSize: token.length,
  latency: 0,
});
await mock.start();
console.log(new URL(mock.url).port);
process.stdin.resume();
process.stdin.on("end", () => process.exit());
