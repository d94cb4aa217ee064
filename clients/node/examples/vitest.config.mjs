// One server of orharness and one backend for all; the same file in eight workers at once.
import { defineConfig } from "vitest/config";

const workers = 8;
const together = Array.from({ length: workers }, (_, number) => ({
  extends: true,
  test: { name: `worker ${number + 1}`, include: ["parallel.spec.mjs"] },
}));

export default defineConfig({
  test: {
    globalSetup: ["orharness/setup", "./backend.setup.mjs", "./meeting.setup.mjs"],
    maxWorkers: workers,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [...together, { extends: true, test: { name: "ai", include: ["stop-button.ai.spec.mjs"] } }],
  },
});
