// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { parseTracepointFormat } from "./tracepoint-format.ts";

const openat = `name: sys_enter_openat
ID: 683
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;
\tfield:int dfd;\toffset:16;\tsize:8;\tsigned:0;
\tfield:const char * filename;\toffset:24;\tsize:8;\tsigned:0;

print fmt: "dfd: 0x%08lx", ((unsigned long)(REC->dfd))
`;

const exec = `name: sched_process_exec
ID: 311
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;
\tfield:pid_t pid;\toffset:12;\tsize:4;\tsigned:1;
\tfield:char comm[16];\toffset:16;\tsize:16;\tsigned:0;
`;

describe("parseTracepointFormat", () => {
  it("gives all fields in their order", () => {
    expect(parseTracepointFormat(openat)).toEqual({
      id: 683,
      fields: [
        {
          name: "common_type",
          type: "unsigned short",
          offsetBytes: 0,
          sizeBytes: 2,
          signed: false,
        },
        { name: "common_pid", type: "int", offsetBytes: 4, sizeBytes: 4, signed: true },
        { name: "__syscall_nr", type: "int", offsetBytes: 8, sizeBytes: 4, signed: true },
        { name: "dfd", type: "int", offsetBytes: 16, sizeBytes: 8, signed: false },
        { name: "filename", type: "const char *", offsetBytes: 24, sizeBytes: 8, signed: false },
      ],
    });
  });

  it("keeps arrays and dynamic strings apart from plain fields", () => {
    expect(parseTracepointFormat(exec).fields.map(({ name, type }) => [name, type])).toEqual([
      ["common_type", "unsigned short"],
      ["filename", "__data_loc char[]"],
      ["pid", "pid_t"],
      ["comm", "char[16]"],
    ]);
  });
});
