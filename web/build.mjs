// Bundles the page into built/, which the program embeds: node build.mjs
//
// built/ is in the repository, so that building Pawl asks for neither node nor a registry. Its first line names the
// digest of what it was made from; tests/browser compares that at each `make test`, and at `make test-long` makes the
// bundle anew and compares every byte.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, "built");

const sources = [...readdirSync(join(here, "src")).map((name) => "src/" + name), "build.mjs", "package-lock.json"].sort();
const hash = createHash("sha256");
for (const name of sources) hash.update(name + "\0").update(readFileSync(join(here, name))).update("\0");
const stamp = "made by web/build.mjs from sources with the digest " + hash.digest("hex");

for (const [entry, name] of [["src/app.tsx", "app.js"], ["src/app.css", "app.css"]]) {
  const made = await build({
    entryPoints: [join(here, entry)],
    bundle: true,
    minify: true,
    charset: "utf8",
    target: ["chrome111", "firefox115", "safari16.4"],
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "inline",
    write: false,
    logLevel: "warning",
  });
  writeFileSync(join(out, name), `/* ${stamp} */\n` + made.outputFiles[0].text);
}
writeFileSync(join(out, "index.html"), readFileSync(join(here, "src/index.html")));
