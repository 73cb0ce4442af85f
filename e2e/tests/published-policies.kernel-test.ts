// SPDX-License-Identifier: Apache-2.0
// Policies with the features of those that Tetragon publishes: each that the check accepts is in force, but for
// what this kernel or this machine lacks.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { checkPolicy } from "@gander/policy";
import { gander, Sensor } from "./lib/sensor.ts";
import { waitUntil } from "./lib/wait-until.ts";

interface Shown {
  readonly name: string;
  readonly state: string;
  readonly error?: string;
  readonly hook_statuses?: readonly { readonly state: string; readonly hook_description: string }[];
}

const folder = join(import.meta.dirname, "published/policies");
const accepted = readdirSync(folder)
  .sort()
  .map((file) => ({ name: file.replace(/\.yaml$/, ""), file }))
  .map((policy) => ({ ...policy, text: readFileSync(join(folder, policy.file), "utf8") }))
  .filter(({ file, text }) => checkPolicy(text, { file }).value !== undefined);

/** Few at a time: all together would report every call many times, one by one would take minutes. */
const atATime = 7;
const groups = Array.from({ length: Math.ceil(accepted.length / atATime) }, (_, i) =>
  accepted.slice(i * atATime, (i + 1) * atATime),
);

const kernel = release().startsWith("6.1.") ? "6.1" : "6.12";

/** Name → a piece of the reason. What is in force must leave these lists. */
const onEach: Readonly<Record<string, string>> = {
  "calls-stopped-by-an-enforcer": "this kernel lacks bpf_override_return",
  "function-of-libc": "/lib64/libc.so.6: there is no such file",
  "hard-links-denied": "this kernel lacks bpf_override_return",
  "kubectl-exec-reads-secrets": "without the Gander operator",
  "modules-by-pods": "without the Gander operator",
  "place-in-a-program": "/nowhere/marked: there is no such file",
  "place-whose-value-is-set": "/nowhere/marked: there is no such file",
  "out-of-the-cluster-enforced": "without the Gander operator",
  "signed-modules": "this kernel has no function find_module_sections",
  "start-files-enforced": "without the Gander operator",
  "symbolic-links-denied": "this kernel lacks bpf_override_return",
  "terminals-of-old-kernels": "kiocb",
};
const onThis: Readonly<Record<string, string>> = {
  "6.1": { "packets-queued": "cannot attach the kprobe on dev_queue_xmit" },
  "6.12": {
    "dropped-packets": "this kernel has no function kfree_skb_reason",
    "packets-queued": "this kernel has no function dev_queue_xmit",
  },
}[kernel];
const notInForce: Readonly<Record<string, string>> = { ...onEach, ...onThis };

describe("policies like the published ones", () => {
  let sensor: Sensor;
  before(async () => {
    sensor = await Sensor.start();
  });
  after(() => sensor?.[Symbol.asyncDispose]());

  for (const group of groups) {
    test(`${group[0]?.name} to ${group.at(-1)?.name}`, async () => {
      for (const { file, text } of group) sensor.writePolicy(file, text);
      const shown = await waitUntil(
        "each is in force or refused",
        () => {
          const listed = list();
          const found = group.map(({ name }) => listed.find((policy) => policy.name === name));
          return found.every((policy) => policy !== undefined) ? found : undefined;
        },
        300_000,
      );
      for (const { file } of group) sensor.removePolicy(file);
      const wrong = shown.filter((policy) => !isAsExpected(policy.name, reason(policy)));
      assert.deepEqual(
        wrong.map((policy) => `${policy.name}: ${reason(policy) || "is in force"}`),
        [],
      );
    });
  }
});

function isAsExpected(name: string, why: string): boolean {
  const { [name]: piece } = notInForce;
  return piece === undefined ? why === "" : why.includes(piece);
}

function list(): readonly Shown[] {
  return JSON.parse(gander("policy", "list", "-o", "json").output);
}

/** Why it is not in force, or not everywhere; a function that the policy doesn't insist on is no reason. */
function reason({ state, error, hook_statuses = [] }: Shown): string {
  if (state === "TP_STATE_ENABLED") return "";
  if (state !== "TP_STATE_PARTIALLY_ENABLED") return `${state}: ${error}`;
  return hook_statuses
    .filter((hook) => !["STATUS_LOADED", "STATUS_CALL_NOT_FOUND"].includes(hook.state))
    .map((hook) => hook.hook_description)
    .join("\n");
}
