// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import type { ReadEvents, TestNode } from "@gander/policy-test/live";
import { createEventPipeline, eventKernel } from "@gander/sensor/pipeline";

/** More would help nobody. */
const keptEvents = 500;

/** Policies that met what the work did, by name: how often. */
export type Hits = ReadonlyMap<string, number>;

/** Counts matches of policies, and keeps their events to say what was met. */
export class HitRecorder {
  #texts: { readonly policy: string; readonly text: string }[] = [];
  #before = new Map<string, number>();

  /** For startTestNode. */
  readonly read: ReadEvents = async (kernel, { policies, cgroups, logger }) => {
    const pipeline = createEventPipeline(
      {
        ...{ kernel: eventKernel(kernel, policies), rules: policies, cgroups, logger },
        commandLines: async (pids) => pids.map(() => undefined),
      },
      {
        envelope: { nodeName: "corpus", clusterName: "", nodeLabels: {} },
        ...{ processCacheSize: 65_536, hostNamespaces: [], ancestors: [] },
        ...{ withCredentials: false, withNamespaces: false, exposeStackAddresses: false },
        redact: (_, args) => args,
      },
    );
    pipeline.events.addLines({
      ...{ wants: (event) => event.hook !== undefined, view: undefined },
      ...{ accepts: () => true, missing: () => {}, flush: () => {}, behind: () => undefined },
      line: ({ bytes, length }) => this.#take(bytes.toString("utf8", 0, length)),
    });
    await pipeline.start();
    return pipeline;
  };

  /** From now on. */
  begin(node: TestNode): void {
    this.#texts = [];
    this.#before = matches(node);
  }

  /** Since `begin`. */
  async end(node: TestNode): Promise<Hits> {
    // Events are read every few milliseconds.
    await sleep(200);
    const hits = new Map<string, number>();
    for (const [policy, count] of matches(node)) {
      const more = count - (this.#before.get(policy) ?? 0);
      if (more > 0) hits.set(policy, more);
    }
    return hits;
  }

  /** A line for each hit that was recorded: policy, hook, arguments, process. */
  describe(hits: Hits): string[] {
    return [...hits].flatMap(([policy, count]) => [
      `${policy}: ${count} times`,
      ...new Set(this.#texts.filter((one) => one.policy === policy).map(({ text }) => text)),
    ]);
  }

  #take(line: string): void {
    const [kind = "", event] = Object.entries<Told>(JSON.parse(line))[0] ?? [];
    if (event?.policy_name === undefined || this.#texts.length >= keptEvents) return;
    const { process, parent, args, action, policy_name: policy } = event;
    const hook = event.function_name ?? event.event ?? "";
    const by = [process, parent].map((one) => `${one?.binary} ${one?.arguments ?? ""}`.trim());
    const text = `  ${kind} ${hook} ${JSON.stringify(args ?? [])} ${action}: ${by.join(" of ")}`;
    this.#texts.push({ policy, text });
  }
}

type Program = { readonly binary?: string; readonly arguments?: string };

type Told = {
  readonly policy_name?: string;
  readonly function_name?: string;
  readonly event?: string;
  readonly args?: readonly unknown[];
  readonly action?: string;
  readonly process?: Program;
  readonly parent?: Program;
};

function matches(node: TestNode): Map<string, number> {
  return new Map(
    node
      .states()
      .map(({ name, counters }) => [name, Number(counters.matched + counters.unevaluated)]),
  );
}
