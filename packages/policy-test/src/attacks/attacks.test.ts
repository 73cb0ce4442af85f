// SPDX-License-Identifier: Apache-2.0
// What would be done, and how it is told of. Nothing is done here.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { libraryFolder } from "../library-folder.ts";
import { operations } from "../operations.ts";
import { effects } from "./effects.ts";
import { findAttacks } from "./find-attacks.ts";
import { endingOf } from "./probe-endings.ts";
import { probePod } from "./probe-pod.ts";
import { probeSteps } from "./probe-steps.ts";
import { distinct, reportOf, watchReports } from "./watch-reports.ts";

const attacks = findAttacks(["all"]);
const attack = (name: string) => {
  const found = attacks.find((one) => one.name === name);
  if (found === undefined) throw new Error(name);
  return found;
};
const caseOf = (name: string, title: string) => {
  const found = attack(name).cases.find((one) => one.name === title);
  if (found === undefined) throw new Error(title);
  return found;
};
const pod = (name: string) =>
  probePod(attack(name).cases, {
    ...{ namespace: "shop", name: "probe", image: "sensor:1", node: "", settleSeconds: 7 },
    labels: attack(name).labels,
  });

describe("attacks of the library", () => {
  it("say what they are and what they do", () => {
    expect(attacks.length).toBeGreaterThan(40);
    for (const one of attacks) {
      expect(one.techniques.join(), one.name).toMatch(/^T\d{4}/);
      expect(one.stops, one.name).toMatch(/\w/);
      expect(one.cases.length, one.name).toBeGreaterThan(0);
      expect(one.cases.map(({ expect: verdict }) => verdict)).not.toContain("allowed");
    }
    expect(Object.keys(effects).sort()).toEqual(Object.keys(operations).sort());
    const page = readFileSync(join(libraryFolder(), "../docs/attacks.md"), "utf8");
    const rows = Object.entries(effects).map(([name, does]) => `| \`${name}\` | ${does} |`);
    expect(page.endsWith(`${rows.join("\n")}\n`), "docs/attacks.md has the table").toBe(true);
  });

  it("are chosen by name, by pack, or all", () => {
    const names = (...words: string[]) => findAttacks(words).map(({ name }) => name);
    expect(names("mounts")).toEqual(["mounts"]);
    const expected = attacks.filter(({ name, pack }) => pack === "kernel" || name === "mounts");
    expect(expected.length).toBeGreaterThan(3);
    expect(names("kernel", "mounts")).toEqual(expected.map(({ name }) => name));
    expect(names("all")).toHaveLength(attacks.length);
    expect(() => names("mount")).toThrow('There is no attack and no pack "mount"');
  });
});

describe("a probe pod", () => {
  it("has the labels by which the policy chooses it, and a container for each case", () => {
    const { metadata, spec } = pod("mounts");
    expect(metadata.labels).toEqual({
      "guard.gander.dev/mounts": "true",
      "gander.dev/probe": "probe",
    });
    expect(spec.containers.map(({ command }) => command.slice(1).join(" "))).toEqual([
      "series 7 3 mount tmpfs /mnt",
      "series 7 3 bind /etc /mnt",
      "series 7 3 moveMount /dev/shm /mnt",
    ]);
  });

  it.each([
    [
      "cloud-metadata",
      {
        runAsNonRoot: true,
        runAsUser: 65532,
        runAsGroup: 65532,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        seccompProfile: { type: "RuntimeDefault" },
      },
    ],
    [
      "static-pods",
      {
        runAsUser: 0,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"] },
        seccompProfile: { type: "RuntimeDefault" },
      },
    ],
    [
      "becoming-root",
      {
        runAsUser: 0,
        allowPrivilegeEscalation: true,
        capabilities: { drop: ["ALL"], add: ["SETGID", "SETUID"] },
        seccompProfile: { type: "RuntimeDefault" },
      },
    ],
    [
      "mounts",
      {
        runAsUser: 0,
        allowPrivilegeEscalation: true,
        capabilities: { drop: ["ALL"], add: ["SYS_ADMIN"] },
        seccompProfile: { type: "Unconfined" },
        appArmorProfile: { type: "Unconfined" },
      },
    ],
    [
      "changed-roots",
      {
        runAsUser: 0,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ["ALL"], add: ["SYS_CHROOT"] },
        seccompProfile: { type: "RuntimeDefault" },
      },
    ],
    ["kernel-memory", { privileged: true, runAsUser: 0 }],
    ["kernel-control-files", { privileged: true, runAsUser: 0 }],
  ])("has no more rights than %s needs", (name, rights) => {
    expect(pod(name).spec.containers[0]?.securityContext).toEqual(rights);
  });

  it("is given no token, does not start again, and ends", () => {
    expect(pod("mounts").spec).toMatchObject({
      ...{
        automountServiceAccountToken: false,
        restartPolicy: "Never",
        activeDeadlineSeconds: 600,
      },
    });
  });

  it("has a volume of its own for each that a case has", () => {
    const at = attack("only-the-image").cases.indexOf(
      caseOf("only-the-image", "a program of the volume"),
    );
    const { volumes, containers } = pod("only-the-image").spec;
    expect(volumes).toEqual([{ name: `volume-${at}-0`, emptyDir: {} }]);
    expect(containers[at]?.volumeMounts).toEqual([{ name: `volume-${at}-0`, mountPath: "/data" }]);
  });
});

