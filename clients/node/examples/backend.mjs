// The application under test: a backend with one address of a model for everybody, which passes its user's key on.
import http from "node:http";
import { pipeline } from "node:stream/promises";

/** Listens on a free port. `api` is where the model is, such as https://api.example.com/v1. */
export async function listen(api) {
  const backend = http.createServer((request, response) => void answer(api, request, response));
  backend.listen(0, "127.0.0.1");
  await new Promise((resolve) => backend.once("listening", resolve));
  return { url: `http://127.0.0.1:${backend.address().port}`, close: () => backend.close() };
}

async function answer(api, request, response) {
  const stop = new AbortController();
  response.on("close", () => stop.abort()); // the browser has left: so must we
  try {
    const upstream = await fetch(`${api}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: request.headers.authorization ?? "" },
      body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hi" }], stream: true }),
      signal: stop.signal,
    });
    response.writeHead(upstream.status, { "content-type": upstream.headers.get("content-type") });
    await pipeline(upstream.body, response);
  } catch (error) {
    if (!stop.signal.aborted) response.destroy(error);
  }
}
