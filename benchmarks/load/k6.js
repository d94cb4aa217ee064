// Streaming clients for k6: time to first token, inter-token latency, and cancels at random.
//
// k6's own HTTP client gives a body when it is whole; events need the extension xk6-sse, which k6 fetches by itself
// (https://github.com/phymbert/xk6-sse, `k6 run` since 1.2 with automatic extension resolution):
//
//     k6 run -e HOST=http://127.0.0.1:8080 -e USERS=200 -e CANCELS=0.2 benchmarks/load/k6.js
//
// HOST is `orharness serve` or a gateway before it; SERVED is then the address of `serve`, whose journal has the bill.

import http from "k6/http";
import sse from "k6/x/sse";
import { check } from "k6";
import { Counter, Trend } from "k6/metrics";

const HOST = __ENV.HOST || "http://127.0.0.1:8080";
const SERVED = __ENV.SERVED || HOST;
const CANCELS = Number(__ENV.CANCELS || 0.2);
const MODEL = __ENV.MODEL || "openai/gpt-4o-mini";
const MOST_BEFORE_CANCEL = 20; // events that a client reads before it leaves

export const options = {
  scenarios: {
    readers: { executor: "constant-vus", vus: Number(__ENV.USERS || 50), duration: __ENV.DURATION || "60s" },
  },
  thresholds: { answers_cut_short: ["count==0"] },
};

const timeToFirstToken = new Trend("time_to_first_token", true);
const interTokenLatency = new Trend("inter_token_latency", true); // the mean of one answer, one value an answer
const cutShort = new Counter("answers_cut_short");
const cancelled = new Counter("answers_cancelled");

const BODY = JSON.stringify({
  model: MODEL,
  stream: true,
  messages: [{ role: "user", content: "Say a lot." }],
});

function hasText(data) {
  const [choice] = JSON.parse(data).choices || [];
  return Boolean(choice && choice.delta && choice.delta.content);
}

export default function () {
  const leavesAfter = Math.random() < CANCELS ? 1 + Math.floor(Math.random() * MOST_BEFORE_CANCEL) : Infinity;
  const began = Date.now();
  let first = 0;
  let last = 0;
  let tokens = 0;
  let whole = false;
  const request = { method: "POST", body: BODY, headers: { "Content-Type": "application/json" } };
  const response = sse.open(`${HOST}/v1/chat/completions`, request, (client) => {
    client.on("event", (event) => {
      if (event.data === "[DONE]") {
        whole = true;
        client.close();
      } else if (event.data && hasText(event.data)) {
        last = Date.now();
        first = first || last;
        tokens += 1;
        if (tokens === leavesAfter) client.close(); // that is the cancel
      }
    });
  });
  check(response, { "status 200": (answer) => answer && answer.status === 200 });
  if (tokens) timeToFirstToken.add(first - began);
  if (tokens > 1) interTokenLatency.add((last - first) / (tokens - 1));
  if (whole) return;
  (tokens === leavesAfter ? cancelled : cutShort).add(1);
}

// What the model made, what was read of it, and what leaked: billed, and read by nobody.
export function teardown() {
  const journal = http.get(`${SERVED}/_orharness/journal`).json();
  const bills = journal.exchanges.map((one) => one.bill).filter(Boolean);
  const sum = (key) => bills.reduce((total, bill) => total + (bill[key] || 0), 0);
  const [made, read, billed] = ["tokens_made", "tokens_read", "tokens_billed"].map(sum);
  console.log(`${bills.length} answers: ${made} tokens made, ${read} read, ${billed} billed, ${billed - read} leaked`);
}
