// A global setup of vitest: one backend for all workers. It comes after orharness/setup, which sets ORHARNESS_URL.
import { listen } from "./backend.mjs";

let backend;

export async function setup() {
  backend = await listen(`${process.env.ORHARNESS_URL}/v1`);
  process.env.BACKEND_URL = backend.url;
}

export const teardown = () => backend.close();
