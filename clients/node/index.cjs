"use strict";
const { Harness, Server, connect, start } = require("./lib/server.cjs");
const { Call, Route } = require("./lib/route.cjs");
const { ClientFailure, OrharnessError } = require("./lib/errors.cjs");
const { API, startServer } = require("./lib/process.cjs");

/** A gate after that many chunks: the stream stops there until `route.release()`. */
const hold = (after) => ({ hold: after });

module.exports = { API, Call, ClientFailure, Harness, OrharnessError, Route, Server, connect, hold, start, startServer };
