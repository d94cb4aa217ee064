import core from "./index.cjs";

export const { API, Call, ClientFailure, Harness, OrharnessError, Route, Server, connect, hold, start, startServer } = core;
