import test from "node:test";
import { hold, start } from "orharness";
import { open } from "./page.mjs";

test("the stop button of a page stops the model", async (t) => {
  const server = await start(t);
  const route = await server.chat({ tokens: 500 }, { through: [hold(3)], provider: "Anthropic" });
  const page = await open(t, "chat.html", { api: server.baseURL });
  await page.getByRole("button", { name: "Send" }).click();
  await route.held();
  await route.expectDisconnect(() => page.getByRole("button", { name: "Stop" }).click());
  await route.assertUpstreamStopped();
});
