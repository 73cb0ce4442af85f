// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { after, before, describe, test } from "node:test";
import type { CompiledPolicy } from "@gander/policy";
import { podLabelsFor } from "@gander/policy-test";
import { startTestNode, type TestNode } from "@gander/policy-test/live";
import { hitTable } from "./hit-table.ts";
import { HitRecorder, type Hits } from "./hits.ts";
import { libraryPolicies } from "./library-policies.ts";
import { ordinaryWork, type Work, type WorkImage } from "./ordinary-work.ts";
import { accountsLayer, WorkContainer } from "./work-container.ts";

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
  const first = all.filter(({ name }) => name === preparation);
  const work = [...new Set([...first, ...all])];
  const missing = existsSync(images[image]) ? false : "scripts/setup corpus makes its image";
  describe(`ordinary work in an image of ${image}`, { skip: missing }, () => {
    const corpus = new Corpus(image);
    before(() => corpus.start());
    for (const one of work) test(`${one.name}: ${one.what}`, () => corpus.check(one));
    after(() => corpus.end(work));
  });
}

/** The node, and what policies that don't guard saw of the work. */
class Corpus {
  readonly #recorder = new HitRecorder();
  readonly #seen = new Map<string, Hits>();
  readonly #guards = libraryPolicies(["guard"]);
  // They take a minute to load.
  readonly #others = (
    GANDER_CORPUS_HITS === undefined ? [] : libraryPolicies(["observe", "strict"])
  ).map((policy) => ({ ...policy, mode: "monitor" as const }));
  #layers: readonly string[];
  #node: TestNode | undefined;
  #prepared: WorkContainer | undefined;

  constructor(image: WorkImage) {
    this.#layers = image === "debian" ? [accountsLayer(images.debian), images.debian] : ["/"];
  }

  async start(): Promise<void> {
    this.#node = await startTestNode(this.#recorder.read);
  }

  async check(work: Work): Promise<void> {
    const plain = await this.#do(work, this.#others);
    this.#seen.set(work.name, plain.hits);
    assert.equal(plain.result.status, 0, `fails without guard policies: ${plain.result.stderr}`);
    for (const line of this.#recorder.describe(plain.hits)) console.log(line);
    const { result, hits } = await this.#do(work, this.#guards);
    const met = this.#recorder.describe(hits).join("\n");
    assert.equal(hits.size, 0, `guard policies met ordinary work:\n${met}\n${result.stderr}`);
    assert.deepEqual([result.status, result.stdout], [0, plain.result.stdout], result.stderr);
  }

  async #do(work: Work, policies: readonly CompiledPolicy[]) {
    const node = this.#running;
    await node.use(policies, podLabelsFor(policies));
    const container = new WorkContainer(this.#layers);
    try {
      this.#recorder.begin(node);
      const result = await (work.runs === "on the node"
        ? container.runOutside(work, dirname(node.cgroup))
        : container.run(work, node.cgroup));
      return { result, hits: await this.#recorder.end(node) };
    } finally {
      if (work.name === preparation && policies === this.#guards) this.#prepareBy(container);
      else container[Symbol.dispose]();
    }
  }

  #prepareBy(container: WorkContainer): void {
    container.unmount();
    this.#prepared = container;
    this.#layers = [container.layer, images.debian];
  }

  get #running(): TestNode {
    assert.ok(this.#node, "the node did not start");
    return this.#node;
  }

  async end(work: readonly Work[]): Promise<void> {
    if (GANDER_CORPUS_HITS !== undefined)
      writeFileSync(GANDER_CORPUS_HITS, hitTable(work, this.#others, this.#seen));
    this.#prepared?.[Symbol.dispose]();
    await this.#node?.[Symbol.asyncDispose]();
  }
}
