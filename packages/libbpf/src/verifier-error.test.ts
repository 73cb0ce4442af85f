// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { BpfError } from "./bpf-error.ts";
import { VerifierError } from "./index.ts";
import { findVerifierLog, quoteVerifierLog } from "./verifier-error.ts";

const log = `reg type unsupported for arg#0 function refused#12
0: R1=ctx(off=0,imm=0) R10=fp0
; __u64 *value = bpf_map_lookup_elem(&counters, &key);
7: (85) call bpf_map_lookup_elem#1    ; R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)
; return *value;
8: (79) r0 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 8 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`;

describe("the verifier's log", () => {
  it("is quoted without what says nothing", () => {
    expect(quoteVerifierLog(log)).toEqual([
      "; __u64 *value = bpf_map_lookup_elem(&counters, &key);",
      "7: (85) call bpf_map_lookup_elem#1    ; R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0)",
      "; return *value;",
      "8: (79) r0 = *(u64 *)(r0 +0)",
      "R0 invalid mem access 'map_value_or_null'",
    ]);
  });

  it("is found in what libbpf says", () => {
    const said = `libbpf: prog 'refused': BPF program load failed: Permission denied
libbpf: prog 'refused': -- BEGIN PROG LOAD LOG --
${log}-- END PROG LOAD LOG --
libbpf: prog 'refused': failed to load: -13
`;
    expect(findVerifierLog(said)).toEqual({ program: "refused", log });
    expect(findVerifierLog("libbpf: something else")).toBeUndefined();
  });

  it("makes the error's message", () => {
    const error = new VerifierError("refused", 13, log);
    expect(error).toBeInstanceOf(BpfError);
    expect(error.message).toMatch(/^Cannot load program "refused": R0 invalid mem access/);
    expect(error).toMatchObject({ name: "VerifierError", code: "VERIFIER", errno: 13, log });
  });

  it("may be empty or huge", () => {
    expect(new VerifierError("x", 7, "").message).toContain("E2BIG");
    expect(quoteVerifierLog("1: (bf) r1 = r2\n".repeat(1 << 20))).toHaveLength(6);
  });
});
