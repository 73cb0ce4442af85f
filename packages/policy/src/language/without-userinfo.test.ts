// SPDX-License-Identifier: Apache-2.0
import { expect, it } from "vitest";
import { checkPolicy } from "../check-policy.ts";
import { formatProblems } from "../format-problems.ts";
import { withoutUserinfo } from "./without-userinfo.ts";

it.each([
  ["https://me:secret@canary.example/", "https://*********@canary.example/"],
  ["http://secret@a/b@c", "http://******@a/b@c"],
  ["http://a:p@ss@b/", "http://******@b/"],
  ["https://canary.example/?mail=me@example", "https://canary.example/?mail=me@example"],
  ["me@example", "me@example"],
])("%s", (text, expected) => expect(withoutUserinfo(text)).toBe(expected));

it.each([
  "https://me:secret@canary.example/",
  "ftp://me:secret@canary.example/",
  "http://me:secret@[/",
])("no report of a policy has the password of %s", (url) => {
  const text = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: a}
spec:
  kprobes:
    - call: sys_dup
      selectors:
        - matchActions:
            - {action: GetUrl, argUrl: "${url}"}
            - {action: GetUrl, argurl: "${url}"}
`;
  const { problems = [] } = checkPolicy(text, { file: "a" });
  const report = formatProblems(problems, { color: false, sources: new Map([["a", text]]) });
  expect(problems.length).toBeGreaterThan(0);
  expect(report).toContain("canary.example".slice(0, url.includes("[") ? 0 : undefined));
  expect(`${report}${JSON.stringify(problems)}`).not.toContain("secret");
});
