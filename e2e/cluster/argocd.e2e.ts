// SPDX-License-Identifier: Apache-2.0
// examples/gitops, synced by a real Argo CD: what its application controller says. The sensors are simulated.
// scripts/setup argocd builds Argo CD once.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Application, ArgoCd, argoNamespace, withRepository } from "./argocd/argo-cd.ts";
import { GitRepository } from "./argocd/git-repository.ts";
import type { ControlPlane } from "./control-plane.ts";
import { createNamespace } from "./lib/cluster-objects.ts";
import { clusterTool } from "./lib/cluster-tools.ts";
import { type Daemon, startDaemon } from "./lib/daemon.ts";
import {
  type OperatorProcess,
  operatorAuthorities,
  startOperator,
} from "./lib/operator-process.ts";
import { grantOperatorRights } from "./lib/operator-rights.ts";
import { startPreparedControlPlane } from "./lib/sensor-pod.ts";
import { SimulatedNode } from "./lib/simulated-node.ts";
import { until } from "./lib/until.ts";

const examples = join(import.meta.dirname, "../../examples/gitops");
const name = "gander-policies";
const shadow = "policies/watch-shadow-file.yaml";
const modules = "policies/deny-kernel-modules.yaml";
const shadowPolicy = "watch-shadow-file";
const modulesPolicy = "deny-kernel-modules";

let cluster: ControlPlane;
let collector: Daemon;
let operator: OperatorProcess;
let argo: ArgoCd;
let repository: GitRepository;
const nodes: SimulatedNode[] = [];

beforeAll(async () => {
  cluster = await startPreparedControlPlane();
  collector = startDaemon({
    name: "garbage collector",
    program: clusterTool("kube-controller-manager"),
    args: [
      ...[`--kubeconfig=${cluster.kubeconfig}`, "--leader-elect=false", "--secure-port=0"],
      "--controllers=garbage-collector-controller",
    ],
    logFile: join(cluster.directory, "controllers.log"),
  });
  await createNamespace(cluster.client, "payments");
  const kubeconfig = await grantOperatorRights(cluster);
  const flags = ["--webhook-url=https://127.0.0.1:0"];
  operator = startOperator(cluster, { name: "operator-1", kubeconfig, flags });
  await operator.whenServing();
  for (const one of ["node-1", "node-2", "node-3"])
    nodes.push(await SimulatedNode.create(cluster, { name: one }));
  const ca = await operatorAuthorities(cluster);
  for (const node of nodes) node.connect(operator.sensorPort, ca);
  repository = new GitRepository(join(cluster.directory, "git"), examples);
  argo = await ArgoCd.start(cluster, join(examples, "argocd/argocd-cm.yaml"));
}, 600_000);

afterAll(async () => {
  await argo?.[Symbol.asyncDispose]();
  for (const node of nodes) node[Symbol.dispose]();
  await operator?.stop();
  await collector?.stop({ signal: "SIGKILL" });
  await cluster?.[Symbol.asyncDispose]();
});

const apply = (input: string) => cluster.kubectl(["apply", "--filename=-"], { input });

/** Resolves when Argo CD says this of the Application. */
function whenApplication(
  what: string,
  isSo: (status: NonNullable<Application["status"]>) => boolean,
  application = name,
): Promise<NonNullable<Application["status"]>> {
  return until(
    `Argo CD says that ${application} is ${what}`,
    async () => {
      const { status } = await argo.application(application);
      return status !== undefined && isSo(status) && status;
    },
    { timeoutMs: 240_000, seen: async () => JSON.stringify(await argo.application(application)) },
  );
}

const isSynced = (commit: string) => (status: NonNullable<Application["status"]>) =>
  status.sync?.status === "Synced" && status.sync.revision === commit;

const whenHealthy = (commit: string) =>
  whenApplication(
    `Healthy at ${commit}`,
    (status) => isSynced(commit)(status) && status.health?.status === "Healthy",
  );

/** Argo CD's words about one policy, once they match. */
const whenPolicy = (policy: string, health: string, words = /./) =>
  whenApplication(`${health} with ${words} because of ${policy}`, ({ resources = [] }) =>
    resources.some(
      (one) =>
        one.name === policy &&
        one.health?.status === health &&
        words.test(one.health?.message ?? ""),
    ),
  );

const policyExists = async (policy: string) =>
  (await cluster.kubectl(["get", "tracingpolicy", policy, "--ignore-not-found"])).stdout !== "";

const annotated = (text: string, annotation: string) =>
  text.replace("annotations:\n", `annotations:\n    ${annotation}\n`);

/** The definition accepts an argument that is not declared, the webhook doesn't. */
const refusable = (policy: string) =>
  policy.replace(/(matchArgs:\n +- index: )0/, (_, before) => `${before}3`);

