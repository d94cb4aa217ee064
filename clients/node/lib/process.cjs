"use strict";
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const { existsSync } = require("node:fs");
const path = require("node:path");
const { ask } = require("./http.cjs");
const { OrharnessError } = require("./errors.cjs");

/** The number of the control API that this package speaks. */
const API = 1;

/** How the server is installed: from the clone that this package is part of, where it is. */
function howToInstall() {
  const clone = path.resolve(__dirname, "..", "..", "..");
  const here = existsSync(path.join(clone, "orharness", "py.typed"));
  const command = `python -m pip install ${here ? JSON.stringify(clone) : "PATH-OF-THE-CLONE"}`;
  return (
    `nothing is downloaded for you; install it with\n\n    ${command}\n\nor name its command in ORHARNESS_COMMAND, or the` +
    " address of a server that runs in ORHARNESS_URL. `pip install orharness` would install a stranger's package"
  );
}

/** The words of a command line; quotes keep blanks. */
function words(command) {
  return [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((found) => found[1] ?? found[2] ?? found[3]);
}

/** Throws unless a server of orharness is there that speaks our API. */
async function check(url) {
  const about = await ask(`${url}/_orharness`);
  if (about.program !== "orharness" || about.api !== API) {
    throw new OrharnessError(
      `${url} speaks version ${about.api} of the control API (orharness ${about.version}), and this package version` +
        ` ${API}: update the older of the two`,
    );
  }
}

/**
 * Starts a server as a process of its own, which ends with this one. Its command is ORHARNESS_COMMAND, or `orharness`
 * from PATH; nothing is ever downloaded.
 */
async function startServer() {
  const [program, ...before] = words(process.env.ORHARNESS_COMMAND || "orharness");
  // It ends when its stdin does: also where this process is killed.
  const child = spawn(program, [...before, "serve", "--until-eof"], { stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said = (said + text).slice(-2000)));
  child.stdin.on("error", () => {});
  const url = await listening(child, program, () => said);
  // A test runner is not kept waiting by it.
  for (const one of [child, child.stdin, child.stdout, child.stderr]) one.unref();
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.ref();
    child.stdin.end();
    await ended;
  };
  try {
    await check(url);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, pid: child.pid, stop };
}

/** Resolves with the address when the server listens. */
function listening(child, program, said) {
  return new Promise((resolve, reject) => {
    let out = "";
    child.on("error", (error) => {
      const why = error.code === "ENOENT" ? `${program} is not there` : `${program} cannot be run: ${error.message}`;
      reject(new OrharnessError(`${why}: ${howToInstall()}`));
    });
    child.on("exit", (code) => reject(new OrharnessError(`${program} ended with code ${code} before it listened: ${said()}`)));
    child.stdout.setEncoding("utf8").on("data", (text) => {
      out += text;
      const end = out.indexOf("\n");
      if (end < 0) return;
      const url = out.slice(0, end).trim().replace(/\/v1$/, "");
      if (/^http:\/\/\S+$/.test(url)) resolve(url);
      else reject(new OrharnessError(`${program} is another program than orharness: it printed ${JSON.stringify(out)}`));
    });
  });
}

let shared;

/** The address of the server of this process: ORHARNESS_URL, or one that is started once. */
async function serverUrl() {
  const given = process.env.ORHARNESS_URL?.replace(/\/+$/, "");
  if (given) {
    await check(given);
    return given;
  }
  shared ??= startServer();
  try {
    return (await shared).url;
  } catch (error) {
    shared = undefined;
    throw error;
  }
}

module.exports = { API, check, serverUrl, startServer };
