// SPDX-License-Identifier: Apache-2.0
import { createLogger } from "@gander/base";
import { expect, it } from "vitest";
import { BundleSaver } from "./bundle-saver.ts";
import { noState } from "./node-state.ts";

const bundle = (epoch: number) => ({
  state: { ...noState, epoch },
  standIns: new Map(),
  absent: new Set<string>(),
});

function saverOf(save: (epoch: number) => Promise<void>) {
  const lines: string[] = [];
  const floors: number[] = [];
  const store = {
    save: (one: ReturnType<typeof bundle>) => save(one.state.epoch),
    raiseFloor: async (epoch: number) => void floors.push(epoch),
  };
  const logger = createLogger({ write: (line) => void lines.push(JSON.parse(line).message) });
  const saver = new BundleSaver({ store, logger }, { retryMs: 5, patienceMs: 30 });
  return { saver, lines, floors };
}

it("a failure is said once, tried again with the latest, and its end is said", async () => {
  const saved: number[] = [];
  let full = true;
  const { saver, lines, floors } = saverOf(async (epoch) => {
    if (full) throw new Error("ENOSPC");
    saved.push(epoch);
  });
  await using _ = saver;
  await saver.save(bundle(1));
  await saver.save(bundle(2));
  expect([saver.problem, lines.length, saved]).toEqual(["ENOSPC", 1, []]);
  expect(floors).toEqual(expect.arrayContaining([1, 2]));
  full = false;
  await expect.poll(() => saver.problem).toBe("");
  expect(saved).toEqual([2]);
  expect(lines).toEqual([
    expect.stringContaining("cannot be stored"),
    expect.stringContaining("again"),
  ]);
});

it("a disk that doesn't answer holds nothing back; the latest goes when it does", async () => {
  const saved: number[] = [];
  const answer = Promise.withResolvers<void>();
  const { saver } = saverOf(async (epoch) => {
    await answer.promise;
    saved.push(epoch);
  });
  await using _ = saver;
  for (const epoch of [1, 2, 3]) await saver.save(bundle(epoch));
  expect([saver.problem, saved]).toEqual(["the disk does not answer", []]);
  answer.resolve();
  await expect.poll(() => saved).toEqual([1, 3]);
  expect(saver.problem).toBe("");
});
