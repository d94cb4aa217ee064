"use strict";
const { AssertionError } = require("node:assert");

/** The server, or what it was given, is wrong. */
class OrharnessError extends Error {
  constructor(message, problem) {
    super(message);
    this.name = "OrharnessError";
    /** The problem document of the server's answer (RFC 9457), undefined where there was none. */
    this.problem = problem;
  }
}

/** The client under test is wrong: the text says what was seen, what was expected and what leaked. */
class ClientFailure extends AssertionError {
  constructor(message, call) {
    super({ message });
    this.name = "ClientFailure";
    this.call = call;
  }
}

module.exports = { ClientFailure, OrharnessError };
