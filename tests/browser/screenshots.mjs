// Pictures of the page's main views, for documents: the home of a demo, in a copy, where a passkey is enrolled and an
// improvement waits for its owner. Run by ./screenshots.
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { browserPackages, enrol, folder, person, run, serve } from "./browser.mjs";

const SUBJECT = "collision-avoidance";
const PICTURE_BYTES_MAX = 150_000;
const [demo = "build/demo", out = "docs/page"] = process.argv.slice(2).map((path) => resolve(path));

const copy = join(folder, "demo");
const home = join(copy, "home");
const pawl = (expect, ...words) => run(join(process.env.PAWL_BIN, "pawl"), ["--home", home, "--json", ...words], { expect });
const standsAt = (text) => JSON.parse(text.trim().split("\n").at(-1)).proposal;
const pause = () => new Promise((give) => setTimeout(give, 2_100));  // the charter's interval and waiting period

async function amend(line) {
  const charter = join(copy, "charter-of-pictures");
  cpSync(join(copy, "charter"), charter, { recursive: true, filter: (path) => !path.endsWith(".genesis.json") });
  appendFileSync(join(charter, "approvers.allowed_signers"), line);
  const name = standsAt(pawl(6, "charter", "amend", charter, "--review", "-m", "enrol dee@demo's passkey"));
  for (const person of ["ada", "ben", "cho"]) pawl(6, "approve", name, "--key", join(copy, person));
  await pause();
  pawl(0, "release", name);
  return name;
}

async function main() {
  cpSync(demo, copy, { recursive: true });
  const port = Number(/origins = \["http:\/\/localhost:([0-9]+)"\]/.exec(readFileSync(join(copy, "charter/charter.toml"), "utf8"))[1]);
  const { chromium } = browserPackages();
  const base = `http://localhost:${port}/`;
  const server = await serve(home, port);
  const dee = await person(chromium);
  const enrolled = await amend(await enrol(dee, "dee@demo", base, SUBJECT));
  await pause();
  const waits = standsAt(pawl(6, "cycle", "--seed", "2", "-m", "honest improvement 4"));

  const { proposals } = JSON.parse(pawl(0, "status"));
  const breaks = proposals.find((one) => one.rule === "property.violated").proposal;

  mkdirSync(out, { recursive: true });
  const { page } = dee;
  const tooLarge = [];
  const take = async (name, address, { width = 1000, height = 700, scheme = "light", at = "h1" } = {}) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.goto(`${base}#/s/${SUBJECT}${address}`);
    await page.locator(at).first().waitFor();
    await page.waitForTimeout(1_000);  // what is drawn after it was loaded
    if (at !== "h1") await page.locator(at).first().evaluate((element) => element.scrollIntoView());
    const path = join(out, name + ".png");
    await page.screenshot({ path });
    const { size } = statSync(path);
    if (size > PICTURE_BYTES_MAX) tooLarge.push(path);
    console.log(path, size);
  };
  await take("proposals", "");
  await take("proposal", `/p/${waits}`);
  await take("network", `/p/${waits}`, { at: "#networks", height: 780 });
  await take("life", "/life", { height: 820 });
  await take("amendment", `/p/${enrolled}`, { at: "#allowed", height: 620 });
  await take("bounds", `/p/${waits}`, { at: "#bounds", height: 620 });
  await take("counterexample", `/p/${breaks}`, { at: "#properties", height: 860 });
  await take("sign", `/p/${waits}`, { at: "#sign", height: 620, scheme: "dark" });
  await take("phone", `/p/${waits}`, { at: "#sign", width: 390, height: 760 });
  assert.deepEqual(tooLarge, [], `larger than ${PICTURE_BYTES_MAX} bytes`);
  assert.deepEqual(dee.broken, []);
  await dee.browser.close();
  await server.stop();
}

await main().catch((failure) => {
  console.error(failure);
  process.exit(1);
});
