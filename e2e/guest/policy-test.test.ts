// SPDX-License-Identifier: Apache-2.0
// `gander policy test --kernel vm`, with the program as it is installed and the kernels of the set-up.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { beforeAll, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const kernels = join(
  process.env.GANDER_CACHE ?? join(process.env.HOME ?? "", ".cache/gander"),
  "kernels",
);

beforeAll(() => {
  execFileSync(process.execPath, [join(root, "packages/cli/scripts/bundle.ts")]);
}, 300_000);

const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: { name: p }
spec:
  lsmhooks:
    - hook: file_open
      args: [{ index: 0, type: file }]
      selectors:
        - matchArgs: [{ args: [0], operator: Prefix, values: [/srv/secret] }]
          matchActions: [{ action: Override, argError: -1 }]
`;
const test = `apiVersion: gander.dev/v1alpha1
kind: PolicyTest
metadata: { name: t }
policies: [../policies/p.yaml]
cases:
  - { name: stopped, files: { /srv/secret: x }, do: { read: /srv/secret }, expect: denied }
  - { name: too wide, files: { /srv/secretary: x }, do: { read: /srv/secretary }, expect: allowed }
  - { name: of this machine, do: { read: ${import.meta.filename} }, expect: allowed }
  - { name: by another, by: /opt/tool, do: { read: /srv/none }, expect: allowed }
`;

async function gander(args: readonly string[], cwd: string) {
  const child = spawn(process.execPath, [join(root, "dist/gander.mjs"), ...args], {
    ...{ cwd, stdio: ["ignore", "pipe", "pipe"] },
  });
  const ended = Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
  const [[status], stdout, stderr] = await ended;
  return { status, stdout, stderr };
}

it.each(["6.1", "6.12"])(
  "cases are really done on kernel %s",
  { timeout: 600_000 },
  async (kernel) => {
    using folder = mkdtempDisposableSync(join(tmpdir(), "gander-policy-test-"));
    for (const [name, content] of Object.entries({
      "policies/p.yaml": policy,
      "t/gander-test.yaml": test,
    })) {
      execFileSync("mkdir", ["-p", join(folder.path, name, "..")]);
      writeFileSync(join(folder.path, name), content);
    }
    const args = [
      "policy",
      "test",
      "--kernel=vm",
      `--vm-kernel=${join(kernels, kernel, "vmlinuz")}`,
    ];
    const { status, stdout, stderr } = await gander([...args, "--output=json", "t"], folder.path);
    expect([status, stderr]).toEqual([1, ""]);
    const [file] = JSON.parse(stdout).files;
    expect(file.cases).toMatchObject([
      { name: "stopped", verdict: "denied", decision: { entry: "spec.lsmhooks[0]", selector: 0 } },
      {
        name: "too wide",
        verdict: "denied",
        trace: expect.arrayContaining([
          'matches: the path of argument 0 (file) begins with "/srv/secret"',
        ]),
      },
      { name: "of this machine", verdict: "allowed" },
      { name: "by another", verdict: "invalid", why: expect.stringContaining("ENOENT") },
    ]);
  },
);
