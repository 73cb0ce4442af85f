// SPDX-License-Identifier: Apache-2.0
// `gander attack run --pod` against a real API server. There is no kubelet: the test says how containers ended.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { resourceOf } from "@gander/crd-schemas";
import { createObject, KubeError, resourcePath, unfenced } from "@gander/kube";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Attack, findAttacks } from "../../packages/policy-test/src/attacks/find-attacks.ts";
import { probePod } from "../../packages/policy-test/src/attacks/probe-pod.ts";
import { copyPolicies } from "../../packages/policy-test/src/cluster/policy-copies.ts";
import { libraryFolder, loadPolicyTest } from "../../packages/policy-test/src/index.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createNamespace, createServiceAccount } from "./lib/cluster-objects.ts";
import { startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { until } from "./lib/until.ts";

const gander = join(import.meta.dirname, "../../packages/cli/src/main.ts");
const pods = { group: "", version: "v1", plural: "pods", kind: "Pod" };
const attacks = findAttacks(["all"]);
let cluster: ControlPlane;

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  for (const [name, level] of Object.entries({ probes: "privileged", restricted: "restricted" })) {
    const enforce = { "pod-security.kubernetes.io/enforce": level };
    await createNamespace(cluster.client, name, enforce);
    await createServiceAccount(cluster.client, name, "default");
  }
}, 120_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());

/** Whether the API server would take the pod of an attack. */
async function admitted({ name, cases, labels }: Attack, namespace: string): Promise<boolean> {
  const { metadata, spec } = probePod(cases, {
    ...{ namespace, name: `probe-${name}`, image: "sensor:1", node: "", labels, settleSeconds: 1 },
  });
  try {
    await cluster.client.write({
      ...{ task: "try a pod", method: "POST", permit: unfenced },
      path: resourcePath(pods, { namespace }),
      query: { dryRun: "All", fieldValidation: "Strict" },
      body: { apiVersion: "v1", kind: "Pod", metadata, spec },
    });
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.code === "kube-forbidden") return false;
    throw error;
  }
}

type Pod = {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
};

async function podsIn(namespace: string): Promise<readonly Pod[]> {
  const path = resourcePath(pods, { namespace });
  return (await cluster.client.get<{ items: readonly Pod[] }>({ task: "list pods", path })).items;
}

/** As a kubelet that has run them. */
function patchEndings({ metadata, spec }: Pod, exitCodes: readonly number[]) {
  const containerStatuses = spec.containers.map(({ name, image }, i) => ({
    ...{ name, image, imageID: image, ready: false, restartCount: 0 },
    state: {
      terminated: {
        ...{ exitCode: exitCodes[i] ?? 0, reason: "Error", containerID: "containerd://0" },
        ...(exitCodes[i] === 121 && { message: "EPERM mount\n" }),
      },
    },
  }));
  return cluster.client.write({
    ...{ task: "write a status", method: "PATCH", permit: unfenced },
    path: resourcePath(pods, { namespace: "probes", name: metadata.name, subresource: "status" }),
    contentType: "application/merge-patch+json",
    body: { status: { phase: "Failed", containerStatuses } },
  });
}

function run(...args: readonly string[]) {
  const child = spawn(process.execPath, [gander, "attack", "run", ...args], {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]);
  return { child, ended: ended.then(([[status], output, errors]) => ({ status, output, errors })) };
}

describe("pods of attacks", { timeout: 120_000 }, () => {
  it("are taken by the API server, each of them", async () => {
    for (const one of attacks) expect(await admitted(one, "probes"), one.name).toBe(true);
  });

  it("are restricted ones where that is enough", async () => {
    const names: string[] = [];
    for (const one of attacks) if (await admitted(one, "restricted")) names.push(one.name);
    expect(names).toContain("cloud-metadata");
    expect(names).toContain("other-processes-memory");
    expect(names).not.toContain("kernel-memory");
  });

  it("are made, read and deleted by the command", async () => {
    const { ended } = run("mounts", "--pod=probes/mine", "--image=sensor:1", "--output=json");
    const pod = await until("the pod is there", async () => (await podsIn("probes"))[0]);
    expect(pod.metadata).toMatchObject({
      ...{ name: "mine-mounts", labels: { "guard.gander.dev/mounts": "true" } },
    });
    await patchEndings(pod, [121, 137, 0]);
    const { status, output, errors } = await ended;
    expect(errors).toBe("");
    expect(status).toBe(1);
    const { results, sensorAsked } = JSON.parse(output);
    expect(sensorAsked).toBe(false);
    expect(results).toMatchObject([
      { case: "tmpfs", outcome: "refused", error: "EPERM mount" },
      { case: "a folder bound elsewhere", outcome: "killed" },
      { case: "a mount is moved", outcome: "succeeded" },
    ]);
    expect(await podsIn("probes")).toEqual([]);
  });

  it("are deleted when the command is interrupted", async () => {
    const { child, ended } = run("mounts", "cloud-metadata", "--pod=probes", "--image=sensor:1");
    await until("both are there", async () => (await podsIn("probes")).length === 2);
    child.kill("SIGINT");
    expect((await ended).status).toBe(2);
    expect(await podsIn("probes")).toEqual([]);
  });

  it("say what the cluster does not admit", async () => {
    const { status, output } = await run("mounts", "--pod=restricted", "--image=sensor:1").ended;
    expect(status).toBe(1);
    expect(output).toMatch(/impossible .*violates PodSecurity "restricted:latest"/);
  });

  it("need an image, and say how to name one", async () => {
    const { status, errors } = await run("mounts", "--pod=probes").ended;
    expect(status).toBe(2);
    expect(errors).toMatch(/DaemonSet gander-sensor.*\n.*--image/);
  });
});

describe("copies of policies for a probe pod", { timeout: 120_000 }, () => {
  it("are taken by the API server", async () => {
    for (const { pack, name } of attacks) {
      const { value } = loadPolicyTest(join(libraryFolder(), pack, name, "gander-test.yaml"));
      if (value === undefined) throw new Error(name);
      for (const copy of copyPolicies(value, { id: name, namespace: "probes", mode: "monitor" })) {
        const { kind, ...object } = copy;
        const writer = { permit: unfenced, fieldManager: "gander" };
        await createObject(cluster.client, resourceOf(kind), object, writer);
      }
    }
  });
});
