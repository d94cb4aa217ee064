// A global setup of vitest (or of node --test-global-setup): one server for all workers.
import core from "./index.cjs";

let server;

export async function setup() {
  if (process.env.ORHARNESS_URL) return;
  server = await core.startServer();
  process.env.ORHARNESS_URL = server.url;
}

export async function teardown() {
  await server?.stop();
  server = undefined;
}

export { setup as globalSetup, teardown as globalTeardown };
