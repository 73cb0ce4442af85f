// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { isPodsRoot, podUidOf } from "./cgroup-names.ts";

const uid = "0a1b2c3d-1111-2222-3333-0123456789ab";
const under = uid.replaceAll("-", "_");
const hash = "0123456789abcdef0123456789abcdef";

describe("pod UID in the name of a cgroup", () => {
  it.each([
    [`kubepods-burstable-pod${under}.slice`, uid],
    [`kubepods-besteffort-pod${under}.slice`, uid],
    [`kubepods-pod${under}.slice`, uid],
    [`kubelet-kubepods-burstable-pod${under}.slice`, uid],
    [`pod${uid}`, uid],
    [`pod${hash}`, hash],
    [`kubepods-burstable-pod${hash}.slice`, hash],
    ["kubepods-burstable.slice", ""],
    [`my-pod${uid}`, ""],
    [`pod${uid}0`, ""],
    [`podman-${uid}`, ""],
    ["pod", ""],
  ])("%s", (name, expected) => {
    expect(podUidOf(name)).toBe(expected);
  });
});

describe("where pods are", () => {
  it.each([
    ["kubepods", true],
    ["kubepods.slice", true],
    ["kubelet-kubepods.slice", true],
    ["kubepods-burstable.slice", false],
    ["kubelet.slice", false],
    ["notkubepods", false],
  ])("%s: %s", (name, expected) => {
    expect(isPodsRoot(name)).toBe(expected);
  });
});
