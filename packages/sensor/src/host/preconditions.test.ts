// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import {
  capabilities,
  effectiveCapabilities,
  type Host,
  missingPreconditions,
} from "./preconditions.ts";

const places = {
  ...{ bpfFolder: "/sys/fs/bpf/gander", cgroupRoot: "/sys/fs/cgroup" },
  holdsPods: true,
};
const all = Object.values(capabilities).reduce((bits, { bit }) => bits | (1n << bit), 0n);
const sysAdmin = 1n << 21n;
const able: Host = {
  release: "6.1.0-32-cloud-amd64",
  capabilities: all,
  pidNamespace: 0xeffffffcn,
  fileSystem: (path) => (path === places.bpfFolder ? 0xcafe4a11 : 0x63677270),
  exists: () => true,
  functions: () => new Set(),
};
const backports = () => new Set(["bpf_loop", "get_func_arg", "bpf_strncmp"]);

function check(host: Partial<Host>, expected: readonly RegExp[], purpose?: "remove") {
  const missing = missingPreconditions({ ...able, ...host }, places, purpose);
  expect(missing.length, missing.join("\n")).toBe(expected.length);
  for (const [i, sentence] of missing.entries()) expect(sentence).toMatch(expected[i] ?? /^$/);
}

describe("what a start lacks", () => {
  it.each(["6.1.0", "6.12.57+deb13-cloud-amd64", "7.0.0-rc1"])("nothing on %s", (release) =>
    check({ release }, []),
  );
  it.each(["5.15.0-91-generic", "6.0.19", "4.18.0-553.el8"])("is a newer kernel on %s", (release) =>
    check({ release }, [
      /^The kernel is Linux .* lacks bpf_loop and bpf_get_func_arg, .*: run Linux 6\.1 or newer\.$/,
    ]),
  );
  it("is not a newer kernel where the distribution has added what is needed", () => {
    check({ release: "5.14.0-570.el9_6.x86_64", functions: backports }, []);
    const some = () => new Set(["bpf_loop"]);
    check({ release: "5.16.0", functions: some }, [/ lacks bpf_get_func_arg, /]);
  });
  it.each(Object.entries(capabilities))("is CAP_%s", (name, { bit }) =>
    check({ capabilities: all & ~(1n << bit) }, [new RegExp(`^CAP_${name} is missing, .*\\.$`)]),
  );
  it("is not BPF or PERFMON where there is SYS_ADMIN", () =>
    check({ capabilities: (all & ~(3n << 38n)) | sysAdmin }, []));
  it("is not KILL unless it is to hold processes of new pods", () =>
    expect(
      missingPreconditions(
        { ...able, capabilities: all & ~(1n << 5n) },
        { ...places, holdsPods: false },
      ),
    ).toEqual([]));
  it("is the host's pid namespace, only if it is to hold processes", () => {
    check({ pidNamespace: 0xf0000001n }, [/not in the host's pid namespace.* set hostPID /]);
    const wanted = { ...places, holdsPods: false };
    expect(missingPreconditions({ ...able, pidNamespace: 0xf0000001n }, wanted)).toEqual([]);
  });
  it("is BTF", () =>
    check({ exists: (path) => !path.startsWith("/sys/kernel/btf") }, [/^BTF is missing/]));
  it("is tracefs only if it is at neither place", () => {
    check({ exists: (path) => !path.startsWith("/sys/kernel/tracing") }, []);
    check({ exists: (path) => !path.includes("tracing") }, [/^tracefs is missing/]);
  });
  it("is bpffs", () =>
    check({ fileSystem: (path) => (path === places.bpfFolder ? 0x62656572 : 0x63677270) }, [
      /^A bpf file system is missing at \/sys\/fs\/bpf,/,
    ]));
  it("is cgroup v2, where v1 is mounted beside it", () =>
    check({ fileSystem: (path) => (path === places.bpfFolder ? 0xcafe4a11 : 0x01021994) }, [
      /^cgroup v2 is missing at \/sys\/fs\/cgroup,/,
    ]));
  it("is all of it, at once", () =>
    check({ release: "5.4", capabilities: 0n, fileSystem: () => 0, exists: () => false }, [
      /Linux 5\.4/,
      ...Object.keys(capabilities).map((name) => new RegExp(`^CAP_${name} `)),
      ...[/BTF/, /tracefs/, /bpf file system/, /cgroup v2/],
    ]));
});

it("removes with less than a start needs", () =>
  check(
    { release: "5.4", capabilities: 0n, exists: () => false },
    [/^CAP_BPF/, /^CAP_PERFMON/],
    "remove",
  ));

it("reads the capabilities in effect, not those permitted", () => {
  const status = "Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t000000c000000004\n";
  expect(effectiveCapabilities(status)).toBe((3n << 38n) | 4n);
});
