// Writes api.d.ts, the types of the control API, from the OpenAPI document; its first line says from which.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../../orharness/server/control/openapi.json", import.meta.url);
const text = readFileSync(process.argv[2] ?? source, "utf8");
const digest = createHash("sha256").update(text).digest("hex");
const types = astToString(await openapiTS(JSON.parse(text)));
writeFileSync(new URL("api.d.ts", import.meta.url), `// Made by \`npm run types\` from openapi.json, sha256 ${digest}.\n${types}`);
