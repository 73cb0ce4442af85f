// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { defaultRollout, rolloutSettings } from "./rollout-settings.ts";

const read = (annotations: Record<string, string>) => rolloutSettings(annotations, defaultRollout);

describe("what a policy asks for", () => {
  it("is the default where it says nothing", () => {
    expect(read({ other: "x" })).toEqual({
      ...defaultRollout,
      isPaused: false,
      promote: undefined,
      abort: undefined,
      problems: [],
    });
  });

  it.each([
    [{ "gander.dev/rollout": "canary" }, { strategy: "canary" }],
    [{ "gander.dev/canary": "3" }, { canary: { nodes: 3 } }],
    [{ "gander.dev/canary": "25%" }, { canary: { fraction: 0.25 } }],
    [{ "gander.dev/canary-duration": "1h30m" }, { canaryMs: 5_400_000 }],
    [{ "gander.dev/canary-duration": "0s" }, { canaryMs: 0 }],
    [{ "gander.dev/paused": "true" }, { isPaused: true }],
    [{ "gander.dev/paused": " false" }, { isPaused: false }],
    [{ "gander.dev/promote": "7" }, { promote: 7 }],
    [{ "gander.dev/abort": "7" }, { abort: 7 }],
  ])("of %j is %j", (annotations, expected) => {
    expect(read(annotations)).toMatchObject({ ...expected, problems: [] });
  });

  it.each([
    [{ "gander.dev/rollout": "blue-green" }, { strategy: "canary" }],
    [{ "gander.dev/canary": "0" }, { canary: { nodes: 1 } }],
    [{ "gander.dev/canary": "101%" }, { canary: { nodes: 1 } }],
    [{ "gander.dev/canary": "a few" }, { canary: { nodes: 1 } }],
    [{ "gander.dev/canary-duration": "soon" }, { canaryMs: 604_800_000 }],
    [{ "gander.dev/canary-duration": "30d" }, { canaryMs: 604_800_000 }],
    [{ "gander.dev/paused": "yes" }, { isPaused: true }],
    [{ "gander.dev/promote": "latest" }, { promote: undefined }],
    [{ "gander.dev/abort": "-1" }, { abort: undefined }],
  ])("of %j can't be understood, and is the careful %j", (annotations, expected) => {
    const settings = read(annotations);
    expect(settings).toMatchObject(expected);
    const [key = "", value] = Object.entries(annotations)[0] ?? [];
    expect(settings.problems).toEqual([
      expect.stringMatching(`^annotation ${key}: "${value}" is not `),
    ]);
  });
});
