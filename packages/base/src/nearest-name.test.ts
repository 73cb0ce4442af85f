// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { nearestName } from "./nearest-name.ts";

const fields = ["matchArgs", "matchPIDs", "matchActions", "matchBinaries", "syscall", "call"];

describe("nearestName", () => {
  it.each([
    ["matchArg", "matchArgs"],
    ["match_args", "matchArgs"],
    ["matchPids", "matchPIDs"],
    ["matchBinary", "matchBinaries"],
    ["sycsall", "syscall"],
    ["cal", "call"],
    ["podSelector", undefined],
    ["", undefined],
    ["x", undefined],
  ])("%s → %s", (word, expected) => {
    expect(nearestName(word, fields)).toBe(expected);
  });

  it.each([
    ["NotSubString", undefined],
    ["notSubString", undefined],
    ["SubStrng", "SubString"],
    ["NotPrefx", "NotPrefix"],
    ["notprefix", "NotPrefix"],
    ["NotPefix", "NotPrefix"],
    ["Pefix", "Prefix"],
    ["Equl", "Equal"],
    ["NotEqul", "NotEqual"],
    ["NoSigkill", undefined],
    ["NoPosts", "NoPost"],
    ["Unfollow", undefined],
    ["UntrackSocket", "UntrackSock"],
    ["TrackSocket", "TrackSock"],
    ["NotifyEnforcr", "NotifyEnforcer"],
    ["NofityEnforcer", "NotifyEnforcer"],
    ["nodeSelectr", "nodeSelector"],
  ])("%s does not become its opposite: %s", (word, expected) => {
    const words =
      "SubString Prefix NotPrefix Equal NotEqual Post NoPost Sigkill TrackSock UntrackSock Follow NotifyEnforcer nodeSelector";
    expect(nearestName(word, words.split(" "))).toBe(expected);
  });

  it("takes no time for words of any length", () => {
    expect(nearestName("a".repeat(1_000_000), fields)).toBeUndefined();
  });
});
