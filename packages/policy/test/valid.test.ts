// SPDX-License-Identifier: Apache-2.0
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkPolicy } from "../src/index.ts";

const read = (url: URL) => readFileSync(url, "utf8");
const listed = (path: string) => {
  const directory = new URL(path, import.meta.url);
  return readdirSync(directory)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => new URL(name, directory));
};
const policies = [...listed("./fixtures/valid/"), ...listed("../../../policies/examples/")];

/** 64-bit numbers as text, keys as they come: for reading, not for digests. */
const asJson = (value: unknown) =>
  `${JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? `${item}` : item), 2)}\n`;

describe("valid policies compile to what is committed", () => {
  it.each(policies.map((url) => [url.pathname.split("/").at(-1) ?? "", url] as const))(
    "%s",
    async (name, url) => {
      const { value, problems } = checkPolicy(read(url), { file: name });
      expect(problems).toBeUndefined();
      const golden = new URL(
        `./fixtures/golden/${name.replace(".yaml", ".json")}`,
        import.meta.url,
      );
      await expect(asJson(value?.map(({ compiled }) => compiled))).toMatchFileSnapshot(
        golden.pathname,
      );
    },
  );
});

it("says what it passes over", () => {
  const url = new URL("./fixtures/valid/namespaced.yaml", import.meta.url);
  const { value } = checkPolicy(read(url), { file: "namespaced.yaml" });
  expect(value?.map(({ warnings }) => warnings.map(({ code, line }) => `${code} ${line}`))).toEqual(
    [["yaml-other-kind 3"], []],
  );
});

/** They stand for files that people have: a formatter that touches them would hide what has to be read. */
it.each([
  ["detect-tmp-exec", "76d45aab08c1538aba16a2c5b2ff852c63fe138b70b660955343c4707dcccbe3"],
  ["file-monitoring-filtered", "ba30cdb8f13a9594976b3d2239e7d9c279e3467e58c1c855672c1d1a5882c2d9"],
  [
    "monitor-network-activity-outside-cluster",
    "8b226762fe5da797e6c28d03a811c152cc108f0840f6b1a78ad79197a24731b0",
  ],
])("example %s has not changed by a byte", (name, digest) => {
  const text = read(new URL(`../../../policies/examples/${name}.yaml`, import.meta.url));
  expect(createHash("sha256").update(text).digest("hex")).toBe(digest);
});

it("the examples have no warnings", () => {
  for (const url of listed("../../../policies/examples/")) {
    expect(
      checkPolicy(read(url), { file: "a" }).value?.flatMap(({ warnings }) => warnings),
    ).toEqual([]);
  }
});
