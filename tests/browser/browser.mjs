// What tests and pictures of the page share: packages, a server, and a person with a browser and a passkey.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const here = dirname(fileURLToPath(import.meta.url));
export const folder = mkdtempSync(join(tmpdir(), "pawl-browser-"));
const programs = new Set();  // that end with this one
process.on("exit", () => {
  for (const program of programs) program.kill("SIGKILL");
  spawnSync("chmod", ["-R", "u+w", folder]);
  rmSync(folder, { recursive: true, force: true });
});

export function run(program, args, { expect = 0, ...options } = {}) {
  const done = spawnSync(program, args, { encoding: "utf8", timeout: 300_000, ...options });
  assert.equal(done.status, expect, `${program} ${args.join(" ")}: ${done.error ?? ""}${done.stdout}${done.stderr}`);
  return done.stdout;
}

// The pinned packages, by the lock file alone, in a folder of the test's own.
export function packagesOf(source) {
  const into = join(folder, "packages");
  cpSync(source, into, { recursive: true, filter: (path) => !path.includes("node_modules") });
  run("npm", ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: into });
  return into;
}

// Chromium's driver, and the text of axe; from the lock file beside this.
export function browserPackages() {
  assert.ok(existsSync("/usr/bin/chromium"), "the package chromium is missing");
  const require = createRequire(packagesOf(here) + "/");
  return { chromium: require("playwright-core").chromium, axe: readFileSync(require.resolve("axe-core/axe.min.js"), "utf8") };
}

export const freePort = () => new Promise((give) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => give(port));
  });
});

// A program whose lines are read as they come; it is ended with this one.
export function start(program, args, options) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], ...options });
  programs.add(child);
  const ended = new Promise((give) => child.once("exit", (status) => { programs.delete(child); give(status); }));
  const lines = [], waiting = [];
  const look = () => {
    for (const one of [...waiting]) {
      const found = lines.map((line) => one.pattern.exec(line)).find((match) => match);
      if (found) { waiting.splice(waiting.indexOf(one), 1); one.give(found); }
    }
  };
  createInterface(child.stdout).on("line", (line) => { lines.push(line); look(); });
  void ended.then((status) => {
    for (const one of waiting) one.fail(new Error(`${program} ended with ${status} before ${one.pattern}:\n${lines.join("\n")}`));
  });
  return {
    line: (pattern) => new Promise((give, fail) => { waiting.push({ pattern, give, fail }); look(); }),
    type: (text) => child.stdin.write(text + "\n"),
    pid: child.pid,
    ended,
    stop: () => { child.kill("SIGTERM"); return ended; },
  };
}

export const pawl = (home, ...words) => JSON.parse(run(join(process.env.PAWL_BIN, "pawl"), ["--home", home, "--json", ...words]));

export async function serve(home, port) {
  const server = start(join(process.env.PAWL_BIN, "pawl"), ["--home", home, "--json", "serve", "--listen", `127.0.0.1:${port}`]);
  const [line] = await server.line(/^{.*/);
  assert.equal(JSON.parse(line).page, `http://localhost:${port}/`);
  return server;
}

// A browser of one person, with a passkey of their own.
export async function person(chromium) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-lcd-text"] });
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(20_000);
  const elsewhere = [], broken = [];
  page.on("request", (request) => { if (!/^http:\/\/(localhost|127\.0\.0\.1):/.test(request.url())) elsewhere.push(request.url()); });
  page.on("pageerror", (error) => broken.push(String(error)));
  page.on("console", (message) => { if (/Content Security Policy|TrustedHTML/.test(message.text())) broken.push(message.text()); });
  page.on("dialog", (dialog) => { broken.push("dialog: " + dialog.message()); void dialog.dismiss(); });
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
               isUserVerified: true, automaticPresenceSimulation: true },
  });
  return { browser, page, session, authenticatorId, elsewhere, broken };
}

export async function enrol(who, name, base, subject = "controller") {
  await who.page.goto(`${base}#/s/${subject}/enrol`);
  await who.page.getByLabel("Your name").fill(name);
  await who.page.getByRole("button", { name: "Make a passkey" }).click();
  const line = await who.page.locator("#line").textContent();
  assert.ok(line.startsWith(name + ' namespaces="approve@pawl" webauthn-sk-ecdsa-sha2-nistp256@openssh.com '), line);
  return line + "\n";
}

