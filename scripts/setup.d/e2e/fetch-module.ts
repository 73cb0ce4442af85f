// SPDX-License-Identifier: Apache-2.0
// fetch-module.ts MODULE VERSION FILE: a Go module's archive, without Go, by the proxies that Go
// would ask (https://go.dev/ref/mod#goproxy-protocol). The caller checks what it got.
import { createWriteStream, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const [module = "", version = "", file = ""] = process.argv.slice(2);
const problems: string[] = [];
for (const proxy of proxies()) {
  try {
    await fetchInto(file, new URL(`${proxy}/${module}/@v/${version}.zip`));
    process.exit(0);
  } catch (error) {
    problems.push(`${proxy}: ${describe(error)}`);
  }
}
console.error(`Cannot fetch ${module}@${version}:`);
for (const problem of problems) console.error(`  ${problem}`);
process.exit(1);

function proxies(): string[] {
  const setting = process.env.GOPROXY || setByGoEnv() || "https://proxy.golang.org";
  const addresses = setting.split(/[,|]/).map((address) => address.trim().replace(/\/$/, ""));
  const usable = addresses.filter((address) => /^https?:/.test(address));
  if (usable.length === 0) problems.push(`GOPROXY is "${setting}", which names no proxy`);
  return usable;
}

/** What `go env -w GOPROXY=…` wrote. */
function setByGoEnv(): string | undefined {
  const path =
    process.env.GOENV || join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "go/env");
  try {
    return /^GOPROXY=(.+)$/m.exec(readFileSync(path, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

async function fetchInto(path: string, url: URL): Promise<void> {
  const { username, password } = url;
  // fetch() refuses addresses with a password in them.
  url.username = "";
  url.password = "";
  const secret = btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  const headers = username === "" ? {} : { authorization: `Basic ${secret}` };
  const response = await fetch(url, { headers });
  if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
  await pipeline(Readable.fromWeb(response.body), createWriteStream(path));
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
