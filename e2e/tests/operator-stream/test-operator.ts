// SPDX-License-Identifier: Apache-2.0
import {
  createSensorRelay,
  createSensorServer,
  noDetails,
  type PodDetails,
  PolicyContents,
  type PolicyRevision,
  Resolver,
  SensorHub,
  type SensorRelay,
  type SensorServer,
} from "@gander/operator";
import type { CheckedPolicy } from "@gander/policy";
import { encodePolicy } from "@gander/policy/content";
import { testCertificate } from "@gander/sensor/test-certificate";

/** Whoever signs the certificates of the operators in these tests. */
export const authority = testCertificate("test-authority");

type Knowledge = { readonly resolver: Resolver; readonly contents: PolicyContents };

/** What the operator is to sensors, with TLS on a socket of this machine; without an API server. */
export class TestOperator implements AsyncDisposable {
  readonly resolver: Resolver;
  readonly contents: PolicyContents;
  readonly hub: SensorHub;
  readonly events: SensorRelay;
  /** Token to node; others are refused. */
  readonly tokens: Map<string, string> = new Map([["token-a", "a"]]);
  readonly #server: SensorServer;
  #port: number;

  /** Knows node `a`, or what a replica before it, or beside it, knows. */
  constructor(knowledge?: Knowledge, port = 0) {
    const { resolver, contents } = knowledge ?? {
      resolver: new Resolver(),
      contents: new PolicyContents(),
    };
    if (knowledge === undefined) resolver.putNode("a", {});
    this.resolver = resolver;
    this.contents = contents;
    const options = { operatorVersion: "test", announcesSessions: true };
    this.hub = new SensorHub({ resolver, contents }, options);
    this.events = createSensorRelay(this.hub);
    const { certificate: cert, key } = testCertificate("gander-operator", authority);
    const material = { cert, key, ca: authority.certificate };
    this.#port = port;
    this.#server = createSensorServer(
      {
        hub: this.hub,
        events: this.events.serve,
        verify: async ({ token }) => {
          const node = this.tokens.get(token);
          return node === undefined ? { problem: "The token is not known" } : { node };
        },
        certificate: {
          current: () => material,
          onChange: () => ({ [Symbol.dispose]: () => {} }),
          whenReady: async () => true,
        },
      },
      { host: "127.0.0.1", port },
    );
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<this> {
    this.#port = (await this.#server.listen()).port;
    return this;
  }

  /** A policy as it was checked. */
  revision(uid: string, generation: number, { compiled }: CheckedPolicy): PolicyRevision {
    const { name, namespace, workloads, nodeSelector } = compiled;
    const digest = this.contents.add(encodePolicy(compiled)) ?? "";
    return {
      ...{ uid, generation, name, namespace, mode: "", digest },
      ...(workloads && { workloads }),
      ...(nodeSelector && { nodeSelector }),
    };
  }

  /** A policy without hooks; equal contents are equal texts. For pods with the label `app`, or for all. */
  policy(uid: string, content: string, app?: string): PolicyRevision {
    const workloads = {
      podSelector: { matchLabels: { app: app ?? "" }, matchExpressions: [] },
      host: false,
    };
    const scope = app === undefined ? {} : { workloads };
    const key = { key: content, operator: "DoesNotExist" as const, values: [] };
    const encoded = encodePolicy({
      ...{ name: uid, namespace: "", digest: "", mode: "enforce", hooks: [] },
      nodeSelector: { matchLabels: {}, matchExpressions: [key] },
      ...scope,
    });
    const digest = this.contents.add(encoded) ?? "";
    return { uid, generation: 1, name: uid, namespace: "", mode: "", digest, ...scope };
  }

  put(revision: PolicyRevision): Promise<void> {
    return this.hub.push(this.resolver.putPolicy(revision));
  }

  putPod(uid: string, app: string, details: PodDetails = noDetails): Promise<void> {
    const labels = { app };
    const pod = { uid, namespace: "default", name: uid, node: "a", labels, details };
    return this.hub.push(this.resolver.putPod({ ...pod, containers: ["main"] }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}
