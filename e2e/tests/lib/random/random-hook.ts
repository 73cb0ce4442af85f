// SPDX-License-Identifier: Apache-2.0
import { type ArgType, returnedTypes, typeRow } from "@gander/crd-schemas";
import type { Random } from "../../../siege/random.ts";
import { type Reads, type Shared, selector } from "./random-selector.ts";
import { type Arg, many, type Target, written } from "./target.ts";

/** An entry of the section that the target is for. */
export function hookOn(target: Target, shared: Shared, random: Random): object {
  const { section, name, syscall, raw } = target;
  const isList = name.startsWith("list:");
  const returns = section === "kprobes" || section === "uprobes";
  const returned =
    returns && !isList && canReturn(target) && random.chance(0.3) ? target.returns : undefined;
  const args = argsOf(target, returned !== undefined, random);
  const data = returns ? dataOf(returned === undefined && !isList && !syscall, random) : [];
  const hasRegisters = data.some(({ spec }) => "source" in spec && spec.source === "pt_regs");
  const reads: Reads = { args, data, returned, hasRegisters, isList };
  const [subsystem, event] = name.split("/");
  const called = {
    kprobes: () => ({ call: name, syscall }),
    lsmhooks: () => ({ hook: name }),
    tracepoints: () => ({ subsystem, event, ...(raw || random.chance(0.2) ? { raw } : {}) }),
    uprobes: () => programOf(name, shared.namespaced, random),
    usdts: () => {
      const [path, provider, probe] = name.split(":");
      return { path, provider, name: probe };
    },
  }[section]();
  return {
    ...called,
    ...(args.length > 0 || random.chance(0.5) ? { args: args.map(({ spec }) => spec) } : {}),
    ...(data.length > 0 ? { data: data.map(({ spec }) => spec) } : {}),
    ...returnOf(returned, section, random),
    ...(random.chance(0.2) ? { message: `somebody called ${random.below(9)}` } : {}),
    ...(random.chance(0.2) ? { tags: ["made-up", `tag${random.below(9)}`] } : {}),
    ...(section === "kprobes" && random.chance(0.2)
      ? { ignore: { callNotFound: random.chance(0.5) } }
      : {}),
    selectors: many(random, 1, 3, () => selector(target, reads, shared, random)),
  };
}

const canReturn = ({ returns, syscall }: Target): boolean => {
  if (returns === undefined) return false;
  const isNumber = typeRow(returns).family === "integer";
  return isNumber || (!syscall && (returnedTypes as readonly ArgType[]).includes(returns));
};

function returnOf(type: ArgType | undefined, section: string, random: Random): object {
  if (type === undefined)
    return random.chance(0.1) && section === "kprobes" ? { return: false } : {};
  const isSocket = type === "sock" && section === "kprobes";
  return {
    return: true,
    returnArg: { index: 0, type: written(random, type) },
    ...(isSocket ? { returnArgAction: random.pick(["TrackSock", "UntrackSock", "Post"]) } : {}),
  };
}

function argsOf(target: Target, returned: boolean, random: Random): readonly Arg[] {
  const mayBeAuto = !target.syscall && !["uprobes", "usdts"].includes(target.section);
  const isRecord = target.section === "tracepoints" && !target.raw;
  return readable(target)
    .filter(() => random.chance(0.7))
    .slice(0, 5)
    .map(({ index, type }): Arg => {
      const more = {
        ...(random.chance(0.2) ? { label: `value ${index}` } : {}),
        ...(random.chance(0.03) ? { maxData: true } : {}),
      };
      const behind = target.behind?.[index] ?? [];
      if (behind.length > 0 && random.chance(0.4)) {
        const { resolve, type: found } = random.pick(behind);
        const structure = type === "file" && random.chance(0.3) ? { btfType: "file" } : {};
        const module = random.chance(0.03) ? { btfTypeModule: "nf_tables" } : {};
        const other = { ...structure, ...("btfType" in structure ? module : {}) };
        return { index, type: found, spec: { index, type: found, resolve, ...other, ...more } };
      }
      const isAuto = mayBeAuto && !isRecord && typeRow(type).sized !== true && random.chance(0.1);
      const typed = isAuto
        ? random.chance(0.5)
          ? { type: "auto" }
          : {}
        : { type: written(random, type) };
      return {
        index,
        type,
        spec: { index, ...typed, ...sizeOf(type, target, returned, random), ...more },
      };
    });
}

function sizeOf(type: ArgType, { section }: Target, returned: boolean, random: Random): object {
  if (typeRow(type).sized !== true) return {};
  const canWait = returned && (section === "kprobes" || section === "uprobes");
  return canWait && random.chance(0.5) ? { returnCopy: true } : { sizeArgIndex: 3 };
}

/** Arguments of system calls and programs are what the program says they are. */
function readable({ name, syscall, section, parameters }: Target) {
  if (syscall && !name.startsWith("list:"))
    return [
      ...([
        { index: 0, type: "fd" },
        { index: 1, type: "char_buf" },
      ] as const),
      ...([
        { index: 2, type: "uint64" },
        { index: 3, type: "string" },
      ] as const),
      ...([
        { index: 4, type: "int" },
        { index: 5, type: "char_iovec" },
      ] as const),
    ];
  const last = section === "tracepoints" ? 63 : section === "usdts" ? 11 : 5;
  return parameters.flatMap((type, index) =>
    type === undefined || index > last ? [] : [{ index, type }],
  );
}

const ofTask = [
  { resolve: "pid", type: "int" },
  { resolve: "comm", type: "string" },
  { resolve: "real_parent.comm", type: "string" },
  { resolve: "mm.exe_file", type: "file" },
  { resolve: "start_time", type: "uint64" },
  { resolve: "thread_pid.numbers[0].nr", type: "int" },
] as const satisfies readonly { resolve: string; type: ArgType }[];

const registers = ["rdi", "rsi", "rax", "ecx", "AH"] as const;

function dataOf(hasRegisters: boolean, random: Random): readonly Arg[] {
  if (!random.chance(0.3)) return [];
  return many(random, 1, 2, (index): Arg => {
    if (hasRegisters && random.chance(0.4)) {
      const resolve = random.pick(registers);
      const type = resolve === "AH" ? "uint8" : resolve === "ecx" ? "uint32" : "uint64";
      return { index, type, spec: { index, source: "pt_regs", resolve, type } };
    }
    const { resolve, type } = random.pick(ofTask);
    return { index, type, spec: { index, source: "current_task", resolve, type } };
  });
}

function programOf(name: string, namespaced: boolean, random: Random): object {
  const [path = "", symbol = ""] = name.split(":");
  const digests = random.chance(0.15)
    ? {
        binaryDigests: ["sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709", "build-id:1b84f6"],
        ignore: { digestVerificationFailure: random.chance(0.7) },
      }
    : {};
  if (namespaced || random.chance(0.7)) return { path, symbols: [symbol], ...digests };
  const place = 0x1000 + 16 * random.below(64);
  return {
    path,
    ...random.pick([{ symbols: [`${symbol}+0x4`] }, { offsets: [place] }, { addrs: [place] }]),
    ...(random.chance(0.2) ? { refCtrOffsets: [0x3000] } : {}),
    ...digests,
  };
}
