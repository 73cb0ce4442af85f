// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { expect, it } from "vitest";

const require = `import { createRequire as $createRequire } from "node:module";
const require = $createRequire(import.meta.url);`;

it("makes certificates also where it is installed as a bundle", async () => {
  const outdir = mkdtempSync(join(tmpdir(), "gander-bundle-"));
  try {
    await build({
      entryPoints: { made: join(import.meta.dirname, "../src/identity/renew-certificates.ts") },
      outdir,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node24",
      supported: { using: true },
      banner: { js: require },
      logLevel: "silent",
    });
    const { renewCertificates } = await import(pathToFileURL(join(outdir, "made.mjs")).href);
    const made = await renewCertificates(undefined, Date.now(), { names: ["localhost"] });
    expect(made.server.cert).toMatch(/^-----BEGIN CERTIFICATE-----/);
  } finally {
    rmSync(outdir, { recursive: true });
  }
});
