// SPDX-License-Identifier: Apache-2.0
// The model of operations: which of the hooks that it knows each operation calls, against this kernel. By hand:
//   e2e/vm --kernel 6.12 --timeout 600 -- node packages/policy-test/src/try-model.ts   [GANDER_OPERATIONS=REGEX]
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { checkPolicy } from "@gander/policy";
import { readPolicyTest, type TestCase } from "./index.ts";
import { startTestNode, type TestNode } from "./live/index.ts";
import { hookCounts, runCase } from "./live/run-live.ts";
import { calledHooks, knownHooks } from "./reference/index.ts";

const only = new RegExp(process.env.GANDER_OPERATIONS ?? "");

const operations = `
- { name: read, do: { read: /etc/passwd } }
- { name: open, do: { open: /dev/null } }
- { name: openToWrite, do: { openToWrite: /etc/passwd } }
- { name: write, files: { /tmp/f: x }, do: { write: /tmp/f } }
- { name: append, files: { /tmp/f: x }, do: { append: /tmp/f } }
- { name: create, do: { create: /tmp/f } }
- { name: empty, files: { /tmp/f: x }, do: { empty: /tmp/f } }
- { name: truncate, files: { /tmp/f: x }, do: { truncate: /tmp/f } }
- { name: mapShared, files: { /tmp/f: x }, do: { mapShared: /tmp/f } }
- { name: rename, files: { /tmp/f: x }, do: { rename: [/tmp/f, /tmp/g] } }
- { name: exchange, files: { /tmp/f: x, /tmp/g: x }, do: { exchange: [/tmp/f, /tmp/g] } }
- { name: link, files: { /tmp/f: x }, do: { link: [/tmp/f, /tmp/g] } }
- { name: symlink, do: { symlink: [/tmp/f, /tmp/g] } }
- { name: unlink, files: { /tmp/f: x }, do: { unlink: /tmp/f } }
- { name: mkdir, do: { mkdir: /tmp/d } }
- { name: rmdir, given: [{ mkdir: /tmp/d }], do: { rmdir: /tmp/d } }
- { name: chmod, files: { /tmp/f: x }, do: { chmod: [/tmp/f, "0600"] } }
- { name: chown, files: { /tmp/f: x }, do: { chown: [/tmp/f, "1000"] } }
- { name: setAttribute, files: { /tmp/f: x }, do: { setAttribute: [/tmp/f, security.capability] } }
- { name: removeAttribute, files: { /tmp/f: x }, given: [{ setAttribute: [/tmp/f, security.capability] }], do: { removeAttribute: [/tmp/f, security.capability] } }
- { name: makeDevice, do: { makeDevice: [/tmp/n, c, "1", "3"] } }
- { name: mapCode, do: { mapCode: /usr/bin/true } }
- { name: mapThenCode, do: { mapThenCode: /usr/bin/true } }
- { name: mapDeletedCode, do: { mapDeletedCode: /usr/bin/true } }
- { name: execute, do: { execute: /usr/bin/true } }
- { name: a script, files: { /tmp/s: "#!/usr/bin/bash\\n" }, modes: { /tmp/s: "0755" }, do: { execute: /tmp/s } }
- { name: a shell, do: { execute: [/usr/bin/bash, "-c", "read x < /etc/passwd"] } }
- { name: executeAs, do: { executeAs: ["1000", /usr/bin/true] } }
- { name: executeCopy, do: { executeCopy: [/tmp/c, /usr/bin/true] } }
- { name: executeMemory, do: { executeMemory: /usr/bin/true } }
- { name: executeDeleted, do: { executeDeleted: /usr/bin/true } }
- { name: executeBelow, do: { executeBelow: [/tmp/p, /usr/bin/true] } }
- { name: mount, do: { mount: [tmpfs, /mnt] } }
- { name: bind, do: { bind: [/etc, /mnt] } }
- { name: moveMount, do: { moveMount: [/dev/shm, /mnt] } }
- { name: changeRoot, do: { changeRoot: /tmp } }
- { name: enter, do: { enter: /proc/1/ns/mnt } }
- { name: unshare user, do: { unshare: user } }
- { name: unshare net, do: { unshare: net } }
- { name: become, do: { become: "1000" } }
- { name: trace, do: { trace: [] } }
- { name: writeMemory, do: { writeMemory: [] } }
- { name: openMemory, do: { openMemory: [] } }
- { name: readEnvironment, do: { readEnvironment: [] } }
- { name: socket, do: { socket: [inet, stream] } }
- { name: connect, do: { connect: "10.0.0.1:80" } }
- { name: connectUdp, do: { connectUdp: "10.0.0.1:80" } }
- { name: send, do: { send: "10.0.0.1:80" } }
- { name: fastOpen, do: { fastOpen: "10.0.0.1:80" } }
- { name: connectPath, do: { connectPath: /run/s.sock } }
- { name: loadModule, do: { loadModule: /etc/passwd } }
- { name: loadModuleFromMemory, do: { loadModuleFromMemory: [] } }
- { name: loadBpf, do: { loadBpf: [] } }
- { name: ioUring, do: { ioUring: [] } }
- { name: by another program, by: /opt/p, do: { read: /etc/passwd } }
`;

