// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from "vitest";
import { compactLine } from "./compact.ts";
import type { EventJson } from "./event-json.ts";

const PLAIN = { color: false, timestamps: false, stackTraces: true };
const TIME = "2026-11-20T06:35:58.446086615Z";

type Fields = Readonly<Record<string, unknown>>;

function process(binary: string, args = "", more: Fields = {}): Fields {
  return { exec_id: "bm9kZToxOjI=", pid: 42, binary, arguments: args, ...more };
}

function event(kind: string, body: Fields): EventJson {
  return { [kind]: body, node_name: "node-1", time: TIME };
}

function call(name: string, args: readonly Fields[], more: Fields = {}): EventJson {
  return event("process_kprobe", {
    process: process("/usr/bin/bash"),
    function_name: name,
    args,
    action: "KPROBE_ACTION_POST",
    policy_name: "p",
    ...more,
  });
}

const sock = (daddr: string): Fields => ({
  sock_arg: {
    family: "AF_INET",
    type: "SOCK_STREAM",
    protocol: "IPPROTO_TCP",
    saddr: "10.0.0.1",
    sport: 4711,
    daddr,
    dport: 443,
  },
});
const killed = { action: "KPROBE_ACTION_SIGKILL" };
const file = (path: string): Fields => ({ file_arg: { path } });

