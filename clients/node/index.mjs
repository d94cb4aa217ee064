import core from "./index.cjs";

export const { API, Call, ClientFailure, OrharnessError, Route, Server, hold, start, startServer } = core;
