// SPDX-License-Identifier: Apache-2.0
import { codec } from "@gander/proto";
import type { SessionAnnouncement } from "@gander/proto/stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BuiltExec,
  type BuiltKey,
  buildCgroup,
  buildClone,
  buildExec,
} from "../../test/record-builder.ts";
import { createTestSensor } from "../../test/test-sensor.ts";
import { recordFlags, textFlags } from "../link/abi.gen.ts";
import type { ContainerFacts } from "../workload/container-bundles.ts";

const uid = "aaaaaaaa-1111-2222-3333-0123456789ab";
const own = { pid: 1, start: 1n };
const shim = { pid: 10, start: 10n };
const facts: ContainerFacts = {
  ...{ name: "web", image: "", imageId: "", startedMs: 0, isPrivileged: false },
  ...{ podName: "web-0", podNamespace: "shop", runtime: "containerd" },
};
/** Cgroups of the containers. */
const cgroupOf = { web: 52n, db: 53n, debugger: 54n } as const;
type ContainerName = keyof typeof cgroupOf;
const idOf = (name: ContainerName) => String(cgroupOf[name] % 10n).repeat(64);

const sh = ["sh", "-c", "id"];
const exec = (
  user: string,
  command: readonly string[] = sh,
  more: SessionAnnouncement = {},
): SessionAnnouncement => ({
  ...{ kind: "exec", pod: uid, container: "web", command: [...command], user, groups: ["devs"] },
  ...{ request_uid: `request of ${user}`, ...more },
});
/** How an event shows a session that is known. */
const shown = (user: string, more: object = {}) => ({
  ...{ kind: "exec", user, groups: ["devs"], request_uid: `request of ${user}` },
  ...more,
});
const unannounced = { kind: "exec", unannounced: true };

/** A node with a pod whose containers have started, and a sensor whose operator announces sessions. */
function node({ settled = true, redact = (_: string, args: string) => args } = {}) {
  let clock = 100_000;
  let pid = 100;
  const named = new Map<string, ContainerFacts>(
    (["web", "db"] as const).map((name) => [idOf(name), { ...facts, name }]),
  );
  const sensor = createTestSensor({ bundles: (id) => named.get(id), now: () => clock, redact });
  const { take, cgroups, sessions, messages } = sensor;
  const kernel = { time: 1n, process: own, parent: { pid: 0, start: 0n } };
  const made = (id: bigint, parentId: bigint, path: string) =>
    take(buildCgroup({ ...kernel, id, parentId, path }));
  const details = {
    ...{ workload: "", workloadKind: "" },
    containers: [{ name: "web", execProbes: [["/check"]], hooks: [["/hook", "1"]], imageId: "" }],
  };
  cgroups.tell([{ uid, namespace: "shop", name: "web-0", labels: {}, details }]);
  made(50n, 1n, "/kubepods");
  made(51n, 50n, `/kubepods/pod${uid}`);
  take(buildExec({ ...kernel, task: true, process: own, path: "/sbin/init" }));
  take(buildExec({ time: 1n, process: shim, parent: own, path: "/usr/bin/shim" }));
  /** A process that the shim starts in a container, by its first exec there; its event. */
  const run = (argv: readonly string[], over: Partial<BuiltExec> = {}) => {
    pid++;
    const [program = ""] = argv;
    const [event] = take(
      buildExec({
        ...{ time: 2n, process: { pid, start: BigInt(pid) }, parent: shim },
        ...{ path: program.startsWith("/") ? program : `/usr/bin/${program}`, arguments: argv },
        ...{ cgroup: cgroupOf.web, nsPid: 7, ...over },
      }),
    );
    return event.process_exec.process;
  };
  const start = (name: ContainerName, argv = ["/app"], parent: BuiltKey = shim) => {
    made(cgroupOf[name], 51n, `/kubepods/pod${uid}/${idOf(name)}`);
    const flags = recordFlags.RECORD_IN_INIT_TREE;
    return run(argv, { cgroup: cgroupOf[name], nsPid: 1, flags, parent });
  };
  start("web");
  start("db");
  sessions.listen("listening");
  if (settled) clock += 5_000;
  return {
    ...{ run, start, take, sessions, cgroups, named },
    pid: () => ({ pid, start: BigInt(pid) }),
    pass: (ms: number) => {
      clock += ms;
      sessions.expire();
    },
    /** The last event, as clients of the stream read it. */
    message: () => codec("tetragon.GetEventsResponse").decode(messages.at(-1) ?? Buffer.alloc(0)),
  };
}

