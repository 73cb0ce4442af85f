// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  buildClone,
  buildExec,
  buildExit,
  buildHook,
  execFlags,
  numberArg,
  pathArg,
  sockArg,
  valueType,
} from "../../test/record-builder.ts";
import { createTestSensor } from "../../test/test-sensor.ts";
import type { EventRule } from "./event-rule.ts";

/**
 * Lines as existing consumers know them (fixtures/), from records that say the same. Left out:
 * refcnt, which is each implementation's own bookkeeping; spaces behind commas.
 */
const sample = (name: string) =>
  readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), "utf8")
    .trim()
    .replaceAll(/([}\]"\d]|true|false), (?=["{])/g, "$1,")
    .replaceAll(/"refcnt":\d+,/g, "");

const epoch = BigInt(Date.parse("2026-11-20T06:35:58Z")) * 1_000_000n;
const offsetNs = epoch + 446_086_615n - 97_449_384_713n;

const rule = (id: number, over: Partial<EventRule>): EventRule => ({
  id,
  policyName: "",
  policyNamespace: "",
  functionName: "",
  args: [],
  message: "",
  tags: [],
  eventKind: "process_kprobe",
  ...over,
});

const arg = (type: EventRule["args"][number]["type"]) => ({ type, label: "" });

const rules = [
  rule(1, {
    policyName: "seed-bprm",
    functionName: "security_bprm_check",
    args: [arg("linux_binprm")],
  }),
  rule(2, {
    policyName: "seed-file",
    functionName: "security_file_permission",
    args: [arg("file"), arg("int")],
    returnArg: arg("int"),
  }),
  rule(3, { policyName: "seed-connect", functionName: "tcp_connect", args: [arg("sock")] }),
];

const pid1 = { pid: 1, start: 280_000_000n };

function startSensor() {
  const sensor = createTestSensor({ nodeName: "(none)", offsetNs: offsetNs + 18n, rules });
  sensor.take(
    buildExec({
      task: true,
      time: 0n,
      process: pid1,
      parent: { pid: 0, start: 0n },
      path: "/bin/busybox",
      arguments: ["init", "/init"],
    }),
  );
  sensor.clock.setOffset(offsetNs);
  return sensor;
}

type Sensor = ReturnType<typeof startSensor>;

const run = (
  sensor: Sensor,
  pid: number,
  start: bigint,
  parent: { pid: number; start: bigint },
  command: readonly [string, ...string[]],
) =>
  sensor.take(
    buildExec({
      time: start,
      process: { pid, start },
      parent,
      previous: { pid, start: start - 1n },
      path: "/bin/wl",
      filename: command[0],
      arguments: command,
      execFlags: execFlags.EXEC_ROOT_CWD,
    }),
  );

const last = (sensor: Sensor) =>
  sensor.lines
    .at(-1)
    ?.trim()
    .replaceAll(/"refcnt":\d+,/g, "");

describe("sample lines", () => {
  it("process_exec", () => {
    const sensor = startSensor();
    const parent = { pid: 6352, start: 97_445_636_644n };
    sensor.take(buildClone({ time: 97_446_000_000n, process: parent, parent: pid1 }));
    const process = { pid: 6356, start: 97_449_384_713n };
    sensor.take(
      buildExec({
        time: process.start,
        process,
        parent,
        path: "/bin/busybox",
        filename: "/proc/self/exe",
        arguments: ["/proc/self/exe", "-1"],
      }),
    );
    // Ours says in addition which file /proc/self/exe is.
    const file =
      '"binary_properties":{"file":{"inode":{"number":"42","links":1},"path":"/bin/busybox"}},';
    expect(last(sensor)?.replace(file, "")).toBe(sample("process_exec"));
    expect(last(sensor)).toContain(file);
  });

  it("process_exit", () => {
    const sensor = startSensor();
    const grandparent = { pid: 6357, start: 97_761_537_120n };
    const parent = { pid: 6358, start: 97_761_891_477n };
    const process = { pid: 6361, start: 97_762_644_939n };
    sensor.take(
      buildClone({ time: 97_761_600_000n, process: grandparent, parent: pid1 }),
      buildClone({ time: 97_762_000_000n, process: parent, parent: grandparent }),
      buildExit({ time: 97_764_454_362n, process, parent, status: 0 }),
    );
    expect(last(sensor)).toBe(sample("process_exit"));
  });

  it("process_kprobe of security_bprm_check", () => {
    const sensor = startSensor();
    const parent = { pid: 6280, start: 95_659_802_205n };
    run(sensor, parent.pid, parent.start, pid1, ["/bin/wl", "exec", "0", "50", "/tmp/wtrue", "SZ"]);
    sensor.take(
      buildHook({
        time: 95_721_949_603n,
        process: { pid: 6330, start: 95_721_246_121n },
        parent,
        rule: 1,
        args: [pathArg(valueType.VALUE_BINPRM, "/tmp/wtrue", 0o100755)],
      }),
    );
    expect(last(sensor)).toBe(sample("process_kprobe.security_bprm_check"));
  });

  it("process_kprobe of security_file_permission", () => {
    const sensor = startSensor();
    const process = { pid: 6331, start: 95_723_674_108n };
    run(sensor, process.pid, process.start, pid1, [
      "/bin/wl",
      "fwrite",
      "0",
      "100",
      "/etc/wl.file",
    ]);
    sensor.take(
      buildHook({
        time: 95_732_185_992n,
        process,
        parent: pid1,
        rule: 2,
        args: [
          pathArg(valueType.VALUE_FILE, "/etc/wl.file", 0o100644),
          numberArg(valueType.VALUE_S32, 2),
          numberArg(valueType.VALUE_S32, 0, 128),
        ],
      }),
    );
    expect(last(sensor)).toBe(sample("process_kprobe.security_file_permission"));
  });

  it("process_kprobe of tcp_connect", () => {
    const sensor = startSensor();
    const process = { pid: 6332, start: 95_733_044_039n };
    run(sensor, process.pid, process.start, pid1, ["/bin/wl", "conn", "0", "100", "10.99.0.1"]);
    const address = Buffer.from([10, 99, 0, 1]);
    sensor.take(
      buildHook({
        time: 95_743_625_286n,
        process,
        parent: pid1,
        rule: 3,
        args: [
          sockArg({
            family: 2,
            type: 1,
            protocol: 6,
            state: 2,
            sport: 49_554,
            dport: 44_381,
            cookie: 18_379_888_514_329_489_280n,
            saddr: address,
            daddr: address,
          }),
        ],
      }),
    );
    expect(last(sensor)).toBe(sample("process_kprobe.tcp_connect"));
  });
});
