// The page: it asks once for what there is, and then hears each exchange event.

import { Api, callPath, Problem } from "./api.mjs";
import { Detail } from "./detail.mjs";
import { colours } from "./draw.mjs";
import { Lane } from "./lane.mjs";
import { counted, element, money, say, whole } from "./text.mjs";
import { laneNumber, LaneList, stateText } from "./view.mjs";

const $ = (id) => document.getElementById(id);
const TICK = 120; // milliseconds between two sums, and between two looks at what is to be asked for
const BILLS = 400; // milliseconds between two looks at the bills of what is under way
const AHEAD = 0.03; // of the width is kept free on the right
const TAKING = 2; // milliseconds of a frame for the events that came
const DRAWING = 3; // and for drawing; what is not drawn then is drawn in the next one

class Page {
  constructor(saved) {
    this.saved = saved;
    this.lanes = new Map();
    this.unplanned = new Set(); // lanes whose plan is still to be asked for
    this.ended = new Set(); // lanes whose last document is still to be asked for
    this.heard = []; // events that have come, as text: they are applied before the next frame
    this.taken = 0; // of them
    this.event = 0;
    this.ahead = -Infinity; // the server's clock less the page's, seconds
    this.span = 15;
    this.frozenAt = null;
    this.dirty = true;
    this.toldAt = 0;
    this.lastView = "";
    this.announced = [];
    this.colours = colours();
    this.list = new LaneList($("lanes"), $("axis"), (lane, button) => this.open(lane, button));
    this.detail = new Detail($("detail"), this.source(), saved ? null : (name, lane) => this.act(name, lane), () => this.list.press(null));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.colours = colours();
      this.list.redraw();
    });
    this.slow = matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  source() {
    if (this.saved) return { call: async () => null, stream: async (lane) => this.saved.streams[lane.id] };
    return {
      call: (lane) => this.api.ask("GET", callPath(lane)).catch((error) => this.tell(error)),
      stream: (lane) => this.api.ask("GET", `${callPath(lane)}/stream?chunks=2000`).catch((error) => this.tell(error)),
    };
  }

  open(lane, button) {
    this.list.press(lane.key);
    this.detail.open(lane, button);
  }

  // --- time -------------------------------------------------------------------------------------------------------

  now() {
    if (this.saved) return this.saved.now;
    return performance.now() / 1000 + this.ahead;
  }

  /** The server's clock, from an answer: the one that took the shortest way is the nearest to the truth. */
  sync(now) {
    this.ahead = Math.max(this.ahead, now - performance.now() / 1000);
  }

  view() {
    const now = this.now();
    if (this.span === null) return { ...this.whole(now), now };
    const to = this.frozenAt ?? now + this.span * AHEAD;
    return { from: to - this.span, to, now };
  }

  whole(now) {
    let [from, to] = [Infinity, -Infinity];
    for (const lane of this.lanes.values()) {
      from = Math.min(from, lane.started);
      to = Math.max(to, lane.until() ?? now);
    }
    if (from > to) return { from: now - 1, to: now, zero: now - 1 };
    const room = Math.max(0.02, (to - from) * 0.06);
    return { from: from - room / 3, to: to + room * 2, zero: from };
  }

  // --- what comes -------------------------------------------------------------------------------------------------

  async live(token) {
    this.api = new Api(token);
    for (let wait = 0.25; ; wait = Math.min(5, wait * 2)) {
      try {
        await this.load();
        this.connected(true);
        wait = 0.25;
        await this.api.watch(this.event, (text, missed) => this.hear(text, missed));
      } catch (error) {
        if (error instanceof Problem && [401, 403].includes(error.status)) return this.askForToken(error.message);
      }
      this.connected(false);
      await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    }
  }

  async load(since) {
    const got = await this.api.ask("GET", since === undefined ? "/lanes" : `/lanes?since=${since}&last=1000`);
    this.sync(got.now);
    if (since === undefined) {
      for (const lane of this.lanes.values()) this.list.remove(lane);
      this.lanes.clear();
      this.event = got.event;
      this.forget();
    }
    for (const document of got.lanes) {
      const key = `${document.session}/${document.id}`;
      const known = this.lanes.get(key);
      if (known === undefined) this.add(Lane.of(document, got.event));
      else known.learn(document, got.event);
    }
    this.dirty = true;
  }

  hear(text, missed) {
    if (missed) this.refreshAll = true;
    else this.heard.push(text);
    if (this.heard.length > 200_000) {
      this.forget(); // nobody has looked for long: what is there now will do
      this.refreshAll = true;
    }
  }

  forget() {
    this.heard = [];
    this.taken = 0;
  }

  add(lane) {
    this.lanes.set(lane.key, lane);
    this.list.add(lane);
    $("empty").hidden = true;
    if (this.lanes.size > 500) this.lanes.delete(this.lanes.keys().next().value);
    return lane;
  }

  takeIn() {
    if (this.heard.length === 0) return;
    const deadline = performance.now() + TAKING;
    while (this.taken < this.heard.length) {
      this.apply(JSON.parse(this.heard[this.taken]));
      this.taken += 1;
      if (this.taken % 32 === 0 && performance.now() > deadline) break;
    }
    if (this.taken === this.heard.length) this.forget();
    this.dirty = true;
  }

  apply(event) {
    const key = `${event.session}/${event.call}`;
    let lane = this.lanes.get(key);
    if (lane === undefined) {
      if (event.event !== "request_read") return; // it began before the lanes that are shown
      lane = this.add(new Lane(event.session, event.call, event.started_at));
      lane.first = event.id;
    }
    lane.apply(event);
    if (event.event === "begun" || event.event === "settled") this.unplanned.add(lane);
    if (event.outcome !== undefined || event.event === "left" || event.event === "cut") this.end(lane, event);
  }

  end(lane, event) {
    this.ended.add(lane);
    this.list.sift(this.list.rows.get(lane.key) ?? { lane, hidden: true });
    if (event.outcome !== undefined) this.announced.push(`call ${laneNumber(lane)}: ${stateText(lane)}`);
  }

  /** Ask for what events do not say: the plan of a new stream, and the last word on one that has ended. */
  async follow() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, TICK));
      if (document.hidden) continue;
      try {
        if (this.refreshAll) {
          this.refreshAll = false;
          await this.load();
        }
        await this.askForPlans();
        await this.askForEnds();
      } catch (error) {
        if (!(error instanceof TypeError)) this.tell(error); // a TypeError: no connection, which `live` reports
      }
    }
  }

  async askForPlans() {
    if (this.unplanned.size === 0) return;
    const first = Math.min(...[...this.unplanned].map((lane) => lane.first ?? 0));
    this.unplanned.clear();
    await this.load(Math.max(0, first - 1));
  }

  async askForEnds() {
    const some = [...this.ended].slice(0, 40);
    for (const lane of some) this.ended.delete(lane);
    await Promise.all(some.map((lane) => this.askFor(lane)));
    if (some.includes(this.detail.lane)) this.detail.refresh();
    if (some.length > 0) this.dirty = true;
  }

  async askFor(lane) {
    const got = await this.api.ask("GET", `/lanes?session=${lane.session}&call=${lane.id}`);
    for (const found of got.lanes) lane.learn(found, got.event);
  }

  async bills() {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, BILLS));
      const underWay = [...this.lanes.values()].some((lane) => lane.open || (lane.bill !== null && lane.bill.tokens_made < lane.bill.tokens_billed));
      if (document.hidden || !underWay) continue;
      const got = await this.api.ask("GET", "/bills").catch(() => null);
      if (got === null) continue;
      this.sync(got.now);
      for (const bill of got.bills) {
        const lane = this.lanes.get(`${bill.session}/${bill.call}`);
        if (lane === undefined) continue;
        lane.bill = bill;
        lane.version += 1;
      }
      for (const lane of this.lanes.values()) {
        if (!lane.open && lane.bill !== null && lane.bill.tokens_made < lane.bill.tokens_billed && lane.modelUntil !== null && this.now() > lane.started + lane.modelUntil) {
          lane.bill.tokens_made = lane.bill.tokens_billed;
          lane.version += 1;
        }
      }
      if (this.detail.lane?.open) this.detail.refresh();
      this.dirty = true;
    }
  }

  // --- what is shown ----------------------------------------------------------------------------------------------

  frame(moment) {
    requestAnimationFrame((next) => this.frame(next));
    const started = performance.now();
    this.takeIn();
    const tick = moment - this.toldAt > TICK;
    if (tick) {
      this.toldAt = moment;
      this.sumUp();
      this.announce();
      this.detail.update();
    }
    if (this.slow && !tick) return;
    const view = { ...this.view(), moment };
    const place = `${view.from} ${view.to}`;
    view.moved = place !== this.lastView;
    this.lastView = place;
    if (view.moved || this.dirty || tick) this.dirty = !this.list.draw(view, this.colours, performance.now() + DRAWING);
    FRAMES.push(performance.now() - started);
    if (FRAMES.length > 5000) FRAMES.shift();
  }

  sumUp() {
    let [open, made, cost, leaked, lost] = [0, 0, 0, 0, 0];
    for (const lane of this.lanes.values()) {
      if (lane.open) open += 1;
      if (lane.bill === null) continue;
      made += lane.bill.tokens_made;
      cost += lane.bill.cost;
      const [tokens, dollars] = lane.leaked;
      leaked += tokens;
      lost += dollars;
    }
    say($("open"), whole(open));
    say($("calls"), whole(this.lanes.size));
    say($("made"), whole(made));
    say($("cost"), money(cost));
    say($("leaked"), leaked > 0 ? `${money(lost)}` : "$0.00");
    $("leaked").title = counted(leaked, "token");
    $("leaked").parentElement.classList.toggle("leak", leaked > 0);
  }

  announce() {
    if (this.announced.length === 0) return;
    say($("said"), this.announced.length > 3 ? `${this.announced.length} calls have ended` : this.announced.join("; "));
    this.announced = [];
  }

  connected(is) {
    $("connection").dataset.is = is ? "live" : "lost";
    say($("connection"), is ? "live" : "no connection");
  }

  tell(error) {
    this.toast(error.message, true);
    return null;
  }

  toast(text, wrong = false) {
    const shown = $("toast");
    shown.classList.toggle("wrong", wrong);
    say(shown, text);
    shown.hidden = false;
    clearTimeout(this.toasting);
    this.toasting = setTimeout(() => (shown.hidden = true), wrong ? 12_000 : 6000);
  }

  askForToken(why) {
    say($("why"), why);
    $("token").showModal();
  }

  // --- what is done -----------------------------------------------------------------------------------------------

  async act(name, lane) {
    const verb = { hold: "hold", release: "release", fin: "cut?by=fin", rst: "cut?by=rst" }[name];
    try {
      lane.learn(await this.api.ask("POST", `${callPath(lane)}/${verb}`));
      lane.braked = name === "hold";
      lane.version += 1;
      this.detail.said = -1;
      this.detail.update();
    } catch (error) {
      this.tell(error);
    }
  }

  async play(files) {
    for (const file of files) {
      try {
        const document = { name: file.name, text: await file.text() };
        const played = await this.api.ask("POST", "/sessions/default/files", document);
        this.toast(`plays ${file.name} (${played.form}): ${played.routes.map((one) => one.name).join(", ")}`);
      } catch (error) {
        this.tell(error);
      }
    }
  }

  async reset() {
    const session = this.detail.lane?.session ?? "default";
    say($("reset-what"), session);
    $("reset-dialog").showModal();
    $("reset-dialog").onclose = async () => {
      if ($("reset-dialog").returnValue !== "reset") return;
      try {
        await this.api.ask("POST", `/sessions/${session}/reset`);
        this.detail.close();
        await this.load();
        $("empty").hidden = this.lanes.size > 0;
      } catch (error) {
        this.tell(error);
      }
    };
  }

  async save() {
    const session = this.detail.lane?.session ?? "default";
    const page = await this.api.ask("GET", `/sessions/${session}/page`).catch((error) => this.tell(error));
    if (page === null) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([page.html], { type: "text/html" }));
    link.download = page.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  choose(span) {
    this.span = span;
    for (const button of document.querySelectorAll("[data-span]")) {
      button.setAttribute("aria-pressed", String(button.dataset.span === (span === null ? "all" : String(span))));
    }
    this.list.redraw();
  }

  freeze() {
    this.frozenAt = this.frozenAt === null ? this.now() : null;
    $("freeze").setAttribute("aria-pressed", String(this.frozenAt !== null));
    this.list.redraw();
  }

  wire() {
    $("filter").addEventListener("input", () => this.list.filter($("filter").value));
    for (const button of document.querySelectorAll("[data-span]")) {
      button.addEventListener("click", () => this.choose(button.dataset.span === "all" ? null : Number(button.dataset.span)));
    }
    document.addEventListener("keydown", (event) => this.key(event));
    if (this.saved) return;
    $("freeze").addEventListener("click", () => this.freeze());
    $("save").addEventListener("click", () => this.save());
    $("reset").addEventListener("click", () => this.reset());
    $("play").addEventListener("click", () => $("file").click());
    $("file").addEventListener("change", () => this.play([...$("file").files]).then(() => ($("file").value = "")));
    $("token-form").addEventListener("submit", () => {
      location.hash = `token=${encodeURIComponent($("token-field").value)}`;
      location.reload();
    });
    this.takeDrops();
  }

  takeDrops() {
    const over = (is) => (event) => {
      event.preventDefault();
      document.body.classList.toggle("dropping", is);
    };
    addEventListener("dragover", over(true));
    addEventListener("dragleave", over(false));
    addEventListener("drop", (event) => {
      over(false)(event);
      this.play([...event.dataTransfer.files]);
    });
  }

  key(event) {
    if (event.target.matches("input") || event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key === "Escape" && event.target.id === "filter") {
        $("filter").value = "";
        this.list.filter("");
      }
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      $("filter").focus();
    } else if (event.key === "Escape") this.detail.close();
    else if (!this.saved && event.key === "f") this.freeze();
    else if (!this.saved && this.detail.lane?.open) {
      const name = { h: "hold", r: "release", x: "fin" }[event.key];
      if (name !== undefined) this.act(name, this.detail.lane);
    }
  }

  // --- a saved page -----------------------------------------------------------------------------------------------

  show() {
    document.body.classList.add("saved");
    document.title = this.saved.title;
    say($("connection"), "saved");
    say($("title"), this.saved.title);
    delete $("connection").dataset.is;
    if (this.saved.said) $("words").append(element("pre", { class: "failure" }, this.saved.said));
    if (this.saved.account) $("words").append(element("details", {}, element("summary", {}, "What the server saw, in words"), element("pre", {}, this.saved.account)));
    $("words").hidden = !(this.saved.said || this.saved.account);
    const events = Map.groupBy(this.saved.events, (event) => event.call);
    for (const document of this.saved.lanes) {
      const lane = new Lane(document.session, document.id, document.started);
      for (const event of events.get(document.id) ?? []) lane.apply(event);
      lane.learn(document, Infinity);
      this.add(lane);
    }
    this.choose(null);
  }
}

/** How long the script of each of the latest frames took, in milliseconds: for benchmarks. */
const FRAMES = [];
globalThis.orharnessFrames = FRAMES;

const data = document.getElementById("data");
const page = new Page(data === null ? null : JSON.parse(data.textContent));
page.wire();
if (page.saved) page.show();
else {
  page.choose(15);
  say($("try"), `curl -N ${location.origin}/v1/chat/completions -d '{"stream": true}'`);
  page.live(decodeURIComponent(new URLSearchParams(location.hash.slice(1)).get("token") ?? ""));
  page.follow();
  page.bills();
}
requestAnimationFrame((moment) => page.frame(moment));
