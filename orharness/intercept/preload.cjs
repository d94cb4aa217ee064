// Makes Node obey HTTPS_PROXY, HTTP_PROXY and NO_PROXY: before 22.21 neither fetch nor node:https does.
// Loaded by NODE_OPTIONS=--require; written by `orharness run`. It needs no package: fetch's own dispatcher is used.
"use strict";

const obeys = process.allowedNodeEnvironmentFlags.has("--use-env-proxy"); // NODE_USE_ENV_PROXY=1 is set as well

const https = require("node:https");
const net = require("node:net");
const tls = require("node:tls");

const named = (name) => process.env[name] || process.env[name.toLowerCase()];
const bypassed = (named("NO_PROXY") || "").split(",").map((one) => one.trim().toLowerCase()).filter(Boolean);

function passes(host) {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, "");
  return bypassed.some((one) => {
    const name = one.replace(/^\*?\./, "").replace(/^\[|\]$/g, "");
    return one === "*" || bare === name || bare.endsWith(`.${name}`);
  });
}

function proxyFor(protocol, host) {
  const found = named(protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY");
  return found && !passes(host) ? new URL(found) : null;
}

/** A tunnel to the host through the proxy: calls back with an error, or with a connected socket. */
function tunnel(proxy, host, port, done) {
  const socket = net.connect(Number(proxy.port || 80), proxy.hostname);
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const lines = [`CONNECT ${place} HTTP/1.1`, `Host: ${place}`];
  if (proxy.username) lines.push(`Proxy-Authorization: Basic ${Buffer.from(pair).toString("base64")}`);
  let head = Buffer.alloc(0);
  const failed = (error) => done(error);
  const ended = () => done(new Error(`the proxy ended the connection to ${place}`));
  socket.once("error", failed);
  socket.once("end", ended);
  socket.on("data", function read(data) {
    head = Buffer.concat([head, data]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    socket.off("data", read).off("error", failed).off("end", ended);
    socket.pause();
    const status = head.toString("latin1", 0, head.indexOf("\r\n"));
    if (!/^HTTP\/1\.[01] 200/.test(status)) {
      socket.destroy();
      return done(new Error(`the proxy refused ${place}: ${status}; ${head.toString("utf8", end + 4).trim()}`));
    }
    if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
    done(null, socket);
  });
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
}

/** TLS to the host, inside a tunnel. */
function secured(proxy, host, port, options, done) {
  tunnel(proxy, host, port, (error, socket) => {
    if (error) return done(error);
    const secure = tls.connect({
      ...options,
      socket,
      host: undefined,
      port: undefined,
      path: undefined,
      servername: options.servername || (net.isIP(host) ? "" : host),
      ALPNProtocols: ["http/1.1"],
    });
    const failed = (problem) => done(problem);
    secure.once("error", failed).once("secureConnect", () => {
      secure.off("error", failed);
      done(null, secure);
    });
  });
}

function forFetch() {
  const key = Symbol.for("undici.globalDispatcher.1");
  if (!globalThis[key]) fetch("data:,").catch(() => {}); // loads fetch, and with it its dispatcher
  const Agent = globalThis[key] && globalThis[key].constructor;
  if (!Agent) return;
  const connect = (options, done) => {
    const host = options.hostname.replace(/^\[|\]$/g, "");
    const secure = options.protocol === "https:";
    const port = Number(options.port || (secure ? 443 : 80));
    const proxy = proxyFor(options.protocol, host);
    if (proxy) return secure ? secured(proxy, host, port, options.servername ? { servername: options.servername } : {}, done) : tunnel(proxy, host, port, done);
    const socket = secure
      ? tls.connect({ host, port, servername: options.servername || (net.isIP(host) ? "" : host), ALPNProtocols: ["http/1.1"] })
      : net.connect({ host, port, noDelay: true });
    const failed = (error) => done(error);
    socket.once("error", failed).once(secure ? "secureConnect" : "connect", () => {
      socket.off("error", failed);
      done(null, socket);
    });
  };
  globalThis[key] = new Agent({ connect });
}

function forHttps() {
  const create = https.Agent.prototype.createConnection;
  https.Agent.prototype.createConnection = function (options, done) {
    const host = options.host || options.hostname || "localhost";
    const proxy = proxyFor("https:", host);
    if (!proxy || options.socket) return create.call(this, options, done);
    secured(proxy, host, options.port || 443, options, done);
    return undefined;
  };
}

if (!obeys && (named("HTTPS_PROXY") || named("HTTP_PROXY"))) {
  forHttps();
  if (typeof fetch === "function") forFetch();
}