describe("compactLine", () => {
  it.each<[string, EventJson]>([
    ["🚀 process node-1 /bin/ls", event("process_exec", { process: process("/bin/ls") })],
    ["🚀 process node-1 /bin/ls -l", event("process_exec", { process: process("/bin/ls", "-l") })],
    [
      '🚀 process node-1 "/opt/my app" "-c \\"echo foo >> /etc/bar\\""',
      event("process_exec", { process: process("/opt/my app", '-c "echo foo >> /etc/bar"') }),
    ],
    [
      "🚀 process shop/cart-0 /bin/ls",
      event("process_exec", {
        process: process("/bin/ls", "", { pod: { namespace: "shop", name: "cart-0" } }),
      }),
    ],
    ...(
      [
        ["alice", { kind: "exec", user: "alice", candidates: [{ user: "alice" }] }],
        ['"a\\x1b b"', { kind: "exec", user: "a\u001b b" }],
        ["alice or bob", { candidates: [{ user: "alice" }, { user: "bob" }, { user: "bob" }] }],
        ["alice or kubelet", { candidates: [{ user: "alice" }, { kind: "kubelet" }] }],
        ["unannounced", { unannounced: true }],
      ] as const
    ).map(([user, session]): [string, EventJson] => [
      `🚀 process node-1 /bin/ls 👤 ${user}`,
      event("process_exec", { process: process("/bin/ls", "", { session }) }),
    ]),
    [
      "🚀 process node-1 /bin/ls",
      event("process_exec", { process: process("/bin/ls", "", { session: { kind: "kubelet" } }) }),
    ],
    [
      "💥 exit    node-1 /bin/ls -l 0",
      event("process_exit", { process: process("/bin/ls", "-l") }),
    ],
    [
      "💥 exit    node-1 /bin/ls 3",
      event("process_exit", { process: process("/bin/ls"), status: 3 }),
    ],
    [
      "💥 exit    node-1 /bin/sh SIGKILL",
      event("process_exit", { process: process("/bin/sh"), signal: "SIGKILL" }),
    ],
    [
      "📝 write   node-1 /usr/bin/bash /etc/bar",
      call("security_file_permission", [file("/etc/bar"), { int_arg: 2 }]),
    ],
    [
      "📝 write   node-1 /usr/bin/bash /etc/bar ⛔ SIGKILL by p",
      call("security_file_permission", [file("/etc/bar"), { int_arg: 2 }], killed),
    ],
    [
      "📚 read    node-1 /usr/bin/bash /etc/passwd",
      call("security_file_permission", [file("/etc/passwd"), { int_arg: 4 }]),
    ],
    [
      "❓ access  node-1 /usr/bin/bash /etc",
      call("security_file_permission", [file("/etc"), { int_arg: 64 }]),
    ],
    [
      "📝 write   node-1 /usr/bin/bash /etc/bar 4 bytes",
      call("__x64_sys_write", [file("/etc/bar"), { bytes_arg: "Zm9vCg==" }, { size_arg: "4" }]),
    ],
    [
      "📬 open    node-1 /usr/bin/bash /etc/bar",
      call("fd_install", [{ int_arg: 3 }, file("/etc/bar")]),
    ],
    [
      "🔌 connect node-1 /usr/bin/bash tcp 10.0.0.1:4711 -> 192.0.2.1:443 ⛔ SIGKILL by p",
      call("tcp_connect", [sock("192.0.2.1")], killed),
    ],
    [
      "🔌 connect node-1 /usr/bin/bash tcp 10.0.0.1:4711 -> [2001:db8::1]:443",
      call("tcp_connect", [sock("2001:db8::1")]),
    ],
    [
      "🧹 close   node-1 /usr/bin/bash tcp 10.0.0.1:4711 -> 192.0.2.1:443",
      call("tcp_close", [sock("192.0.2.1")]),
    ],
    [
      "📤 sendmsg node-1 /usr/bin/bash tcp 10.0.0.1:4711 -> 192.0.2.1:443 12 bytes",
      call("tcp_sendmsg", [sock("192.0.2.1"), { int_arg: 12 }]),
    ],
    [
      "❓ syscall node-1 /usr/bin/bash security_bprm_check /tmp/evil",
      call("security_bprm_check", [{ linux_binprm_arg: { path: "/tmp/evil" } }]),
    ],
    [
      "❓ syscall node-1 /usr/bin/bash __x64_sys_symlinkat a b ⛔ DENIED by p",
      call("__x64_sys_symlinkat", [{ string_arg: "a" }, { string_arg: "b" }], {
        action: "KPROBE_ACTION_OVERRIDE",
      }),
    ],
    [
      "❓ syscall node-1 /usr/bin/bash f xyz of 9000 bytes <error EFAULT>",
      call("f", [
        { truncated_bytes_arg: { bytes_arg: "eHl6", orig_size: "9000" } },
        { error_arg: { Message: "EFAULT" } },
      ]),
    ],
    ['❓ syscall node-1 /usr/bin/bash f {"new_arg":{"a":1}}', call("f", [{ new_arg: { a: 1 } }])],
    [
      "🔒 LSM     node-1 /bin/cat file_open /etc/shadow ⛔ DENIED by p",
      event("process_lsm", {
        process: process("/bin/cat"),
        function_name: "file_open",
        args: [file("/etc/shadow")],
        action: "KPROBE_ACTION_OVERRIDE",
        policy_name: "p",
      }),
    ],
    [
      "🕵️ uprobe  node-1 /bin/login /lib/libpam.so.0:pam_authenticate 1 ⛔ SIGKILL by p",
      event("process_uprobe", {
        process: process("/bin/login"),
        path: "/lib/libpam.so.0",
        symbol: "pam_authenticate",
        args: [{ int_arg: 1 }],
        action: "KPROBE_ACTION_SIGKILL",
        policy_name: "p",
      }),
    ],
    [
      "🕵️ usdt    node-1 /usr/bin/python3 /usr/bin/python3:python:audit open",
      event("process_usdt", {
        process: process("/usr/bin/python3"),
        path: "/usr/bin/python3",
        provider: "python",
        name: "audit",
        args: [{ string_arg: "open" }],
      }),
    ],
    [
      '🕵️ uprobe  node-1 /bin/login "/opt/a b:0x401000"',
      event("process_uprobe", {
        process: process("/bin/login"),
        path: "/opt/a b",
        offset: "4198400",
      }),
    ],
    [
      "❓ syscall node-1 /bin/cat f 1 (parent=bash 7)",
      event("process_kprobe", {
        process: process("/bin/cat"),
        function_name: "f",
        args: [{ int_arg: 1 }],
        data: [{ string_arg: "bash", label: "parent" }, { int_arg: 7 }],
      }),
    ],
    [
      "🧬 loader  node-1 /bin/cat /lib/libc.so.6 0aff",
      event("process_loader", {
        process: process("/bin/cat"),
        path: "/lib/libc.so.6",
        buildid: "Cv8=",
      }),
    ],
    [
      "☎ syscall node-1 /bin/cat sys_enter 59",
      event("process_tracepoint", {
        process: process("/bin/cat"),
        subsys: "raw_syscalls",
        event: "sys_enter",
        args: [{ size_arg: "59" }],
      }),
    ],
    [
      "⁉️ sched   node-1 /bin/cat sched_switch 1",
      event("process_tracepoint", {
        process: process("/bin/cat"),
        subsys: "sched",
        event: "sched_switch",
        args: [{ int_arg: 1 }],
      }),
    ],
    [
      "🧬 lost    node-1 17 events were not sent",
      event("rate_limit_info", { number_of_dropped_process_events: "17" }),
    ],
    ["🧬 lost    node-1 an unknown number of events were not sent", event("rate_limit_info", {})],
    [
      '🧯 fuse    node-1 no-shells its fuse "5 pods in 1m" is blown: it only monitors',
      event("policy_fuse", { policy_name: "no-shells", fuse: "5 pods in 1m", state: "blown" }),
    ],
  ])("%s", (expected, input) => expect(compactLine(input, PLAIN)).toBe(expected));

  it("puts the time in front when asked", () => {
    const exec = event("process_exec", { process: process("/bin/ls") });
    expect(compactLine(exec, { ...PLAIN, timestamps: true })).toBe(
      `${TIME} 🚀 process node-1 /bin/ls`,
    );
  });

  it("marks a process that may do nearly anything at column 120", () => {
    const cap = { effective: ["CAP_CHOWN", "CAP_SYS_ADMIN"] };
    const line = compactLine(
      event("process_exec", { process: process("/bin/ls", "", { cap }) }),
      PLAIN,
    );
    expect(line).toBe(`${"🚀 process node-1 /bin/ls".padEnd(120)} 🛑 CAP_SYS_ADMIN`);
  });

  it("shows stacks on lines of their own", () => {
    const stacks = {
      kernel_stack_trace: [{ offset: "336", symbol: "tcp_connect" }],
      user_stack_trace: [{ address: "94", offset: "18", symbol: "main", module: "/usr/bin/nc" }],
    };
    expect(
      compactLine(call("tcp_connect", [sock("192.0.2.1")], stacks), PLAIN).split("\n"),
    ).toEqual([
      "🔌 connect node-1 /usr/bin/bash tcp 10.0.0.1:4711 -> 192.0.2.1:443",
      "   Kernel:",
      "   0x0: tcp_connect+0x150",
      "   User space:",
      "   0x5e: main (/usr/bin/nc+0x12)",
    ]);
  });
});

