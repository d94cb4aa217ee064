// The list of lanes on their common clock.

import { drawLane, fitted, ticksOf } from "./draw.mjs";
import { counted, element, money, say, seconds, whole } from "./text.mjs";

const MOST = 500; // lanes on the page
const TOLD = 120; // milliseconds between two changes of a lane's texts
const STATES = {
  open: "streaming",
  held: "held",
  completed: "completed",
  left_at_end: "left at the end",
  cancelled: "cancelled by the client",
  left: "the client left",
  faulted: "faulted",
  abandoned: "abandoned",
  still_open: "left open",
  unmatched: "no route",
};

export const stateText = (lane) => STATES[lane.state] ?? lane.state;
export const laneNumber = (lane) => lane.id.replace(/^0+/, "") || "0";

export class LaneList {
  constructor(list, axis, opened) {
    this.list = list;
    this.axis = axis;
    this.opened = opened;
    this.rows = new Map();
    this.wanted = [];
    this.seen = new IntersectionObserver((entries) => this.notice(entries), { rootMargin: "80px" });
    this.cursor = 0; // the row that is drawn next
    this.size = null; // of the canvases
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(axis);
    list.addEventListener("keydown", (event) => this.move(event));
  }

  notice(entries) {
    for (const entry of entries) {
      const row = this.rows.get(entry.target.dataset.key);
      if (row !== undefined) [row.visible, row.drawn] = [entry.isIntersecting, -1];
    }
  }

  resized() {
    this.size = null;
    this.redraw();
  }

  redraw() {
    for (const row of this.rows.values()) row.drawn = -1;
  }

  add(lane) {
    if (this.rows.has(lane.key)) return;
    const row = makeRow(lane, () => this.opened(lane, row.button));
    this.rows.set(lane.key, row);
    row.hidden = !this.matches(lane);
    row.item.hidden = row.hidden;
    this.list.prepend(row.item);
    this.seen.observe(row.item);
    if (this.rows.size > MOST) this.remove(this.rows.values().next().value.lane);
    this.oneTabStop();
  }

  remove(lane) {
    const row = this.rows.get(lane.key);
    if (row === undefined) return;
    this.seen.unobserve(row.item);
    row.item.remove();
    this.rows.delete(lane.key);
  }

  /** Only lanes in which each word occurs. */
  filter(text) {
    this.wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of this.rows.values()) this.sift(row);
    this.oneTabStop();
  }

  sift(row) {
    const hidden = !this.matches(row.lane);
    if (hidden !== row.hidden) row.item.hidden = row.hidden = hidden;
  }

  matches(lane) {
    if (this.wanted.length === 0) return true;
    const parts = [lane.request.method, lane.request.path, lane.route, lane.session, lane.state, stateText(lane), lane.how];
    const said = `${parts.join(" ")} #${laneNumber(lane)} ${lane.leaked[0] > 0 ? "leaked" : ""}`.toLowerCase();
    return this.wanted.every((word) => said.includes(word));
  }

  shown() {
    return [...this.rows.values()].filter((row) => !row.hidden);
  }

  press(key) {
    for (const row of this.rows.values()) row.button.setAttribute("aria-pressed", String(row.lane.key === key));
  }

  /** One lane at a time is in the order of the Tab key; the arrows go from lane to lane. */
  oneTabStop(button) {
    const buttons = [...this.list.querySelectorAll("li:not([hidden]) > button")];
    const chosen = button ?? buttons.find((one) => one === document.activeElement) ?? buttons[0];
    for (const one of buttons) one.tabIndex = one === chosen ? 0 : -1;
  }

  move(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps)) return;
    const buttons = [...this.list.querySelectorAll("li:not([hidden]) > button")];
    const at = buttons.indexOf(document.activeElement);
    if (at < 0) return;
    event.preventDefault();
    const next = buttons[Math.max(0, Math.min(buttons.length - 1, at + steps[event.key]))];
    this.oneTabStop(next);
    next.focus();
  }

  /** Draw what can be seen, until `deadline`; the next frame goes on from there. Returns whether all was drawn. */
  draw(view, colour, deadline) {
    if (this.rows.size === 0) return true;
    this.size ??= this.measured();
    const [width, axis, height] = this.size;
    const { step, found } = ticksOf(view, width);
    view.ticks = found;
    drawAxis(this.axis, view, step, colour, width, axis);
    const rows = [...this.rows.values()].filter((row) => row.visible && !row.hidden);
    for (let done = 0; done < rows.length; done += 1) {
      const row = rows[this.cursor % rows.length];
      this.cursor += 1;
      if (row.said !== row.lane.version && (row.said < 0 || view.moment - row.toldAt > TOLD)) tell(row, view.moment);
      if (view.moved || row.drawn !== row.lane.version) {
        drawLane(row.canvas, row.lane, view, colour, width, height);
        row.drawn = row.lane.version;
      }
      if (performance.now() > deadline) return false;
    }
    return true;
  }

  measured() {
    const [row] = this.rows.values();
    return [this.axis.clientWidth, this.axis.clientHeight, row.canvas.clientHeight];
  }
}

