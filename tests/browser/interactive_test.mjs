#!/usr/bin/env node
// `make demo INTERACTIVE=1` as somebody new goes through it: a passkey is enrolled, an improvement is read and approved on
// the page, and becomes live.
//
// usage: interactive_test.mjs        PAWL_BIN: folder with pawl
import assert from "node:assert/strict";
import { join } from "node:path";
import { browserPackages, enrol, folder, freePort, here, pawl, person, start } from "./browser.mjs";

const SUBJECT = "collision-avoidance";

async function main() {
  const began = Date.now();
  const { chromium } = browserPackages();
  const port = await freePort();
  const root = join(folder, "demo");
  const demo = start(join(here, "../../examples/collision/demo/run"), [],
                     { env: { ...process.env, INTERACTIVE: "1", DEMO_DIR: root, PAGE_PORT: String(port) } });
  const you = await person(chromium);
  const [, page] = await demo.line(/^your turn: open (\S+)\/enrol$/);
  assert.equal(page, `http://localhost:${port}/#/s/${SUBJECT}`);
  demo.type((await enrol(you, "you@demo", `http://localhost:${port}/`, SUBJECT)).trim());
  const [, address] = await demo.line(/^your turn: open (\S+\/p\/p[0-9]+)$/);
  await you.page.goto(page + "/p/p2");
  await you.page.locator("#loosens").getByText("may sign").waitFor();
  await you.page.goto(address);
  await you.page.getByRole("button", { name: "Approve" }).click();
  await you.page.getByText("Your approval is on the ledger").waitFor();
  await demo.line(/^ {2}approved {3}by you/);
  await demo.line(/^ {2}accepted {3}epoch 3 is live/);
  await demo.line(/^the page that shows what it did: /);
  await you.page.goto(page);
  await you.page.getByText("epoch 3 is live").first().waitFor();
  demo.type("");
  assert.equal(await demo.ended, 0);
  const status = pawl(join(root, "home"), "status", address.split("/").at(-1));
  assert.deepEqual([status.outcome, status.approvals], ["accepted", ["ben@demo", "you@demo"]]);
  assert.deepEqual(you.broken, []);
  await you.browser.close();
  console.log(`all ${(Date.now() - began) / 1000} s`);
}

await main().catch((failure) => {
  console.error(failure);
  process.exit(1);
});
