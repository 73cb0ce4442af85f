// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { buildBtf } from "@gander/btf/testing";
import { expect, it } from "vitest";
import { check, repository } from "./test-check.ts";

const policy = `apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata:
  name: connects
spec:
  kprobes:
    - call: security_fresh
      syscall: false
      args:
        - index: 0
          type: path
`;

function fleet() {
  const files = repository({ "policy.yaml": policy });
  const old = buildBtf({ functions: ["int tcp_connect(struct sock *sk)"] });
  const recent = buildBtf({ functions: ["int security_fresh(struct file *file)"] });
  writeFileSync(join(files.root, "6.1.btf"), old);
  writeFileSync(join(files.root, "6.12.btf.gz"), gzipSync(recent));
  writeFileSync(join(files.root, "cut.btf"), old.subarray(0, 40));
  return files;
}

it("names the kernels where a policy can't work, with the line", async () => {
  using files = fleet();
  const kernels = ["6.1.btf", "6.12.btf.gz"].map((name) => join(files.root, name)).join(",");
  const { status, out } = await check(["--kernel-btf", kernels, join(files.root, "policy.yaml")]);
  expect(out).toMatch(
    /error\[kernel-argument\]: spec\.kprobes\[0\]\.args\[0\]\.type: argument 0 of security_fresh is a struct file \*, not a path \(kernel 6\.12\.btf\.gz\)/,
  );
  expect(out).toContain("policy.yaml:11:17");
  expect(out).toMatch(
    /warning\[kernel-no-function\]: .*no function security_fresh, as far as its types tell \(kernel 6\.1\.btf\)/,
  );
  expect(status).toBe(1);
});

it.each([
  [
    "cut.btf",
    /Cannot read the kernel's types in .*cut\.btf: Cannot read BTF: it is cut\b.*\n?.*vmlinux/s,
  ],
  ["missing.btf", /missing\.btf: ENOENT/],
])("can't look at %s", async (name, expected) => {
  using files = fleet();
  const kernel = join(files.root, name);
  const { status, err } = await check(["--kernel-btf", kernel, join(files.root, "policy.yaml")]);
  expect(status).toBe(2);
  expect(err).toMatch(expected);
});
