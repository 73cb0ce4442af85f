// SPDX-License-Identifier: Apache-2.0
import { encodePolicy } from "@gander/policy/content";
import { expect } from "vitest";
import { PolicyContents } from "../src/bundles/policy-contents.ts";
import { SensorHub, type SensorHubOptions } from "../src/sensors/sensor-hub.ts";
import { createSensorServer, type VerifySensor } from "../src/sensors/sensor-server.ts";
import { Resolver } from "../src/workloads/resolver.ts";
import { noDetails, type Pod, type PolicyRevision } from "../src/workloads/workload.ts";
import { TestSensor } from "./test-sensor.ts";

/** The token of a node is `of-NODE`. */
const verifyByName: VerifySensor = async ({ token }) =>
  token.startsWith("of-") ? { node: token.slice(3) } : { problem: "The token is not known" };

/** What there is of the operator, on a real socket, with a clock that stands still. */
export class OperatorFixture implements AsyncDisposable {
  readonly resolver: Resolver = new Resolver();
  readonly contents: PolicyContents = new PolicyContents();
  readonly hub: SensorHub;
  readonly #server: ReturnType<typeof createSensorServer>;
  readonly #sensors: TestSensor[] = [];
  #port = 0;

  constructor(
    options: SensorHubOptions & { readonly verify?: VerifySensor; readonly streams?: number } = {},
  ) {
    const { verify = verifyByName, streams = 100 } = options;
    const { resolver, contents } = this;
    this.hub = new SensorHub(
      { resolver, contents, now: () => 1000, monotonicNow: () => 0 },
      options,
    );
    this.#server = createSensorServer({ hub: this.hub, verify }, { host: "127.0.0.1", streams });
  }

  async start(): Promise<this> {
    this.#port = (await this.#server.listen()).port;
    return this;
  }

  connect(token: string | undefined): TestSensor {
    const sensor = new TestSensor(this.#port, token);
    this.#sensors.push(sensor);
    return sensor;
  }

  /** A policy whose content is told by `content`, for pods with the label `app`, or for all there is. */
  policy(name: string, content: string, app?: string): PolicyRevision {
    const matchLabels: Record<string, string> = app === undefined ? {} : { app };
    const workloads = { podSelector: { matchLabels, matchExpressions: [] }, host: false };
    const scope = app === undefined ? {} : { workloads };
    const compiled = {
      name,
      namespace: "",
      digest: "",
      mode: "monitor" as const,
      hooks: [],
      nodeSelector: {
        matchLabels: {},
        matchExpressions: [{ key: content, operator: "DoesNotExist" as const, values: [] }],
      },
      ...scope,
    };
    const digest = this.contents.add(encodePolicy(compiled)) ?? "";
    return { uid: name, generation: 1, name, namespace: "", mode: "", digest, ...scope };
  }

  put(change: PolicyRevision | Pod): Promise<void> {
    const nodes =
      "digest" in change ? this.resolver.putPolicy(change) : this.resolver.putPod(change);
    return this.hub.push(nodes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sensor of this.#sensors) sensor[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}

export const podOn = (node: string, uid: string, app: string): Pod => ({
  uid,
  namespace: "default",
  name: uid,
  node,
  labels: { app },
  containers: ["main"],
  details: noDetails,
});

/** The answers of a sensor are read in another turn: wait until they were. */
export async function eventually(holds: () => boolean): Promise<void> {
  await expect.poll(holds, { timeout: 15_000, interval: 5 }).toBe(true);
}