function makeRow(lane, opened) {
  const parts = {
    number: element("span", { class: "number" }),
    path: element("span", { class: "path" }),
    state: element("span", { class: "state" }),
    more: element("span", { class: "more" }),
    tokens: element("span", { class: "tokens" }),
    cost: element("span", { class: "cost" }),
  };
  const canvas = element("canvas", { "aria-hidden": "true" });
  const button = element(
    "button",
    { type: "button", class: "lane", "aria-pressed": "false", tabindex: "-1", onclick: opened },
    element("span", { class: "what" }, element("span", { class: "first" }, parts.number, parts.path), element("span", { class: "second" }, parts.state, parts.more)),
    canvas,
    element("span", { class: "figures" }, parts.tokens, parts.cost),
  );
  const item = element("li", { "data-key": lane.key }, button);
  return { lane, item, button, canvas, parts, visible: false, hidden: false, drawn: -1, said: -1, toldAt: 0 };
}

function tell(row, moment) {
  const { lane, parts } = row;
  row.toldAt = moment;
  row.said = lane.version;
  if (row.item.dataset.state !== lane.state) row.item.dataset.state = lane.state;
  say(parts.number, laneNumber(lane));
  say(parts.path, `${lane.request.method} ${lane.request.path}`);
  say(parts.state, stateText(lane));
  say(parts.more, moreOf(lane));
  const made = lane.bill === null ? "" : counted(lane.bill.tokens_made, lane.noun);
  say(parts.tokens, made);
  const [leaked, dollars] = lane.leaked;
  parts.cost.classList.toggle("leak", leaked > 0);
  say(parts.cost, leaked > 0 ? `${money(dollars)} leaked` : money(lane.bill?.cost));
}

function moreOf(lane) {
  const parts = [];
  if (lane.session !== "default") parts.push(lane.session);
  if (lane.status !== null && lane.status !== 200) parts.push(`status ${lane.status}`);
  if (lane.chunks !== null && lane.writtenAt.length < lane.chunks) parts.push(`${whole(lane.writtenAt.length)} of ${counted(lane.chunks, "chunk")}`);
  else parts.push(counted(lane.writtenAt.length, "chunk"));
  if (lane.endedAt !== null && !lane.open) parts.push(seconds(lane.endedAt));
  return parts.join(" · ");
}

function drawAxis(canvas, view, step, colour, width, height) {
  const context = fitted(canvas, width, height);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.textAlign = "center";
  for (const at of view.ticks) {
    const x = Math.round((at - view.from) * (width / (view.to - view.from)));
    context.fillStyle = colour.line;
    context.fillRect(x, height - 6, 1, 6);
    const text = view.zero === undefined ? clock(at, step) : elapsed(at - view.zero, step);
    const half = context.measureText(text).width / 2;
    context.fillStyle = colour.soft;
    if (x - half >= 0 && x + half <= width) context.fillText(text, x, height - 10);
  }
}

function clock(at, step) {
  const time = new Date(at * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const whole = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return step < 1 ? `${whole}.${String(Math.round(at * 10) % 10)}` : whole;
}

function elapsed(at, step) {
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  return `${at.toFixed(digits)} s`;
}
