// What the suites of this folder share: the browser, its pages, and how they lie in
// a window.
//
//   CHROMIUM     the browser's executable; empty: the one that playwright-core installed
//   SCREENSHOTS  an existing folder for pictures; empty: none are taken

import assert from "node:assert/strict";
import path from "node:path";
import { chromium } from "playwright-core";

const { CHROMIUM, SCREENSHOTS } = process.env;

export const launch = () => chromium.launch({
  executablePath: CHROMIUM || undefined,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

// open makes a page in a context. What it or the browser complains about is added to
// complaints.
export async function open(context, complaints) {
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    // A refused request is logged as an error by the browser itself.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  return page;
}

// look asserts that a page scrolls sideways at none of the widths, and takes a
// picture at each.
export async function look(page, name, widths = [390, 1280]) {
  const viewport = page.viewportSize();
  for (const width of widths) {
    await page.setViewportSize({ width, height: 800 });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0, `${name} scrolls sideways at ${width} px`);
    if (SCREENSHOTS) await page.screenshot({ path: path.join(SCREENSHOTS, `${name}-${width}.png`), fullPage: true });
  }
  await page.setViewportSize(viewport);
}
