// SPDX-License-Identifier: Apache-2.0
import type { PolicyCounts, PolicyException } from "@gander/proto/stream";
import { TestSensor } from "../../../packages/operator/test/test-sensor.ts";
import type { ControlPlane } from "../control-plane.ts";
import { createNode, type Labels } from "./cluster-objects.ts";
import { createSensorPod } from "./sensor-pod.ts";

export type OfferedPolicy = {
  readonly uid: string;
  readonly name: string;
  readonly generation: number;
  readonly fuse: string;
  readonly fuseRearmed: string;
};

export type SimulatedNodeOptions = {
  readonly name: string;
  readonly labels?: Labels;
};

/** The sensor's answer for a policy; undefined: it is in force. */
export type Answer = Omit<PolicyException, "uid"> | undefined;

/** A Node in the API; its sensor speaks the real protocol, over TLS with its own token, and loads nothing. */
export class SimulatedNode implements Disposable {
  readonly name: string;
  /** By UID, as last offered. */
  readonly policies = new Map<string, OfferedPolicy>();
  /** The sensor's answer for a policy. */
  answer: (policy: OfferedPolicy) => Answer = () => undefined;
  /** Why its stream ended although this side did not end it. */
  ending: string | undefined;
  readonly #token: string;
  #sensor: TestSensor | undefined;
  #isHolding = false;
  #due: (() => void) | undefined;

  private constructor(name: string, token: string) {
    this.name = name;
    this.#token = token;
  }

  static async create(
    cluster: ControlPlane,
    { name, labels = {} }: SimulatedNodeOptions,
  ): Promise<SimulatedNode> {
    await createNode(cluster.client, name, labels);
    const { token } = await createSensorPod(cluster, name);
    return new SimulatedNode(name, token);
  }

  /** `ca`: PEM of the operator's authorities. */
  connect(port: number, ca: string): void {
    this.disconnect();
    this.policies.clear();
    const sensor = new TestSensor(port, this.#token, ca);
    this.#sensor = sensor;
    sensor.hello({ node: this.name });
    this.ending = undefined;
    void this.#follow(sensor).catch((error: unknown) => {
      if (this.#sensor === sensor) this.ending = String(error);
    });
  }

  disconnect(): void {
    this.#sensor?.[Symbol.dispose]();
    this.#sensor = undefined;
  }

  /** Answers nothing until `release`. */
  hold(): void {
    this.#isHolding = true;
  }

  release(): void {
    this.#isHolding = false;
    this.#due?.();
    this.#due = undefined;
  }

  /** Sends the current result of `answer` again, for its current version. */
  answerAgain(): void {
    this.#repeat?.();
  }

  /** Sends its counts since its start. */
  count(policies: readonly PolicyCounts[]): void {
    this.#sensor?.send({ summary: { counting_since: "1", policies: [...policies] } });
  }

  /** The generation of its policy of that name; undefined: none. */
  generationOf(policyName: string): number | undefined {
    return [...this.policies.values()].find(({ name }) => name === policyName)?.generation;
  }

  [Symbol.dispose](): void {
    this.disconnect();
  }

  #repeat: (() => void) | undefined;

  async #follow(sensor: TestSensor): Promise<void> {
    for (;;) {
      const { offers, commit } = await sensor.version();
      for (const { put = [], remove = [] } of offers) {
        for (const { uid = "", name = "", generation = "0", ...fuse } of put)
          this.policies.set(uid, {
            ...{ uid, name, generation: Number(generation) },
            ...{ fuse: fuse.fuse ?? "", fuseRearmed: fuse.fuse_rearmed ?? "" },
          });
        for (const uid of remove) this.policies.delete(uid);
      }
      if (this.#isHolding)
        await new Promise<void>((resolve) => {
          this.#due = resolve;
        });
      this.#repeat = () => sensor.ack(commit, { exceptions: this.#exceptions() });
      this.#repeat();
    }
  }

  #exceptions(): PolicyException[] {
    return [...this.policies.values()].flatMap((policy) => {
      const answer = this.answer(policy);
      return answer === undefined ? [] : { uid: policy.uid, ...answer };
    });
  }
}
