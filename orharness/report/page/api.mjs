// The control verbs, asked with the token of the page's address. The fragment of an address is sent to nobody.

const ROOT = "/_orharness";

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export class Api {
  constructor(token) {
    this.token = token;
  }

  async send(method, path, document, signal) {
    const headers = { authorization: `Bearer ${this.token}` };
    if (document !== undefined) headers["content-type"] = "application/json";
    const body = document === undefined ? undefined : JSON.stringify(document);
    const response = await fetch(ROOT + path, { method, headers, body, signal });
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new Problem(response.status, problem.detail ?? `status ${response.status}`);
  }

  async ask(method, path, document) {
    return (await this.send(method, path, document)).json();
  }

  /** Give the data of each event after `since` to `took`, as text, until the connection ends. */
  async watch(since, took, signal) {
    const response = await this.send("GET", `/events?since=${since}`, undefined, signal);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const at = block.indexOf("data: ");
        if (at >= 0) took(block.slice(at + 6), block.startsWith("event: missed"));
      }
    }
  }
}

export const callPath = (lane) => `/sessions/${encodeURIComponent(lane.session)}/calls/${encodeURIComponent(lane.id)}`;
