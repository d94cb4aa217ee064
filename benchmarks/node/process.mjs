// A client's process, as benchmarks/ways/__main__.py: it is told what to do line by line, and answers with a line each.
//
//     node --expose-gc process.mjs NAME…    the packages whose versions it tells
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";

// CLOCK_MONOTONIC in seconds: on Linux the clock that Python's time.monotonic() shows.
const monotonic = () => Number(process.hrtime.bigint()) / 1e9;

// The little application around a way to cancel: where its server is, its stop button, and what it keeps.
class App {
  stopped = false;
  #acts = [];

  constructor(baseURL) {
    this.baseURL = baseURL;
  }

  onStop(act) {
    this.#acts.push(act);
    if (this.stopped) act();
  }

  press() {
    const moment = monotonic();
    this.stopped = true;
    for (const act of this.#acts) {
      try {
        Promise.resolve(act()).catch(() => {});
      } catch {
        // what the button did failed: the server sees what came of it
      }
    }
    return moment;
  }
}

const versions = { Node: process.versions.node };
for (const name of process.argv.slice(2)) {
  versions[name] = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
}
let app = new App("");
console.log("ready", JSON.stringify(versions));
for await (const line of createInterface({ input: process.stdin })) {
  const [order, argument, baseURL] = line.split(" ");
  if (order === "walk") {
    const [file, name] = argument.split(":");
    const module = await import(`./${file}.mjs`);
    const here = (app = new App(baseURL));
    here.over = module[name](here).catch((error) => here.stopped || console.error(error)); // reading may fail then
    console.log("walking");
  } else if (order === "stop") {
    console.log("pressed", app.press());
  } else if (order === "collect") {
    await Promise.race([app.over, setTimeout(Number(argument) * 1000)]);
    globalThis.gc();
    console.log("collected");
  }
}
process.exit(0);
