"use strict";
const assert = require("node:assert/strict");
const test = require("node:test");

test("require and import give the same package", async () => {
  const required = require("orharness");
  const imported = await import("orharness");
  assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).filter((name) => name !== "default").sort());
  for (const name of Object.keys(required)) assert.equal(required[name], imported[name]);
});

test("a global setup starts one server for all workers", async () => {
  const { setup, teardown } = await import("orharness/setup");
  const before = process.env.ORHARNESS_URL;
  delete process.env.ORHARNESS_URL;
  await setup();
  const url = process.env.ORHARNESS_URL;
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  await setup();
  assert.equal(process.env.ORHARNESS_URL, url);
  await teardown();
  if (before === undefined) delete process.env.ORHARNESS_URL;
  else process.env.ORHARNESS_URL = before;
});
