// Reads event streams from stdin, one a line: a JSON list of the chunks in base64. Answers one line of JSON for each:
// the events as [type, data, id], the comments, and the retry times in milliseconds, as eventsource-parser sees them.
import { createParser } from "eventsource-parser";
import { createInterface } from "node:readline";

for await (const line of createInterface({ input: process.stdin })) {
  const found = { events: [], comments: [], retries: [] };
  const parser = createParser({
    onEvent: ({ event, data, id }) => found.events.push([event ?? "message", data, id ?? ""]),
    onComment: (text) => found.comments.push(text),
    onRetry: (milliseconds) => found.retries.push(milliseconds),
  });
  const decoder = new TextDecoder(); // it works on strings: this decodes, and drops one leading BOM
  for (const chunk of JSON.parse(line)) {
    const text = decoder.decode(Buffer.from(chunk, "base64"), { stream: true });
    if (text) parser.feed(text);
  }
  process.stdout.write(JSON.stringify(found) + "\n");
}