const functions: ReadonlySet<string> = new Set(["commit_creds", "tcp_connect"]);
const isProbe = (hook: string) => hook.startsWith("sys_") || functions.has(hook);

/** Reports each call of a hook that the model knows. */
function policies() {
  const all = [...knownHooks].toSorted();
  const entries = (probes: boolean) =>
    all
      .filter((hook) => isProbe(hook) === probes)
      .map((hook) =>
        probes
          ? `    - { call: ${hook}, syscall: ${hook.startsWith("sys_")} }`
          : `    - { hook: ${hook} }`,
      )
      .join("\n");
  const text = `apiVersion: cilium.io/v1alpha1\nkind: TracingPolicy\nmetadata: { name: all }\nspec:\n  podSelector: {}\n  kprobes:\n${entries(true)}\n  lsmhooks:\n${entries(false)}\n`;
  const { value, problems } = checkPolicy(text, { file: "all.yaml" });
  assert.equal(problems, undefined);
  return value?.map(({ compiled }) => compiled) ?? [];
}

function cases(): readonly TestCase[] {
  const list = operations.trim().replaceAll(/ \}$/gm, ", expect: allowed }");
  const head =
    "apiVersion: gander.dev/v1alpha1\nkind: PolicyTest\nmetadata: { name: all }\npolicies: [all.yaml]\ncases:\n";
  const { value, problems } = readPolicyTest(`${head}${list}\n`, "try-model.ts");
  assert.equal(problems, undefined);
  return value?.cases ?? [];
}

describe("the model of operations", () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
    await node.use(policies(), {});
  });
  after(() => node?.[Symbol.asyncDispose]());

  for (const one of cases().filter(({ name }) => only.test(name)))
    test(one.name, async () => {
      const start = hookCounts(node);
      const { verdict, why } = await runCase(node, one);
      assert.notEqual(verdict, "invalid", why);
      const end = hookCounts(node);
      const called = [...knownHooks].filter(
        (hook) => (end.get(hook) ?? 0n) > (start.get(hook) ?? 0n),
      );
      const { surely, perhaps } = calledHooks(one);
      // What the container's own preparations call is counted, too.
      const given = one.given.flatMap((operation) => {
        const before = calledHooks({ ...one, given: [], do: operation });
        return [...before.surely, ...before.perhaps];
      });
      const missing = called.filter(
        (hook) => !surely.has(hook) && !perhaps.has(hook) && !given.includes(hook),
      );
      const extra = [...surely].filter((hook) => !called.includes(hook));
      assert.deepEqual({ missing, extra }, { missing: [], extra: [] });
    });
});
