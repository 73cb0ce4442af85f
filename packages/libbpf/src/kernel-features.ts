// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { kernelError } from "./bpf-error.ts";
import {
  type HelperName,
  helpers,
  type MapType,
  mapTypes,
  numberOf,
  type ProgramType,
  programTypes,
} from "./kernel-names.ts";
import { native } from "./native.ts";

/** How far lockdown(7) goes: "confidentiality" forbids programs to read kernel memory. */
export type LockdownMode = "none" | "integrity" | "confidentiality";

export interface KernelFeatures {
  /** uname -r */
  readonly release: string;
  readonly version: readonly [major: number, minor: number];
  /** The kernel's own types: needed by all CO-RE programs. */
  readonly btf: boolean;
  /** Active security modules in their order; undefined where securityfs isn't mounted. */
  readonly activeLsms: readonly string[] | undefined;
  /**
   * Whether LSM programs are called. Where "bpf" isn't active they load and attach without an
   * error, and nothing comes of it; undefined: can't be told.
   */
  readonly bpfLsm: boolean | undefined;
  readonly lockdown: LockdownMode;
  readonly ringBuffer: boolean;
  readonly taskStorage: boolean;
  readonly bpfLoop: boolean;
  readonly getFunctionArgument: boolean;
  readonly kprobeMulti: boolean;
}

/** Asks the kernel, by trying; needs the rights to load programs. Takes some ten milliseconds. */
export function readKernelFeatures(): KernelFeatures {
  const activeLsms = readActiveLsms();
  return {
    release: release(),
    version: kernelVersion(),
    btf: existsSync("/sys/kernel/btf/vmlinux"),
    activeLsms,
    bpfLsm: activeLsms?.includes("bpf"),
    lockdown: lockdownMode(),
    ringBuffer: supportsMapType("ringbuf"),
    taskStorage: supportsMapType("task_storage"),
    bpfLoop: supportsHelper("kprobe", "loop"),
    getFunctionArgument: supportsTracingHelper(),
    kprobeMulti: supportsKprobeMulti(),
  };
}

export function kernelVersion(text = release()): readonly [major: number, minor: number] {
  const [major = "0", minor = "0"] = text.split(/[.-]/);
  return [Number(major), Number(minor)];
}

/** /sys/kernel/security/lsm, undefined where it can't be read. */
export function readActiveLsms(): readonly string[] | undefined {
  return readLine("/sys/kernel/security/lsm")?.split(",");
}

/** "none [integrity] confidentiality": the active one is in brackets. */
export function lockdownMode(): LockdownMode {
  const active = /\[(\w+)\]/.exec(readLine("/sys/kernel/security/lockdown") ?? "")?.[1];
  return active === "integrity" || active === "confidentiality" ? active : "none";
}

export function supportsProgramType(type: ProgramType): boolean {
  const number = numberOf(programTypes, type, "program type");
  return probed(native().probeProgramType(number), `program type ${type}`);
}

export function supportsMapType(type: MapType): boolean {
  return probed(native().probeMapType(numberOf(mapTypes, type, "map type")), `map type ${type}`);
}

/**
 * Whether programs of that type may call the helper. Program types that need a target to be loaded
 * (tracing, lsm) can't be asked and throw EOPNOTSUPP.
 */
export function supportsHelper(type: ProgramType, helper: HelperName): boolean {
  const result = native().probeHelper(
    numberOf(programTypes, type, "program type"),
    numberOf(helpers, helper, "helper"),
  );
  return probed(result, `helper ${helper}`);
}

/** Kernel 5.18 with CONFIG_FPROBE (Debian's 6.1 has none). */
export function supportsKprobeMulti(): boolean {
  return probed(native().probeKprobeMulti(), "kprobe.multi");
}

/** bpf_get_func_arg is for fentry, fexit and fmod_ret alone, which can't be probed: 5.17 has it. */
function supportsTracingHelper(): boolean {
  const [major, minor] = kernelVersion();
  return major > 5 || (major === 5 && minor >= 17);
}

function probed(result: number, what: string): boolean {
  if (result >= 0) return result > 0;
  throw kernelError(result, "probe", `Cannot ask the kernel for ${what}`);
}

function readLine(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
