// A lane on its canvas. Above the line what the server wrote, below it what the client was seen to have read.

const COLOURS = ["ink", "soft", "line", "written", "read", "quiet", "held", "good", "bad", "left", "card"];

/** The colours of the style sheet, for the canvases: to be read again when the scheme changes. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** The context of a canvas that has the resolution of the screen. The size is given: asking for it costs a layout. */
export function fitted(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** The first index whose value is at least `value`. */
function firstAt(values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function firstRead(reads, at) {
  let index = reads.length;
  while (index > 0 && reads[index - 1][0] >= at) index -= 1;
  return index;
}

const tall = (bytes, most) => Math.min(most, 2.5 + Math.log2(1 + bytes / 12) * 2.1);

export function ticksOf(view, width) {
  const wanted = (view.to - view.from) / Math.max(2, width / 110);
  const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400];
  const step = steps.find((one) => one >= wanted) ?? wanted;
  const base = view.zero ?? 0; // a saved page counts from its first request
  const found = [];
  for (let at = base + Math.ceil((view.from - base) / step) * step; at <= view.to; at += step) found.push(at);
  return { step, found };
}

export function drawLane(canvas, lane, view, colour, width, height) {
  const context = fitted(canvas, width, height);
  context.clearRect(0, 0, width, height);
  const across = width / (view.to - view.from);
  const x = (at) => (lane.started + at - view.from) * across;
  const line = Math.round(height * 0.58) + 0.5;
  drawGrid(context, view, width, height, colour);
  const from = x(0);
  const until = lane.until();
  const to = until === null ? x(view.now - lane.started) : x(lane.endedAt);
  if (until !== null && x(until - lane.started) < -40) return;
  if (from > width + 40) return;
  drawHolds(context, lane, view, x, height, colour);
  context.fillStyle = lane.outcome === "unmatched" ? colour.bad : colour.line;
  context.fillRect(Math.max(0, from), line - 1, Math.min(width, to) - Math.max(0, from), 2);
  context.fillStyle = colour.soft;
  context.fillRect(from - 1, line - 6, 2, 12);
  if (lane.headAt !== null) context.fillRect(x(lane.headAt), line - 3, 1, 6);
  drawWrites(context, lane, view, x, line, width, colour);
  drawReads(context, lane, view, x, line, width, colour);
  drawModel(context, lane, view, x, line, width, colour);
  if (until !== null) drawEnd(context, lane, to, line, colour);
  else drawHead(context, lane, Math.min(to, width - 3), line, colour);
}

function drawGrid(context, view, width, height, colour) {
  context.fillStyle = colour.line;
  context.globalAlpha = 0.55;
  for (const at of view.ticks) context.fillRect(Math.round((at - view.from) * (width / (view.to - view.from))), 0, 1, height);
  context.globalAlpha = 1;
}

function drawHolds(context, lane, view, x, height, colour) {
  for (const [from, to] of lane.holds) {
    const left = Math.max(-8, x(from));
    const right = x(to ?? lane.endedAt ?? view.now - lane.started);
    context.fillStyle = colour.held;
    context.globalAlpha = 0.16;
    context.beginPath();
    context.roundRect(left, 4, Math.max(3, right - left), height - 8, 4);
    context.fill();
    context.globalAlpha = 1;
    context.fillRect(left, 4, 1.5, height - 8);
    if (right - left > 22) {
      context.fillRect(left + 8, 8, 2.5, 9);
      context.fillRect(left + 13, 8, 2.5, 9);
    }
  }
}

function drawWrites(context, lane, view, x, line, width, colour) {
  const { writtenAt, ends, kinds } = lane;
  const most = line - 4;
  let last = -10;
  let paint = "";
  for (let index = firstAt(writtenAt, view.from - lane.started - 1); index < writtenAt.length; index += 1) {
    const at = x(writtenAt[index]);
    if (at > width) break;
    const kind = kinds[index];
    const bytes = (ends[index] ?? 0) - (index > 0 ? (ends[index - 1] ?? 0) : 0);
    if (kind === "c") {
      context.strokeStyle = colour.quiet;
      context.lineWidth = 1.5;
      context.beginPath();
      context.arc(at, line - 8, 2.6, 0, 7);
      context.stroke();
      continue;
    }
    if (at - last < 0.7 && kind !== "e") continue; // cannot be told from the one before
    last = at;
    const high = tall(bytes, most);
    if (paint !== kind) {
      context.fillStyle = kind === "e" ? colour.good : colour.written;
      context.globalAlpha = kind === "p" ? 0.55 : 1;
      paint = kind;
    }
    context.fillRect(at - 1, line - 1 - high, 2, high);
  }
  context.globalAlpha = 1;
}

function drawReads(context, lane, view, x, line, width, colour) {
  context.fillStyle = colour.read;
  const { reads } = lane;
  let last = -10;
  for (let index = firstRead(reads, view.from - lane.started - 1); index < reads.length; index += 1) {
    const bytes = reads[index][1] - (index > 0 ? reads[index - 1][1] : 0);
    const place = x(reads[index][0]);
    if (place > width) break;
    if (place < -2 || bytes <= 0 || place - last < 0.7) continue;
    last = place;
    context.fillRect(place - 1, line + 2, 2, tall(bytes, 12));
  }
}

/** Tokens that are made, and billed, after the client has left. */
function drawModel(context, lane, view, x, line, width, colour) {
  const [tokens] = lane.leaked;
  if (tokens <= 0 || lane.leftAt === null) return;
  const now = view.now - lane.started;
  const end = lane.modelUntil ?? lane.leftAt;
  const left = x(lane.leftAt) + 8;
  const right = Math.min(width + 6, Math.max(left + 14, x(Math.min(now, end))));
  context.fillStyle = colour.bad;
  const step = Math.max(5, (right - left) / tokens);
  for (let at = left; at <= right; at += step) {
    context.beginPath();
    context.arc(at, line, 1.6, 0, 7);
    context.fill();
  }
  const text = `+${tokens} ${lane.noun}s`;
  context.font = "600 10.5px system-ui, sans-serif";
  if (right + 8 + context.measureText(text).width < width) context.fillText(text, right + 8, line + 3.5);
}

function drawHead(context, lane, at, line, colour) {
  context.fillStyle = lane.isHeld ? colour.held : colour.written;
  context.globalAlpha = 0.25;
  context.beginPath();
  context.arc(at, line, 6, 0, 7);
  context.fill();
  context.globalAlpha = 1;
  context.beginPath();
  context.arc(at, line, 3, 0, 7);
  context.fill();
}

/** Who ended it and how: a ring for a clean end, a bar with a triangle for a FIN, a cross for an RST. */
function drawEnd(context, lane, at, line, colour) {
  const paint = END_COLOURS[lane.outcome] ?? "soft";
  context.fillStyle = colour.card; // so that it can be told from the last chunks
  context.fillRect(at - 2.5, line - 9, 5, 18);
  context.strokeStyle = context.fillStyle = colour[paint];
  context.lineWidth = 2;
  const reset = lane.how === "rst" || lane.reset || (lane.how === null && lane.ending === "reset" && lane.outcome === "faulted");
  context.beginPath();
  if (reset) {
    context.moveTo(at - 4.5, line - 4.5);
    context.lineTo(at + 4.5, line + 4.5);
    context.moveTo(at + 4.5, line - 4.5);
    context.lineTo(at - 4.5, line + 4.5);
    context.stroke();
  } else if (lane.outcome === "completed" || lane.outcome === "unmatched") {
    context.arc(at, line, 4, 0, 7);
    context.fill();
  } else {
    const to = lane.how === null ? 6 : -6; // a FIN points to the side that it is sent to: right for the client
    context.fillRect(at - 1, line - 8, 2, 16);
    context.moveTo(at, line - 5.5);
    context.lineTo(at + to, line);
    context.lineTo(at, line + 5.5);
    context.fill();
  }
}

const END_COLOURS = {
  completed: "good",
  left_at_end: "good",
  cancelled: "left",
  left: "left",
  faulted: "bad",
  unmatched: "bad",
};
