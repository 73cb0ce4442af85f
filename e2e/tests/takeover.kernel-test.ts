// SPDX-License-Identifier: Apache-2.0
// A sensor is replaced by another one in its pod, with the chart's rights and no others, and killed in the
// middle of it. Forbidden writes are tried all the time: none lands, and no start is in vain.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { after, before, describe, test } from "node:test";
import { BpfMap } from "../../packages/libbpf/src/index.ts";
import { type RunningAttack, run, startAttack } from "./lib/attack.ts";
import { PodSensors } from "./lib/pod-sensor.ts";
import { readSeedPolicies } from "./lib/sensor.ts";

const attacked = "/etc/attacked-file";
const pins = "/sys/fs/bpf/gander";
const smallRing = 1 << 20;
const largeRing = 2 << 20;
const guard = Object.fromEntries(
  Object.entries(readSeedPolicies()).filter(([name]) =>
    name.startsWith("file-monitoring-filtered"),
  ),
);

describe("takeover with the chart's rights", { timeout: 1_500_000 }, () => {
  let sensors: PodSensors;
  let attack: RunningAttack;
  before(async () => {
    writeFileSync("/var/tmp/attacked-file", "");
    run("mv", ["/var/tmp/attacked-file", attacked]);
    sensors = new PodSensors(guard);
    await started({ ringBytes: smallRing });
    attack = startAttack("loop-write", "1500", "1", attacked);
  });
  after(async () => {
    attack?.process.stdin.end();
    await sensors?.[Symbol.asyncDispose]();
  });

  async function started(options: Parameters<PodSensors["start"]>[0]): Promise<string> {
    assert.equal(await sensors.start(options), "ready", sensors.log());
    return sensors.log();
  }

  /** The attack has gone on, and nothing came of it. */
  async function assertGuarded(): Promise<void> {
    const now = await nextTally(attack);
    const later = await nextTally(attack);
    assert.ok(later.attempts > now.attempts, "the attack has ended");
    assert.equal(later.succeeded, 0, JSON.stringify(later));
    assert.equal(readFileSync(attacked, "utf8"), "");
  }

  test("restart, upgrade, downgrade", async () => {
    for (const stop of [() => sensors.kill(), () => sensors.end()]) {
      await stop();
      const restarted = await started({ ringBytes: smallRing });
      assert.match(restarted, /"found":"same"/);
      assert.doesNotMatch(restarted, /cannot be/);
    }
    for (const ringBytes of [largeRing, smallRing]) {
      await sensors.kill();
      assert.match(await started({ ringBytes }), /"found":"other"/);
      assertOneBuild();
    }
    await assertGuarded();
  });

  test("pins of a sensor that pinned no programs are replaced; with more rights they are kept", async () => {
    await sensors.kill();
    removePrograms();
    const replaced = await started({ ringBytes: smallRing });
    assert.match(replaced, /cannot be used/);
    assertOneBuild();
    await assertGuarded();
    await sensors.kill();
    removePrograms();
    const kept = await started({ ringBytes: smallRing, unconfined: true });
    assert.doesNotMatch(kept, /cannot be used/);
    await sensors.kill();
    assert.doesNotMatch(await started({ ringBytes: smallRing }), /cannot be used/);
    await assertGuarded();
  });

  test("pins that are of another kind, or gone, are replaced", async () => {
    writeStray(`${pins}/stray`);
    for (const spoil of [
      () => rmSync(`${build()}/maps/config`),
      () => {
        replaceByMap(`${build()}/maps/${programs()[0]}`);
        replaceByMap(`${build()}/links/process__exec`);
      },
    ]) {
      await sensors.kill();
      spoil();
      await started({ ringBytes: smallRing });
      await assertGuarded();
    }
    rmSync(`${pins}/stray`);
    assertOneBuild();
  });

  test("what sensors left that died right before they were done is removed", async () => {
    await sensors.kill();
    // The last of another build's pins was gone, and a lock that nobody holds was moved away.
    for (const name of ["links", "maps"]) mkdirSync(`${pins}/0123/${name}`, { recursive: true });
    symlinkSync("999999999 1", `${pins}/lock-999999999`);
    assert.match(await started({ ringBytes: smallRing }), /"found":"same"/);
    assertOneBuild();
    await assertGuarded();
  });

  test("it is killed in the middle of a restart, and of an upgrade", async () => {
    for (const [rings, samples] of [
      [[smallRing, smallRing], 3],
      [[largeRing, smallRing], 6],
    ] as const) {
      const [ring, next] = rings;
      await sensors.kill();
      await started({ ringBytes: ring, killAt: 0 });
      await sensors.end();
      const total = sensors.changes;
      assert.ok(total > 3, `only ${total} calls change something`);
      let died = 0;
      for (let i = 0; i < samples; i++) {
        const killAt = 1 + Math.floor((i * total) / samples);
        const ringBytes = i % 2 === 0 ? next : ring;
        if ((await sensors.start({ ringBytes, killAt })) === "dead") died++;
        await sensors.end();
        assert.doesNotMatch(sensors.log(), /unexpected error|"level":"error"/);
      }
      assert.ok(
        died >= samples / 2,
        `${died} of ${samples} were killed on the way (${total} calls)`,
      );
      await started({ ringBytes: next });
      assertOneBuild();
      await assertGuarded();
    }
  });

  /** The pins of all others are gone, and so is what those had who died: the sensor's lock is all else. */
  function assertOneBuild(): void {
    const names = readdirSync(pins).sort();
    assert.deepEqual(names, [basename(build()), "lock"].sort(), names.join());
  }

  function build(): string {
    const folder = readdirSync(pins, { withFileTypes: true }).find((one) => one.isDirectory());
    return `${pins}/${folder?.name}`;
  }

  function programs(): string[] {
    return readdirSync(`${build()}/maps`).filter((name) => name.startsWith("program_"));
  }

  function removePrograms(): void {
    assert.ok(programs().length > 0);
    for (const name of programs()) rmSync(`${build()}/maps/${name}`);
  }
});

type Tally = { readonly attempts: number; readonly succeeded: number };

async function nextTally(attack: RunningAttack): Promise<Tally> {
  const line = await attack.nextLine();
  assert.ok(line !== undefined, "the attack has ended");
  return JSON.parse(line);
}

function replaceByMap(path: string): void {
  rmSync(path);
  writeStray(path);
}

function writeStray(path: string): void {
  using map = BpfMap.create({ type: "array", name: "stray", valueSize: 4, maxEntries: 1 });
  map.pin(path);
}
