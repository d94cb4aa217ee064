// node flakes.mjs [--runs N] -- COMMAND…: runs it that many times, one after another, and counts the runs that fail.
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";
import { startServer } from "orharness";

const { values, positionals } = parseArgs({ options: { runs: { type: "string", default: "200" } }, allowPositionals: true });
const [program, ...rest] = positionals;
// One server for all runs; each run has sessions of its own.
const server = process.env.ORHARNESS_URL ? undefined : await startServer();
const env = { ...process.env, ...(server && { ORHARNESS_URL: server.url }) };
const [began, runs] = [performance.now(), Number(values.runs)];
let failed = 0;
for (let run = 1; run <= runs; run += 1) {
  const done = spawnSync(program, rest, { env, encoding: "utf8", shell: process.platform === "win32" });
  if (done.status === 0) continue;
  failed += 1;
  console.log(`run ${run}: ${done.error ?? `exit code ${done.status}`}\n${done.stdout ?? ""}${done.stderr ?? ""}`);
}
await server?.stop();
console.log(`${failed} of ${runs} runs failed, in ${Math.round((performance.now() - began) / 1000)} s: ${positionals.join(" ")}`);
process.exitCode = failed ? 1 : 0;
