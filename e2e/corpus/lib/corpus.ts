// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import type { CompiledPolicy } from "@gander/policy";
import { labelsFor, startTestNode, type TestNode } from "@gander/policy-test/live";
import { hitTable } from "./hit-table.ts";
import { HitRecorder, type Hits } from "./hits.ts";
import { libraryPolicies } from "./library-policies.ts";
import { ordinaryWork, type Work, type WorkImage } from "./ordinary-work.ts";
import { WorkContainer, type WorkResult } from "./work-container.ts";

const images: Readonly<Record<WorkImage, string>> = { guest: "/", debian: "/corpus" };
/** Configures the packages of its image: the other work happens in what it leaves. */
const preparation = "packages-configured";
const { GANDER_CORPUS_ONLY = "", GANDER_CORPUS_HITS } = process.env;

/**
 * Does all work of an image twice: without policies, and under those of the level guard. That must make no
 * difference, and no guard policy may meet anything. If GANDER_CORPUS_HITS names a file, the policies of the levels
 * observe and strict look on at the first time, in mode monitor: the file says what they met.
 */
export function testCorpus(image: WorkImage): void {
  const all = ordinaryWork(image).filter(({ name }) => new RegExp(GANDER_CORPUS_ONLY).test(name));
  const first = ordinaryWork(image).filter(({ name }) => name === preparation);
  const work = [...new Set([...first, ...all])];
  const missing = existsSync(images[image]) ? false : "scripts/setup corpus makes its image";
  describe(`ordinary work in an image of ${image}`, { skip: missing }, () => {
    const corpus = new Corpus(image);
    before(() => corpus.observe(work));
    for (const one of work) test(`${one.name}: ${one.what}`, () => corpus.check(one));
    after(() => corpus[Symbol.asyncDispose]());
  });
}

/** The node, the work that was done without guard policies, and what other policies saw of it. */
class Corpus implements AsyncDisposable {
  readonly #image: string;
  readonly #recorder = new HitRecorder();
  readonly #plain = new Map<string, WorkResult>();
  readonly #seen = new Map<string, Hits>();
  readonly #guards = libraryPolicies(["guard"]);
  #node: TestNode | undefined;
  #prepared: WorkContainer | undefined;

  constructor(image: WorkImage) {
    this.#image = images[image];
  }

  async observe(work: readonly Work[]): Promise<void> {
    this.#node = await startTestNode(this.#recorder.read);
    // They take a minute to load.
    const others = GANDER_CORPUS_HITS === undefined ? [] : libraryPolicies(["observe", "strict"]);
    await this.#use(others.map((policy) => ({ ...policy, mode: "monitor" as const })));
    for (const one of work) {
      const began = performance.now();
      const { result, hits } = await this.#do(one);
      this.#plain.set(one.name, result);
      this.#seen.set(one.name, hits);
      console.log(`${one.name} took ${((performance.now() - began) / 1000).toFixed(0)} s`);
      for (const line of this.#recorder.describe(hits)) console.log(line);
    }
    if (GANDER_CORPUS_HITS !== undefined)
      writeFileSync(GANDER_CORPUS_HITS, hitTable(work, others, this.#seen));
    await this.#use(this.#guards);
  }

  async check(work: Work): Promise<void> {
    const plain = this.#plain.get(work.name);
    assert.equal(plain?.status, 0, `it fails without guard policies: ${plain?.stderr}`);
    const { result, hits } = await this.#do(work);
    const met = this.#recorder.describe(hits).join("\n");
    assert.equal(hits.size, 0, `guard policies met ordinary work:\n${met}\n${result.stderr}`);
    assert.deepEqual([result.status, result.stdout], [0, plain?.stdout], result.stderr);
  }

  #use(policies: readonly CompiledPolicy[]): Promise<void> {
    return this.#running.use(policies, labelsFor(policies));
  }

  async #do(work: Work): Promise<{ readonly result: WorkResult; readonly hits: Hits }> {
    const isPreparation = work.name === preparation;
    const below = isPreparation || this.#prepared === undefined ? [] : [this.#prepared.layer];
    const container = new WorkContainer([...below, this.#image]);
    try {
      this.#recorder.begin(this.#running);
      const { cgroup } = this.#running;
      const result = await (work.runs === "on the node"
        ? container.runOutside(work, dirname(cgroup))
        : container.run(work, cgroup));
      return { result, hits: await this.#recorder.end(this.#running) };
    } finally {
      if (isPreparation && this.#prepared === undefined) {
        container.unmount();
        this.#prepared = container;
      } else container[Symbol.dispose]();
    }
  }

  get #running(): TestNode {
    assert.ok(this.#node, "the node did not start");
    return this.#node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#prepared?.[Symbol.dispose]();
    await this.#node?.[Symbol.asyncDispose]();
  }
}
