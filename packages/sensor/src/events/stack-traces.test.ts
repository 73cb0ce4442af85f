// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStackTraces } from "./stack-traces.ts";

/** As a trampoline on vfs_rename records it. */
const recorded = [0x1182n, 0x1278n, 0x9100n, 0x9010n, 0xa043n, 0x2009n, 0x3087n];
const kernel = [
  "0000000000001000 T __bpf_get_stack",
  "0000000000001200 T __bpf_get_task_stack",
  "0000000000002000 T vfs_rename",
  "0000000000003000 T do_syscall_64",
  "0000000000008000 t nft_do_chain\t[nf_tables]",
];
const programs = [
  "0000000000009000 t bpf_prog_192a6d9d3b6b973d_evaluate\t[bpf]",
  "0000000000009080 t bpf_prog_a9774080612d128c_emit_hook\t[bpf]",
  "000000000000a000 t bpf_trampoline_6442494918\t[bpf]",
];

describe("stacks of the kernel", () => {
  let root = "";
  const write = (...lines: readonly string[]) =>
    writeFileSync(join(root, "kallsyms"), `${lines.join("\n")}\n`);
  const create = () => createStackTraces({ exposeAddresses: false, procRoot: root });
  const symbols = (stacks = create(), addresses = recorded) =>
    stacks.kernel(addresses).map(({ symbol, offset }) => `${symbol}+${offset}`);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "gander-stacks-"));
    vi.useFakeTimers({ toFake: ["performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
    rmSync(root, { recursive: true });
  });

  it("begin with the hooked function", () => {
    write(...kernel, ...programs);
    expect(symbols()).toEqual(["vfs_rename+9", "do_syscall_64+135"]);
  });

  it("begin with it in a module, too", () => {
    write(...kernel, ...programs);
    expect(symbols(create(), [0x1182n, 0x9100n, 0xa043n, 0x8004n, 0x3087n])).toEqual([
      "nft_do_chain+4",
      "do_syscall_64+135",
    ]);
  });

  it("know programs that came after the first stack", () => {
    write(...kernel);
    const stacks = create();
    expect(symbols(stacks)).toHaveLength(recorded.length);
    write(...kernel, ...programs);
    expect(symbols(stacks)).toHaveLength(recorded.length);
    vi.advanceTimersByTime(61_000);
    expect(symbols(stacks)).toEqual(["vfs_rename+9", "do_syscall_64+135"]);
  });

  it("are whole where the kernel names nothing", () => {
    write();
    expect(symbols()).toEqual(recorded.map(() => "+0"));
  });
});