describe("Argo CD", { timeout: 600_000 }, () => {
  it("syncs the example, and it is Healthy when it works on every node", async () => {
    for (const node of nodes) node.hold();
    await apply(withRepository(join(examples, "argocd/apps/policies.yaml"), repository.url));
    await whenPolicy(shadowPolicy, "Progressing");
    for (const node of nodes) node.release();
    const commit = repository.commit("nothing new", {});
    // The first canary of the example takes ten minutes.
    const quick = repository
      .read(modules)
      .replace("gander.dev/canary-duration: 10m", "gander.dev/canary-duration: 3s");
    expect(commit).not.toBe(repository.commit("a quicker canary", { [modules]: quick }));
    await whenHealthy(repository.commit("and again", {}));
  });

  it("shows a policy's status below it", async () => {
    const below = () =>
      argo
        .tree(name)
        .filter(({ kind }) => kind === "PolicyStatus")
        .map((one) => [one.name, one.parentRefs?.map((parent) => parent.kind).join()]);
    await until("the tree has both", async () => below().length === 2);
    expect(below().sort()).toEqual([
      [modulesPolicy, "TracingPolicy"],
      [shadowPolicy, "TracingPolicy"],
    ]);
  });

  it("says that a canary is on its way, and when it is paused", async () => {
    const before = repository.read(modules);
    const slow = before
      .replace("canary-duration: 3s", "canary-duration: 1h")
      .replace("argError: -1", "argError: -13");
    repository.commit("another errno, slowly", { [modules]: slow });
    await whenPolicy(modulesPolicy, "Progressing", /goes to 1 node first/);
    repository.commit("paused", { [modules]: annotated(slow, 'gander.dev/paused: "true"') });
    await whenPolicy(modulesPolicy, "Suspended");
    await whenHealthy(repository.commit("as before", { [modules]: before }));
  });

  it("is Degraded in a node's own words when a policy fails there", async () => {
    const [node] = nodes;
    if (node === undefined) throw new Error("There is no node");
    const before = repository.read(shadow);
    node.answer = (policy) =>
      policy.name === shadowPolicy
        ? { state: "POLICY_STATE_FAILED", reason: "LoadFailed", message: "the verifier refused it" }
        : undefined;
    repository.commit("another file", { [shadow]: before.replace("/etc/shadow", "/etc/gshadow") });
    await whenPolicy(shadowPolicy, "Degraded", /node-1/);
    node.answer = () => undefined;
    await whenHealthy(repository.commit("as before", { [shadow]: before }));
  });

  it("restores what somebody changed in the cluster", async () => {
    await cluster.kubectl(["delete", "tracingpolicy", shadowPolicy]);
    await until("it is there again", () => policyExists(shadowPolicy));
    await cluster.kubectl([
      ...["patch", "tracingpolicy", shadowPolicy, "--type=json", "--patch"],
      JSON.stringify([
        {
          op: "replace",
          path: "/spec/lsmhooks/0/selectors/0/matchArgs/0/values/0",
          value: "/etc/passwd",
        },
      ]),
    ]);
    await until("it is what Git says again", async () => {
      const { stdout } = await cluster.kubectl([
        ...["get", "tracingpolicy", shadowPolicy],
        "--output=jsonpath={.spec.lsmhooks[0].selectors[0].matchArgs[0].values[0]}",
      ]);
      return stdout === "/etc/shadow";
    });
  });

  it("says why the webhook refuses a policy, and goes on with the next commit", async () => {
    const kustomization = repository.read("policies/kustomization.yaml");
    const right = repository.read(shadow).replace(`name: ${shadowPolicy}`, "name: broken");
    repository.commit("a policy that is wrong", {
      "policies/broken.yaml": refusable(right),
      "policies/kustomization.yaml": `${kustomization}  - broken.yaml\n`,
    });
    const refused = await whenApplication(
      "not synced",
      ({ sync, operationState }) =>
        sync?.status === "OutOfSync" &&
        (operationState?.syncResult?.resources ?? []).some(
          (one) =>
            one.name === "broken" && /^admission webhook .*matchArgs\[0\]/s.test(one.message ?? ""),
        ),
    );
    console.log(JSON.stringify(refused.operationState?.syncResult?.resources));
    // What is in the cluster works: only the sync says that something is missing.
    expect(refused.health?.status).toBe("Healthy");
    const started = performance.now();
    await whenHealthy(repository.commit("right", { "policies/broken.yaml": right }));
    console.log(`the right commit was synced after ${Math.round(performance.now() - started)} ms`);
    expect(await policyExists("broken")).toBe(true);
  });

  it("removes from the nodes what is removed from Git", async () => {
    const kustomization = repository.read("policies/kustomization.yaml");
    await whenHealthy(
      repository.commit("no longer", {
        "policies/broken.yaml": undefined,
        "policies/kustomization.yaml": kustomization.replace("  - broken.yaml\n", ""),
      }),
    );
    expect(await policyExists("broken")).toBe(false);
    await until("no node has it", async () =>
      nodes.every((node) => node.generationOf("broken") === undefined),
    );
    await until("its status is gone", async () => {
      const { stdout } = await cluster.kubectl(["get", "policystatus", "--output=name"]);
      return !stdout.includes("broken");
    });
  });

  it("begins no wave before the one before it is what Git says", async () => {
    const child = (one: string, wave: number, path: string) => `---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: ${one}
  namespace: ${argoNamespace}
  annotations: { argocd.argoproj.io/sync-wave: "${wave}" }
spec:
  project: default
  source: { repoURL: "${repository.url}", targetRevision: main, path: ${path} }
  destination: { server: "https://kubernetes.default.svc" }
  syncPolicy: { automated: {}, retry: { limit: 1, backoff: { duration: 1s } } }
`;
    const broken = refusable(repository.read(shadow));
    repository.commit("two waves", {
      "waves/apps/children.yaml":
        child("first", 0, "waves/first") + child("second", 1, "waves/second"),
      "waves/first/policy.yaml": broken.replace(shadowPolicy, "first"),
      "waves/second/policy.yaml": repository.read(shadow).replace(shadowPolicy, "second"),
    });
    await apply(
      withRepository(join(examples, "argocd/root.yaml"), repository.url).replace(
        "path: argocd/apps",
        "path: waves/apps",
      ),
    );
    const { health } = await whenApplication(
      "Degraded",
      (status) => status.health?.status === "Degraded",
      "gander-root",
    );
    console.log(JSON.stringify(health));
    expect(await argo.application("second")).toEqual({});
  });
});
