"use strict";
// Not fetch: Node's sends Sec-Fetch-Mode, as browsers do, and what a browser sends needs a token.
const http = require("node:http");
const { ClientFailure, OrharnessError } = require("./errors.cjs");

const CLIENT = "urn:orharness:problem:client";

/** Sends a request, and resolves with the response when its head has come. */
function send(url, { method = "GET", document, headers = {} } = {}) {
  const body = document === undefined ? undefined : JSON.stringify(document);
  const token = process.env.ORHARNESS_TOKEN;
  const sent = {
    ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    ...(token ? { "x-orharness-token": token } : {}),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    // A connection of its own each time: an idle one could be closed by the server at the moment of its next use.
    const request = http.request(url, { method, headers: sent, agent: false }, resolve);
    request.on("error", (error) => reject(new OrharnessError(`${method} ${url} got no answer: ${error.message}`)));
    request.end(body);
  });
}

async function textOf(response) {
  response.setEncoding("utf8");
  let text = "";
  for await (const piece of response) text += piece;
  return text;
}

/** Asks a control verb; resolves with its document. Throws ClientFailure for a finding, OrharnessError for a problem. */
async function ask(url, options) {
  const response = await send(url, options);
  const text = await textOf(response);
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new OrharnessError(`${url} is not a server of orharness: it answers with status ${response.statusCode}`);
  }
  if (response.statusCode < 400) return document;
  if (document.type === CLIENT) throw new ClientFailure(document.detail);
  throw new OrharnessError(document.detail ?? `status ${response.statusCode}`, document);
}

/** A query: options that are undefined are left out. */
function query(options) {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

/** The events of an event stream, as their data. */
async function* events(url, headers) {
  const response = await send(url, { headers });
  if (response.statusCode >= 400) throw new OrharnessError(JSON.parse(await textOf(response)).detail);
  response.setEncoding("utf8");
  let waiting = "";
  try {
    for await (const piece of response) {
      const blocks = (waiting + piece).split("\n\n");
      waiting = blocks.pop();
      for (const block of blocks) {
        const data = block.split("\n").find((line) => line.startsWith("data: "));
        if (data) yield JSON.parse(data.slice("data: ".length));
      }
    }
  } finally {
    response.destroy();
  }
}

module.exports = { ask, events, query };
