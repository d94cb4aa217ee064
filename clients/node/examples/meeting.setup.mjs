// A global setup of vitest: nobody who asks is answered until all workers have asked, so that they are there at once.
import http from "node:http";

let meeting;

export async function setup({ config }) {
  const waiting = [];
  meeting = http.createServer((_, response) => {
    if (waiting.push(response) === config.maxWorkers) for (const one of waiting.splice(0)) one.end();
  });
  meeting.listen(0, "127.0.0.1");
  await new Promise((resolve) => meeting.once("listening", resolve));
  process.env.MEETING_URL = `http://127.0.0.1:${meeting.address().port}`;
}

export const teardown = () => meeting.close();
