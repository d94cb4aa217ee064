// One call in full: what is known of it and how certainly, its request, its bytes with their boundaries, its events.

import { counted, element, fromBase64, money, pieces, say, seconds, size, whole } from "./text.mjs";
import { laneNumber, stateText } from "./view.mjs";

const TABS = [["known", "Overview"], ["request", "Request"], ["bytes", "Bytes"], ["events", "Events"]];
const CERTAINTIES = {
  seen: "The kernel reported it, or the server did it itself.",
  inferred: "It follows from what was seen, by a rule that always holds.",
  at_least: "A lower bound, or a judgement based on one.",
  unknown: "Nothing that the server can observe decides it.",
};
const SHOWN = 60; // chunks, before more are asked for

export class Detail {
  /** `source` gives the whole call and its stream; `act` does what a button says, null where nothing can be done. */
  constructor(panel, source, act, closed) {
    this.panel = panel;
    this.source = source;
    this.act = act;
    this.closed = closed;
    this.lane = null;
    this.tab = "known";
    this.stream = null;
    this.shown = SHOWN;
    this.said = -1;
    this.heading = element("h2", { tabindex: "-1" });
    this.state = element("p", { class: "state" });
    this.actions = element("div", { class: "actions", role: "group", "aria-label": "What to do with this stream" });
    this.buttons = new Map(TABS.map(([name, text]) => [name, this.tabButton(name, text)]));
    this.body = element("div", { role: "tabpanel", id: "detail-body", tabindex: "0" });
    const tabs = element("div", { role: "tablist", "aria-label": "This call" }, ...this.buttons.values());
    tabs.addEventListener("keydown", (event) => this.move(event));
    const close = element("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => this.close() }, "✕");
    panel.append(element("header", {}, element("div", {}, this.heading, this.state), close), this.actions, tabs, this.body);
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  tabButton(name, text) {
    return element("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "detail-body", onclick: () => this.choose(name) }, text);
  }

  move(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const names = TABS.map(([name]) => name);
    this.choose(names[(names.indexOf(this.tab) + step + names.length) % names.length]);
    this.buttons.get(this.tab).focus();
  }

  async open(lane, from) {
    this.from = from;
    this.lane = lane;
    this.stream = null;
    this.shown = SHOWN;
    this.panel.hidden = false;
    document.body.classList.add("with-detail");
    this.choose(this.tab);
    this.heading.focus();
    await this.refresh();
  }

  close() {
    if (this.lane === null) return;
    this.lane = null;
    this.panel.hidden = true;
    document.body.classList.remove("with-detail");
    this.closed();
    if (this.from?.isConnected) this.from.focus();
  }

  choose(name) {
    this.tab = name;
    for (const [one, button] of this.buttons) {
      button.setAttribute("aria-selected", String(one === name));
      button.tabIndex = one === name ? 0 : -1;
    }
    this.body.setAttribute("aria-labelledby", `tab-${name}`);
    this.said = -1;
    this.update();
    if (name === "bytes" && this.stream === null) this.refresh();
  }

  /** Ask for the call as it is now, and for its bytes where they are looked at. */
  async refresh() {
    const lane = this.lane;
    if (lane === null) return;
    const call = await this.source.call(lane);
    if (call !== null) lane.learn(call);
    if (this.tab === "bytes") {
      const all = lane.call?.chunks ?? null; // null while the end of the answer has not been seen
      const whole = this.stream !== null && all !== null && this.stream.total >= all;
      const stream = whole ? this.stream : await this.source.stream(lane);
      if (this.lane === lane) this.stream = stream;
    }
    if (this.lane === lane) this.update();
  }

  update() {
    const lane = this.lane;
    if (lane === null) return;
    say(this.heading, `Call ${laneNumber(lane)}: ${lane.request.method} ${lane.request.path}`);
    this.panel.dataset.state = lane.state;
    say(this.state, stateText(lane));
    this.showActions(lane);
    const shows = this.shows(lane); // nothing is made anew that is the same: somebody may be selecting text in it
    if (this.said === shows) return;
    this.said = shows;
    const scrolled = this.body.scrollTop;
    this.body.replaceChildren(...this[this.tab](lane));
    this.body.scrollTop = scrolled;
  }

  /** What the tab is made of, as a text that changes with it. */
  shows(lane) {
    const of = {
      known: () => lane.version,
      request: () => lane.request.headers !== undefined,
      bytes: () => [this.stream?.chunks.length, this.shown, lane.writtenAt.length, lane.read],
      events: () => lane.events.length,
    };
    return `${this.tab} ${of[this.tab]()}`;
  }

  showActions(lane) {
    const can = this.act !== null && lane.open;
    this.actions.hidden = !can;
    const wanted = !can ? "" : lane.isHeld || lane.braked ? "held" : "goes";
    if (this.actions.dataset.for === wanted) return;
    this.actions.dataset.for = wanted;
    const button = (name, text, title) => element("button", { type: "button", title, onclick: () => this.act(name, this.lane) }, text);
    const first = wanted === "held" ? button("release", "Release", "Let the stream go on (R)") : button("hold", "Hold", "Stop it before its next chunk (H)");
    this.actions.replaceChildren(first, button("fin", "Cut: FIN", "End the response early (X)"), button("rst", "Cut: RST", "Reset the connection"));
  }

  known(lane) {
    const call = lane.call;
    if (call === null) return [element("p", { class: "empty" }, "Nothing is known yet.")];
    const sure = call.certainty;
    const rows = [
      ["outcome", call.outcome ?? "undecided", call.outcome === null ? null : sure.outcome],
      ["how it left", { fin: "FIN", rst: "RST", half_close: "closed its sending side" }[call.how] ?? null, sure.how],
      ["after", call.ended_after === null ? null : seconds(call.ended_after)],
      ["status", call.status],
      ["route", call.route],
      ["session", call.session],
      ["pacing", call.pacing],
      ["chunks written", call.chunks === null ? whole(call.chunks_written) : `${whole(call.chunks_written)} of ${whole(call.chunks)}`, "seen"],
      ["bytes written", call.stream_size === null ? size(call.bytes_written) : `${whole(call.bytes_written)} of ${whole(call.stream_size)}`, "seen"],
      ["bytes read", call.bytes_read === null ? "—" : whole(call.bytes_read), sure.bytes_read],
      ["boundaries", `${whole(call.boundaries.proven)} proven, ${whole(call.boundaries.assumed)} assumed`],
      ["faults", call.faults.join(", ") || null],
    ];
    return [facts(rows), ...this.billed(lane, sure), ...differences(call)];
  }

  billed(lane, sure) {
    const bill = lane.bill;
    if (bill === null) return [element("p", { class: "empty" }, "There is no model behind this answer.")];
    const stops = { true: "stops when its client leaves", false: "goes on when its client leaves" }[String(lane.call.provider_stops)];
    const [leaked, dollars] = lane.leaked;
    return [
      element("h3", {}, "The model's bill"),
      facts([
        ["provider", [lane.call.provider, stops].filter(Boolean).join(": ") || null],
        ["made", counted(bill.tokens_made, lane.noun)],
        ["written", counted(bill.tokens_written, lane.noun), "seen"],
        ["read", bill.tokens_read === null ? "—" : counted(bill.tokens_read, lane.noun), sure.tokens_read],
        ["billed", counted(bill.tokens_billed, lane.noun)],
        ["cost", money(bill.cost)],
        ["leaked", leaked > 0 ? `${counted(leaked, lane.noun)}, ${money(dollars)}` : null],
      ]),
    ];
  }

  request(lane) {
    const { method, path, headers, body } = lane.request;
    if (headers === undefined) return [element("p", { class: "empty" }, "Being asked for…")];
    const rows = Object.entries(headers).map(([name, value]) => [name, value]);
    return [
      element("p", { class: "line" }, `${method} ${path}`),
      facts(rows),
      element("h3", {}, "Body"),
      body ? element("pre", {}, indented(body)) : element("p", { class: "empty" }, "It has no body."),
    ];
  }

  bytes(lane) {
    const stream = this.stream;
    if (stream === null) return [element("p", { class: "empty" }, "Being asked for…")];
    if (stream.total === 0) return [element("p", { class: "empty" }, "The answer has no bytes.")];
    const made = [element("p", { class: "note" }, `${counted(stream.total, "chunk")}, ${whole(stream.size)} bytes. Each block is one chunk, as it was written.`)];
    const read = lane.read ?? lane.call?.bytes_read ?? null;
    let marked = read === null;
    for (const [index, chunk] of stream.chunks.slice(0, this.shown).entries()) {
      const sent = index < lane.writtenAt.length;
      if (index > 0 && index === lane.writtenAt.length) made.push(divider("sent", `${counted(index, "chunk")} written; the rest was not`));
      made.push(chunkBlock(chunk, index, lane, sent));
      if (!marked && chunk.start + chunk.size >= read) {
        marked = true;
        const exactly = lane.call?.certainty.bytes_read === "at_least" ? "read at least up to byte" : "read up to byte";
        made.push(divider("read", `${exactly} ${whole(read)}`));
      }
    }
    const more = Math.min(stream.chunks.length, stream.total) - this.shown;
    if (more > 0) made.push(element("button", { type: "button", class: "all", onclick: () => this.showMore() }, `Show ${counted(more, "more chunk")}`));
    else if (stream.total > stream.chunks.length) made.push(element("p", { class: "note" }, `${counted(stream.total - stream.chunks.length, "more chunk")} not shown`));
    return made;
  }

  showMore() {
    this.shown = Infinity;
    this.said = -1;
    this.update();
  }

  events(lane) {
    if (lane.events.length === 0) {
      return [element("p", { class: "empty" }, "No events: they are kept from the moment that somebody first asks for them, such as this page.")];
    }
    const some = lane.events.length > 320 ? [...lane.events.slice(0, 20), ...lane.events.slice(-300)] : lane.events;
    const left = lane.events.length - some.length;
    const rows = some.map((one) => element("tr", {}, element("td", {}, seconds(one.at)), element("th", { scope: "row" }, one.event.replaceAll("_", " ")), element("td", {}, valuesOf(one)), element("td", { class: "num" }, whole(one.body_written ?? 0)), element("td", { class: "num" }, one.body_read == null ? "—" : whole(one.body_read))));
    const head = element("tr", {}, ...["at", "event", "with", "written", "read"].map((text, index) => element("th", { scope: "col", class: index > 2 && "num" }, text)));
    const note = left > 0 ? element("p", { class: "note" }, `${counted(left, "event")} after the first 20 are not shown.`) : null;
    return [note, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows))].filter(Boolean);
  }
}

function facts(rows) {
  const list = element("dl", {});
  for (const [name, value, certainty] of rows) {
    if (value === null || value === undefined) continue;
    const badge = certainty === undefined || certainty === null ? null : badgeOf(certainty);
    list.append(element("div", {}, element("dt", {}, name), element("dd", {}, element("span", {}, String(value)), badge)));
  }
  return list;
}

function badgeOf(certainty) {
  return element("span", { class: `sure ${certainty}`, title: CERTAINTIES[certainty] }, certainty.replace("_", " "));
}

function differences(call) {
  return call.difference ? [element("h3", {}, "Why no route answers, or how it differs"), element("pre", {}, call.difference)] : [];
}

function indented(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function divider(kind, text) {
  return element("p", { class: `divider ${kind}` }, text);
}

function chunkBlock(chunk, index, lane, sent) {
  const at = lane.writtenAt[index];
  const when = at === undefined ? "not written" : `at ${seconds(at)}`;
  const head = element("p", { class: "head" }, element("b", {}, `${index + 1}`), ` ${when} · ${size(chunk.size)} · from byte ${whole(chunk.start)}`);
  const text = element("pre", {}, ...pieces(fromBase64(chunk.bytes)).map((one) => (one.kind === "plain" ? one.text : one.kind === "break" ? "\n" : element("i", { class: one.kind }, one.text))));
  const says = chunk.parts.filter((one) => one.kind !== "event").map((one) => element("span", { class: `part ${one.kind}` }, one.text));
  const kind = { c: "quiet", e: "end", p: "piece" }[lane.kinds[index]] ?? "data";
  return element("div", { class: `chunk ${kind}${sent ? "" : " unsent"}` }, head, text, says.length > 0 ? element("p", { class: "parts" }, ...says) : null);
}

const APART = ["id", "session", "call", "event", "at", "started_at", "body_written", "body_read"];

function valuesOf(event) {
  const named = Object.entries(event).filter(([name]) => !APART.includes(name));
  return named.map(([name, value]) => (typeof value === "object" ? inWords(value) : `${name.replaceAll("_", " ")}: ${value}`)).join(" · ");
}

function inWords(value) {
  if (value.path !== undefined) return `${value.method} ${value.path}`;
  if (value.chunks !== undefined) return `${counted(value.chunks, "chunk")}, ${size(value.bytes)}, ${value.ending}`;
  return value.bytes !== undefined ? size(value.bytes) : JSON.stringify(value);
}
