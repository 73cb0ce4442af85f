// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { containerIdOf } from "./container-id.ts";

const id = "0123456789abcdef".repeat(4);

describe("container id", () => {
  it.each([
    [`cri-containerd-${id}.scope`, id],
    [`docker-${id}.scope`, id],
    [`crio-${id}.scope`, id],
    [id, id],
    [`kubepods:cri-containerd:${id}`, id],
    ["user.slice", ""],
    [`crio-${id}`, id],
    [`libpod-${id}.scope`, id],
    [`crio-conmon-${id}x.scope`, ""],
    [`crio-conmon-${id}.scope`, ""],
    [`crio-conmon-${id}`, ""],
    [`libpod-conmon-${id}.scope`, ""],
    [id.slice(1), ""],
  ])("%s", (name, expected) => {
    expect(containerIdOf(name)).toBe(expected);
  });
});