const HOSTILE = "x\u001b[2J\u001b]0;owned\u0007\n🚀 process forged\r\u009b31m\u202e\ud800";

describe("compactLine and hostile text", () => {
  const everywhere: readonly EventJson[] = [
    event("process_exec", {
      process: process(HOSTILE, HOSTILE, { pod: { namespace: HOSTILE, name: HOSTILE } }),
    }),
    event("process_exit", { process: process(HOSTILE, HOSTILE), signal: HOSTILE, status: HOSTILE }),
    call(HOSTILE, [{ string_arg: HOSTILE }, { [HOSTILE]: HOSTILE }], killed),
    call("security_file_permission", [file(HOSTILE), { int_arg: HOSTILE }], {
      ...killed,
      policy_name: HOSTILE,
    }),
    call("tcp_connect", [
      { sock_arg: { protocol: HOSTILE, saddr: HOSTILE, daddr: HOSTILE, dport: HOSTILE } },
    ]),
    call("f", [
      { bytes_arg: Buffer.from(HOSTILE).toString("base64") },
      { error_arg: { Message: HOSTILE } },
    ]),
    event("process_tracepoint", { process: process("x"), subsys: HOSTILE, event: HOSTILE }),
    event("process_lsm", { process: process("x"), function_name: HOSTILE }),
    { process_exec: { process: process("x") }, node_name: HOSTILE, time: HOSTILE },
    { rate_limit_info: { number_of_dropped_process_events: HOSTILE } },
  ];

  it.each(everywhere.map((input, index) => [index, input] as const))(
    "stays one line without control characters (%i)",
    (_index, input) => {
      const line = compactLine(input, { ...PLAIN, timestamps: true });
      // The variation selector of an emoji is a mark; everything of categories C and Zl/Zp is not ours.
      expect(line).not.toMatch(/\p{C}|\p{Zl}|\p{Zp}/u);
    },
  );

  it("stays small whatever the size of a string", () => {
    const huge = "A".repeat(131_072);
    const line = compactLine(event("process_exec", { process: process(huge, huge) }), PLAIN);
    expect(line.length).toBeLessThan(4096);
    expect(line).toMatch(/"…\+130048$/);
  });

  it("survives leaves of the wrong type", () => {
    const odd = { process_kprobe: { process: { binary: [1] }, function_name: {}, args: 7 } };
    expect(compactLine(odd, PLAIN)).toBe("❓ syscall [1] {}");
  });
});
