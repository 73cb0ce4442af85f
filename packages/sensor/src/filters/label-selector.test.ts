// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { labelSelector } from "./label-selector.ts";

const labels = { app: "web", "app.kubernetes.io/name": "x", empty: "" };

describe("label selector", () => {
  it.each([
    ["app=web", true],
    ["app==web", true],
    ["app != web", false],
    ["other!=web", true],
    ["app in (db, web)", true],
    ["app in (db)", false],
    ["app notin (db)", true],
    ["other notin (db)", true],
    ["other in (db)", false],
    ["app", true],
    ["!app", false],
    ["!other", true],
    ["app=web,app.kubernetes.io/name in (x,y)", true],
    ["app=web,app.kubernetes.io/name=y", false],
    ["empty=", true],
    ["toString", false],
  ])("%s: %s", (text, expected) => {
    const selector = labelSelector(text);
    if (typeof selector !== "function") throw new Error(selector.problem);
    expect(selector(labels)).toBe(expected);
  });

  it.each(["app=a b", "=x", "app in web", "app,,b", ""])("refuses %j", (text) => {
    expect(labelSelector(text)).toMatchObject({
      problem: expect.stringContaining("no label requirement"),
    });
  });
});
