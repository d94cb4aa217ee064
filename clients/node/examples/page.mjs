// A page of this folder in Debian's Chromium, driven by Playwright. CHROMIUM names another browser of that kind.
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Opens a page with that query; the browser is closed when the test is over. */
export async function open(test, file, query) {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  test.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${new URL(file, import.meta.url)}?${new URLSearchParams(query)}`);
  return page;
}