describe("the steps of a case", () => {
  it.each([
    [
      "runtime-programs",
      "the node's runc is replaced",
      [
        "place /run/usr/bin/runc 0644 x",
        "place /run/new 0644 y",
        "rename /run/new /run/usr/bin/runc",
      ],
    ],
    [
      "kernel-control-files",
      "core_pattern, under another name",
      [
        "place /tmp/pattern 0644 ",
        "bind /proc/sys/kernel/core_pattern /tmp/pattern",
        "openToWrite /tmp/pattern",
      ],
    ],
    [
      "becoming-root",
      undefined,
      ["standIn /usr/bin/true", "copy /usr/bin/true /tmp/su 04755", "executeAs 1000 /tmp/su"],
    ],
    ["no-file-programs", "a memfd", ["standIn /usr/bin/true", "executeMemory /usr/bin/true"]],
    [
      "service-account-tokens",
      undefined,
      [
        "require /usr/bin/bash",
        "place /run/secrets/kubernetes.io/serviceaccount/token 0644 x",
        "execute /usr/bin/bash -c read x < /run/secrets/kubernetes.io/serviceaccount/token",
      ],
    ],
    [
      "no-file-programs",
      "a program named as one",
      [
        "standIn /usr/bin/true",
        "copy /proc/self/exe /tmp/runc 0755",
        "by /tmp/runc executeMemory /usr/bin/true",
      ],
    ],
  ])("of %s", (name, title, steps) => {
    const one = title === undefined ? attack(name).cases[0] : caseOf(name, title);
    expect(one && probeSteps(one).map((words) => words.join(" "))).toEqual(steps);
  });

  it("bring programs that stand in for a script's interpreter, and for a shell that does nothing", () => {
    const first = (name: string) => attack(name).cases.map((one) => probeSteps(one)[0]?.join(" "));
    expect(first("only-the-image")).toContain("standIn /usr/bin/bash");
    expect(first("shells-below-servers")).toEqual([
      "standIn /usr/bin/bash",
      "require /usr/bin/env",
    ]);
  });
});

describe("how a case ended", () => {
  const ended = (terminated: { exitCode: number; reason?: string; message?: string }) =>
    endingOf({ containerStatuses: [{ name: "case-0", state: { terminated } }] }, "case-0");
  it.each([
    [{ exitCode: 0 }, "succeeded", ""],
    [{ exitCode: 3 }, "succeeded", ""],
    [{ exitCode: 121, message: "EPERM mount\n" }, "refused", "EPERM mount"],
    [{ exitCode: 122, message: "EPERM /host/runc\n" }, "refused", "before: EPERM /host/runc"],
    [{ exitCode: 123, message: "EINVAL x" }, "impossible", "EINVAL x"],
    [
      { exitCode: 124, message: "ENOENT /usr/bin/bash" },
      "impossible",
      "the image lacks it: ENOENT /usr/bin/bash",
    ],
    [
      { exitCode: 128, reason: "StartError", message: "no such file" },
      "impossible",
      "no such file",
    ],
    [{ exitCode: 137 }, "killed", ""],
    [{ exitCode: 137, reason: "OOMKilled" }, "impossible", "out of memory"],
  ])("%j", (terminated, outcome, error) => {
    expect(ended(terminated)).toEqual({ outcome, error });
  });

  it("is not known before, and never if the container can't start", () => {
    expect(endingOf({}, "case-0")).toBeUndefined();
    const waiting = (reason: string) =>
      endingOf(
        { containerStatuses: [{ name: "case-0", state: { waiting: { reason } } }] },
        "case-0",
      );
    expect(waiting("ContainerCreating")).toBeUndefined();
    expect(waiting("CreateContainerConfigError")?.outcome).toBe("impossible");
    expect(endingOf({ phase: "Failed", reason: "DeadlineExceeded" }, "case-0")?.outcome).toBe(
      "impossible",
    );
  });
});

describe("reports", () => {
  const event = (action: string, policy = "mounts") => ({
    process_lsm: {
      process: {
        docker: "0123456789012345678901234567890",
        pod: { namespace: "shop", name: "probe-mounts", container: { name: "case-0" } },
      },
      ...{ policy_name: policy, message: "A pod mounts", action },
    },
  });

  it("are events of policies", () => {
    expect(reportOf(event("KPROBE_ACTION_OVERRIDE"))).toEqual({
      ...{ policy: "mounts", action: "denied", message: "A pod mounts" },
      ...{
        containerId: "0123456789012345678901234567890",
        pod: "shop/probe-mounts",
        container: "case-0",
      },
    });
    expect(reportOf({ process_exec: { process: {} } })).toBeUndefined();
    expect(reportOf(null)).toBeUndefined();
  });

  it("are told of once", () => {
    const same = [event("KPROBE_ACTION_POST"), event("KPROBE_ACTION_POST")].flatMap(
      (one) => reportOf(one) ?? [],
    );
    expect(distinct(same)).toEqual([
      { policy: "mounts", action: "reported", message: "A pod mounts" },
    ]);
  });

  it("may be missing if the sensor goes away", async () => {
    await using reports = await watchReports(async function* (_request, { onWatching }) {
      onWatching();
      yield event("KPROBE_ACTION_POST");
      yield { process_exec: { process: { arguments: "gander-attack-1" } } };
      throw new Error("it went away");
    });
    expect(await reports.seen("gander-attack-1", 2_000)).toBe(true);
    expect(reports.all).toHaveLength(1);
    await expect.poll(reports.problem).toBe("it went away");
  });

  it("can't be watched if nobody listens", async () => {
    const events = async function* () {
      yield* [];
      throw new Error("nobody listens");
    };
    await expect(watchReports(events)).rejects.toThrow("nobody listens");
  });
});