describe("a session", () => {
  it("shows the user of the request to whose command it belongs", () => {
    const { run, sessions, message } = node();
    sessions.announce(exec("alice"));
    expect(run(sh).session).toEqual(shown("alice"));
    expect(message().process_exec?.process?.session).toEqual(shown("alice"));
    expect(sessions.counts).toMatchObject({ announced: 1, matched: 1, unannounced: 0 });
  });

  it("has all descendants, wherever they go, and no other process", () => {
    const { run, sessions, take, pid } = node();
    sessions.announce(exec("alice"));
    run(sh);
    const shell = pid();
    const child = { pid: 900, start: 900n };
    take(buildClone({ time: 3n, process: child, parent: shell, cgroup: cgroupOf.web }));
    const parent = shell;
    const [ls] = take(
      buildExec({
        time: 4n,
        process: { pid: 900, start: 901n },
        previous: child,
        parent,
        path: "/ls",
      }),
    );
    expect(ls.process_exec.process.session).toEqual(shown("alice"));
    const again = { process: { pid: 100_000, start: 5n }, previous: shell };
    expect(run(["/bin/bash"], { ...again, parent: shim }).session).toEqual(shown("alice"));
    const escaped = run(["/bin/cp"], { parent: { pid: 900, start: 901n }, cgroup: 1n });
    expect(escaped.session).toEqual(shown("alice"));
    expect(run(["/usr/sbin/cron"], { parent: own, cgroup: 1n }).session).toBeUndefined();
  });

  it.each([
    ["joins the cgroup after its last exec", 1n],
    ["is started in the cgroup", cgroupOf.web],
  ])("is found behind a runtime that %s, and forks twice", (_, cgroup) => {
    const { run, start, sessions, take, named } = node();
    const [runc, first, second] = [300, 301, 302].map((pid) => ({ pid, start: BigInt(pid) }));
    if (runc === undefined || first === undefined || second === undefined) return;
    const init = ["/proc/self/fd/7", "init"];
    const outside = { cgroup: 1n, nsPid: 300 };
    run(["/usr/bin/runc", "exec"], { process: runc, ...outside });
    const stage = run(init, { process: first, parent: runc, cgroup, nsPid: 301 });
    expect(stage.session).toBeUndefined();
    take(buildClone({ time: 3n, process: second, parent: first, cgroup: cgroupOf.web }));
    sessions.announce(exec("alice"));
    expect(run(sh, { parent: second }).session).toEqual(shown("alice"));
    expect(run(sh, { parent: second }).session).toEqual(unannounced);
    // The same for the first process of a container, after which commands are no longer first.
    named.set(idOf("debugger"), { ...facts, name: "debugger" });
    start("debugger", ["/app"], second);
    const at = { parent: second, cgroup: cgroupOf.debugger };
    expect(run(sh, at).session).toEqual(unannounced);
  });

  it("has two candidates if two users requested the same command, and says so", () => {
    const { run, sessions } = node();
    sessions.announce(exec("alice"));
    sessions.announce(exec("bob"));
    const both = { kind: "exec", candidates: [shown("alice"), shown("bob")] };
    expect(run(sh).session).toEqual(both);
    expect(run(sh).session).toEqual(both);
    expect(run(sh).session).toEqual(unannounced);
    expect(sessions.counts).toMatchObject({ ambiguous: 2, unannounced: 1 });
  });

  it("has a user even if that one requested the command twice", () => {
    const { run, sessions } = node();
    sessions.announce(exec("alice", sh, { request_uid: "1" }));
    sessions.announce(exec("alice", sh, { request_uid: "2" }));
    const { request_uid: _, ...alice } = shown("alice");
    const candidates = ["1", "2"].map((request_uid) => ({ ...alice, request_uid }));
    expect(run(sh).session).toEqual({ ...alice, candidates });
  });

  it("has candidates if the same program is found by two names", () => {
    const { run, sessions } = node();
    sessions.announce(exec("alice", ["sh"]));
    sessions.announce(exec("bob", ["/usr/bin/sh"]));
    for (const path of ["/usr/bin/sh", "/usr/bin/sh"])
      expect(run(["sh"], { path }).session?.candidates).toHaveLength(2);
    expect(run(["sh"]).session).toEqual(unannounced);
  });

  it.each<[string, SessionAnnouncement]>([
    ["another container", { container: "db" }],
    ["another pod", { pod: "bbbbbbbb-1111-2222-3333-0123456789ab" }],
    ["other arguments", { command: ["sh", "-c", "id;"] }],
    ["another program", { command: ["bash", "-c", "id"] }],
  ])("is not that of a request for %s", (_, other) => {
    const { run, sessions } = node();
    sessions.announce(exec("alice", sh, other));
    expect(run(sh).session).toEqual(unannounced);
  });

  it("is found without the name of the container, if the request has none", () => {
    const { run, sessions } = node();
    sessions.announce(exec("alice", sh, { container: "" }));
    expect(run(sh).session).toEqual(shown("alice"));
  });

  it.each([
    ["cut by the kernel", "x".repeat(300), false],
    ["cut by the operator", "x".repeat(100), true],
  ])("is found by a command that was %s", (_, script, command_cut) => {
    const { run, sessions } = node();
    const seen = Buffer.from(`sh\0-c\0${"x".repeat(command_cut ? 300 : 100)}`);
    const flags = command_cut ? 0 : textFlags.TEXT_TRUNCATED;
    sessions.announce(exec("alice", ["sh", "-c", script], { command_cut }));
    const { session } = run(["sh"], { arguments: { bytes: seen, flags } });
    expect(session).toEqual(shown("alice"));
  });

  it("is found by arguments that events don't show", () => {
    const { run, sessions } = node({ redact: () => "*****" });
    sessions.announce(exec("alice", ["login", "--password", "secret"]));
    const process = run(["login", "--password", "secret"]);
    expect(process).toMatchObject({ arguments: "*****", session: shown("alice") });
  });

  it("needs a command within a minute of the request", () => {
    const { run, sessions, pass } = node();
    sessions.announce(exec("alice"));
    pass(59_999);
    sessions.announce(exec("bob", ["id"]));
    pass(1);
    expect(run(sh).session).toEqual(unannounced);
    expect(run(["id"]).session).toEqual(shown("bob"));
    expect(sessions.counts).toMatchObject({ expired: 1, matched: 1 });
  });

  it("is that of a request which arrives a moment later, from then on", () => {
    const { run, sessions, take, pid, pass } = node();
    expect(run(sh).session).toEqual(unannounced);
    const shell = pid();
    pass(1_999);
    sessions.announce(exec("alice"));
    const next = { process: { pid: 901, start: 901n }, parent: shell, path: "/bin/id" };
    const [event] = take(buildExec({ time: 3n, ...next, cgroup: cgroupOf.web }));
    expect(event.process_exec.process.session).toEqual(shown("alice"));
    expect(event.process_exec.parent.session).toEqual(shown("alice"));
    // The request has its command.
    expect(run(sh).session).toEqual(unannounced);
  });

  it("is not that of a request which arrives much later", () => {
    const { run, sessions, pass } = node();
    run(sh);
    pass(2_001);
    sessions.announce(exec("alice"));
    expect(run(sh).session).toEqual(shown("alice"));
  });

  it("may be that of a late request if another command fits as well", () => {
    const { run, sessions, take, pid } = node();
    run(sh);
    run(sh);
    sessions.announce(exec("alice"));
    const next = { process: { pid: 901, start: 901n }, parent: pid(), path: "/bin/id" };
    const [event] = take(buildExec({ time: 3n, ...next, cgroup: cgroupOf.web }));
    const session = { ...unannounced, candidates: [shown("alice")] };
    expect(event.process_exec.process.session).toEqual(session);
    sessions.announce(exec("bob"));
    const both = { kind: "exec", candidates: [shown("alice"), shown("bob")] };
    expect(run(["/bin/ls"], { parent: pid() }).session).toEqual(both);
    sessions.announce(exec("carol"));
    expect(run(sh).session).toEqual(shown("carol"));
  });

  it("is never a wrong user's, in whatever order commands begin", () => {
    const user = fc.constantFrom("alice", "bob", "carol");
    const command = fc.constantFrom(["sh"], ["/usr/bin/sh"], ["id"], ["id", "-u"]);
    const step = fc.record({ user, command, begins: fc.array(fc.nat(), { maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (requested) => {
        const { run, sessions } = node();
        const waiting: typeof requested = [];
        const begin = ({ user: real, command: argv }: (typeof requested)[number]) => {
          const { session } = run(argv, { path: `/usr/bin/${argv[0]?.split("/").at(-1)}` });
          const users = [
            session.user,
            ...(session.candidates ?? []).map((one: { user: string }) => one.user),
          ];
          expect(users).toContain(real);
          if (session.user !== undefined) expect(session.user).toBe(real);
        };
        for (const one of requested) {
          sessions.announce(exec(one.user, one.command));
          waiting.push(one);
          // Any of those that wait, not the oldest.
          for (const at of one.begins)
            for (const due of waiting.splice(at % waiting.length, 1)) begin(due);
        }
        for (const one of waiting) begin(one);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a command that no request announced", () => {
  it("is marked", () => {
    const { run, sessions } = node();
    expect(run(sh).session).toEqual(unannounced);
    expect(sessions.counts).toMatchObject({ announced: 0, unannounced: 1 });
  });

  it.each<[string, (world: ReturnType<typeof node>) => { readonly session?: unknown }]>([
    [
      "by a sensor without an operator",
      ({ run, sessions }) => {
        sessions.listen("deaf");
        return run(sh);
      },
    ],
    ["as the first of its container", ({ start }) => start("debugger", sh)],
    [
      "if a process of the container started it",
      ({ run }) => {
        const first = { pid: 101, start: 101n };
        return run(sh, { parent: first });
      },
    ],
    ["if what started it is not known", ({ run }) => run(sh, { parent: { pid: 77, start: 7n } })],
    [
      "on the runtime's own way into the container",
      ({ run, pid }) => run(["runc", "init"], { nsPid: pid().pid + 1 }),
    ],
    ["outside of pods", ({ run }) => run(sh, { cgroup: 1n })],
    [
      "after the first process called exec again",
      ({ run }) => run(sh, { previous: { pid: 101, start: 101n }, nsPid: 1 }),
    ],
  ])("is not marked %s", (_, act) => {
    expect(act(node()).session).toBeUndefined();
  });

  it("is not marked until announcements must have arrived", () => {
    const { run, pass } = node({ settled: false });
    expect(run(sh).session).toBeUndefined();
    pass(5_000);
    expect(run(sh).session).toEqual(unannounced);
  });

  it.each([
    ["a probe", ["/check"]],
    ["a hook", ["/hook", "1"]],
  ])("is the kubelet's if it is %s of the pod", (_, argv) => {
    expect(node().run(argv).session).toEqual({ kind: "kubelet" });
  });

  it("is the kubelet's or a user's if both fit, and the request waits for another", () => {
    const { run, sessions } = node();
    sessions.announce(exec("alice", ["/check"]));
    const candidates = [shown("alice"), { kind: "kubelet" }];
    for (let times = 0; times < 3; times++)
      expect(run(["/check"]).session).toEqual({ kind: "exec", candidates });
  });
});

describe("an ephemeral container", () => {
  const added = { kind: "ephemeral-container", pod: uid, container: "debugger", user: "alice" };

  it("belongs to the user who added it, once its name is known", () => {
    const { start, sessions, named, cgroups, run } = node();
    sessions.announce(added);
    expect(start("debugger").session).toBeUndefined();
    named.set(idOf("debugger"), { ...facts, name: "debugger" });
    cgroups.tell([{ uid, namespace: "shop", name: "web-0", labels: {} }]);
    const first = { pid: 103, start: 103n };
    const flags = recordFlags.RECORD_IN_INIT_TREE;
    const at = { cgroup: cgroupOf.debugger, parent: first, flags };
    expect(run(["/bin/ls"], at).session).toEqual({ kind: added.kind, user: "alice" });
  });

  it("belongs to that user at once if its name is known", () => {
    const { start, sessions, named, run } = node();
    named.set(idOf("debugger"), { ...facts, name: "debugger" });
    sessions.announce(added);
    expect(start("debugger").session).toEqual({ kind: added.kind, user: "alice" });
    sessions.announce(exec("bob", sh, { container: "debugger" }));
    expect(run(sh, { cgroup: cgroupOf.debugger }).session).toEqual(shown("bob"));
  });
});

describe("requests", () => {
  it("are bounded for each pod, and counted", () => {
    const { run, sessions } = node();
    for (let n = 0; n < 70; n++) sessions.announce(exec("alice", ["sh", String(n)]));
    expect(sessions.counts).toMatchObject({ announced: 70, dropped: 6 });
    expect(run(["sh", "63"]).session).toEqual(shown("alice"));
    expect(run(["sh", "64"]).session).toEqual(unannounced);
    sessions.announce(exec("alice", ["sh", "70"]));
    expect(sessions.counts.dropped).toBe(6);
  });

  it("are bounded for all pods, and forgotten", () => {
    const { sessions, pass } = node();
    for (let n = 0; n < 5_000; n++) sessions.announce(exec("alice", sh, { pod: `pod-${n}` }));
    expect(sessions.counts.dropped).toBe(5_000 - 4_096);
    pass(60_000);
    expect(sessions.counts.expired).toBe(4_096);
    sessions.announce(exec("alice"));
    expect(sessions.counts.dropped).toBe(5_000 - 4_096);
  });
});
