// SPDX-License-Identifier: Apache-2.0
// The instructions that the verifier walks for each program: `node bpf/test/verified-instructions.ts` updates
// the baseline beside it, in a virtual machine for each kernel. With --features it prints instead what each feature
// adds to a hook that has only numbers.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { release } from "node:os";
import { fileURLToPath } from "node:url";
import { kernels } from "../../e2e/kernel-tests.d/plan.ts";
import { BpfProgram } from "../../packages/libbpf/src/index.ts";
import { native } from "../../packages/libbpf/src/native.ts";
import type { HookPoint, ProbeArgument } from "../../packages/policy/src/index.ts";
import type { Kernel } from "../../packages/sensor/src/kernel/index.ts";
import { feature } from "../../packages/sensor/src/link/abi.gen.ts";
import { allFeatures } from "../../packages/sensor/src/link/features.ts";
import { startGuestSensor } from "../../packages/sensor/test/guest-sensor.ts";

/** By program; for a hook: by its way of attaching. */
export type VerifiedInstructions = Readonly<Record<string, number>>;

export const baselineFile = fileURLToPath(new URL("verified-instructions.json", import.meta.url));

/** E.g. 6.12, as the baseline names it. */
export const runningKernel = (): string => /^\d+\.\d+/.exec(release())?.[0] ?? release();

const hooks: readonly HookPoint[] = [
  { kind: "lsm", target: "file_permission", syscall: false },
  { kind: "fmod_ret", target: "security_file_permission", syscall: false },
  { kind: "fentry", target: "security_file_permission", syscall: false },
  { kind: "fexit", target: "security_file_permission", syscall: false },
  { kind: "kprobe", target: "security_file_permission", syscall: false },
  { kind: "kretprobe", target: "security_file_permission", syscall: false },
  { kind: "tracepoint", target: "sched/sched_process_exec", syscall: false },
  { kind: "raw_tp", target: "sys_enter", syscall: false },
];

const main = { path: process.execPath, by: "symbol", name: "main", plus: 0, digests: [] } as const;

function programHooks(facts: Kernel["policies"]["facts"]): HookPoint[] {
  const file = facts.program?.(main.path);
  if (file === undefined || file.problem !== undefined) throw new Error("node cannot be hooked");
  const place = file.place(main);
  if (place.problem !== undefined) throw new Error(place.problem);
  const at = { path: main.path, version: file.version, offset: place.offset };
  const target = `${main.path}:main`;
  const functions = (["uprobe", "uretprobe"] as const).map((kind) => ({
    ...{ kind, target, syscall: false, file: at },
  }));
  const probe = { places: [{ offset: place.offset, counter: 0 }], args: probeArguments };
  return [...functions, { kind: "usdt", target, syscall: false, file: at, probe }];
}

const width = { size: 8, signed: true } as const;
const probeArguments: readonly ProbeArgument[] = [
  { in: "constant", value: 7n, size: 4 },
  ...Array.from({ length: 5 }, () => ({
    ...({ in: "register", register: "rdi", skip: 0 } as const),
    ...width,
  })),
  ...Array.from({ length: 6 }, () => ({
    ...({ in: "memory", base: "rax", index: "rbx", shift: 3, displacement: -8 } as const),
    ...width,
  })),
];

/** The features of typical hooks. A later one has those of the earlier ones: programs at a place only grow. */
const uses = {
  numbers: 0,
  files: feature.FEATURE_TEXTS | feature.FEATURE_PATHS,
  everything: allFeatures,
};

type Load = { readonly name: string; readonly point: HookPoint; readonly features: number };

/** Each kind of hook with little, more and everything. */
const everyKind = (points: readonly HookPoint[]): Load[] =>
  points.flatMap((point) =>
    Object.entries(uses).map(([what, features]) => ({
      ...{ name: `hook on ${point.kind}, ${what}`, point, features },
    })),
  );

/** What has no meaning alone. */
const besides: Readonly<Record<string, number>> = {
  FEATURE_PATHS: feature.FEATURE_TEXTS,
  FEATURE_SEGMENTS: feature.FEATURE_TEXTS,
  FEATURE_DATA: feature.FEATURE_TEXTS,
  FEATURE_STRUCTURES: feature.FEATURE_TEXTS,
  FEATURE_SEARCH: feature.FEATURE_TEXTS,
  FEATURE_PACKETS: feature.FEATURE_SOCKETS,
};

/** Each feature alone, at a place of its own. */
const everyFeature = (): Load[] =>
  [...Object.entries(feature), ["none", 0] as const].flatMap(([name, bit], i) => {
    if (bit > allFeatures) return [];
    const target = places[i];
    if (target === undefined) throw new Error("there are more features than places");
    const point = { kind: "kprobe", target, syscall: false } as const;
    return [{ name, point, features: bit | (besides[name] ?? 0) }];
  });

const places = ["permission", "open", "ioctl", "lock", "fcntl", "receive", "mprotect"]
  .map((name) => `security_file_${name}`)
  .concat(
    ["mkdir", "rmdir", "unlink", "rename", "symlink", "link", "mknod"].map(
      (name) => `security_path_${name}`,
    ),
  )
  .concat(["chmod", "chown", "truncate", "chroot"].map((name) => `security_path_${name}`))
  .concat(
    [
      ...["setattr", "getattr", "getxattr", "setxattr", "listxattr", "removexattr"],
      ...["create", "link", "unlink", "symlink", "mkdir", "rmdir", "mknod", "rename"],
    ].map((name) => `security_inode_${name}`),
  );

/** Loads the programs as the sensor does. */
export async function measureVerifiedInstructions(
  loads: (points: readonly HookPoint[]) => readonly Load[] = everyKind,
): Promise<VerifiedInstructions> {
  const others = new Set(programIds());
  const result: Record<string, number> = {};
  /** Adds the programs loaded since the previous call. */
  const note = (nameOf: (program: string) => string): void => {
    for (const id of programIds()) {
      if (others.has(id)) continue;
      others.add(id);
      using program = BpfProgram.fromId(id);
      result[nameOf(program.name)] = program.info().verifiedInstructions;
    }
  };
  const { kernel, ...sensor } = await startGuestSensor({ name: "gander-verified" });
  try {
    note((program) => (isTemplate(program) ? `${program} (template)` : program));
    await kernel.policies.programs.lookUp([main]);
    for (const { name, point, features } of loads([
      ...hooks,
      ...programHooks(kernel.policies.facts),
    ])) {
      kernel.policies.attach(point, features);
      note(() => name);
    }
  } finally {
    await sensor[Symbol.asyncDispose]();
  }
  return result;
}

const isTemplate = (program: string) =>
  program.startsWith("hook__") && program !== "hook__file_free";

/** Of all that are in the kernel. */
function* programIds(): Generator<number> {
  const programs = 0;
  for (let id = native().nextId(programs, 0); id > 0; id = native().nextId(programs, id)) yield id;
}

if (process.argv[2] === "--here") {
  console.log(JSON.stringify(await measureVerifiedInstructions()));
} else if (process.argv[2] === "--features") {
  console.log(await measureVerifiedInstructions(everyFeature));
} else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const vm = fileURLToPath(new URL("../../e2e/vm", import.meta.url));
  const command = ["--", "node", "/gander/bpf/test/verified-instructions.ts", "--here"];
  const baseline = Object.fromEntries(
    kernels.map((kernel) => [
      kernel,
      JSON.parse(execFileSync(vm, ["--kernel", kernel, ...command], { encoding: "utf8" })),
    ]),
  );
  writeFileSync(baselineFile, `${JSON.stringify(baseline, undefined, 2)}\n`);
}
