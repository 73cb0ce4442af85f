// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GanderError } from "@gander/base";
import { packaged } from "../packaged.ts";
import { createArchive } from "./archive.ts";
import { createMachineFiles, type MachineFiles } from "./machine-files.ts";
import { type MachineKernel, readMachineKernel } from "./machine-kernel.ts";

export type MachineOptions = {
  /** A bzImage; empty: the kernel that runs here. */
  readonly kernel: string;
  /** Modules that are loaded, if it has them and they are not built in. */
  readonly modules?: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

export type MachineEnd = {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
};

const emulator = "qemu-system-x86_64";
const memoryMb = 2048;
const kernelArguments = [
  "console=ttyS0 quiet loglevel=4 panic=-1 no_timer_check",
  // Policies alone decide: no other security module is in the way.
  "lsm=bpf",
].join(" ");

/**
 * Runs a command as root in a virtual machine that is thrown away. It has no disk and no network: all files are in
 * memory, copies of those that `fill` names. @throws GanderError if it can't be started, or ends before the command.
 */
export async function runMachine(
  argv: readonly string[],
  fill: (files: MachineFiles) => void,
  options: MachineOptions,
): Promise<MachineEnd> {
  if (spawnSync(emulator, ["--version"]).status !== 0)
    throw new GanderError(
      "client-bad-input",
      `Cannot start a virtual machine: there is no ${emulator} on the PATH`,
      {
        hint: "Install QEMU: qemu-system-x86 (Debian, Ubuntu), qemu-system-x86-core (Fedora), qemu-system-x86_64 (Alpine). Or use --kernel live on a machine that you can spare, as root.",
      },
    );
  const kernel = readMachineKernel(options.kernel, options.modules);
  using work = mkdtempDisposableSync(join(tmpdir(), "gander-machine-"));
  const initrd = join(work.path, "files");
  pack(initrd, { argv, fill, kernel });
  const start = (accelerator: readonly string[]) =>
    boot({ ...options, kernel: kernel.file, initrd, folder: work.path, accelerator });
  // Some machines have a /dev/kvm that can't run a kernel: nothing has begun then.
  const fast = mayUseKvm() ? await start(["-accel", "kvm", "-cpu", "host"]) : undefined;
  const hasBegun = fast !== undefined && fast.said.length > 0;
  return ended(hasBegun ? fast : await start(["-accel", "tcg", "-cpu", "max,la57=off"]));
}

type Contents = {
  readonly argv: readonly string[];
  readonly fill: (files: MachineFiles) => void;
  readonly kernel: MachineKernel;
};

function pack(initrd: string, { argv, fill, kernel }: Contents): void {
  using archive = createArchive(initrd);
  const files = createMachineFiles(archive);
  const init = packaged(["./machine-init", "./lib/machine-init", "../native/build/machine-init"]);
  files.place(init, "/init");
  for (const [i, module] of kernel.modules.entries())
    files.write(`/machine/modules/${String(i).padStart(2, "0")}.ko`, module);
  files.write("/machine/argv", argv.map((word) => `${word}\0`).join(""));
  fill(files);
  archive.end();
}

function mayUseKvm(): boolean {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

type Boot = MachineOptions & {
  readonly initrd: string;
  readonly folder: string;
  readonly accelerator: readonly string[];
};

type Said = {
  /** What native/machine-init.c wrote; empty: it has not begun. */
  readonly said: Buffer;
  /** For people: why there is no more. */
  readonly problem: string;
};

async function boot(options: Boot): Promise<Said> {
  const { kernel, initrd, folder, accelerator, timeoutMs, signal } = options;
  const [console, port] = [join(folder, "console"), join(folder, "port")];
  const child = spawn(
    emulator,
    [
      ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-M", "q35"],
      ...[...accelerator, "-smp", "1", "-m", String(memoryMb)],
      ...["-kernel", kernel, "-initrd", initrd],
      ...["-append", kernelArguments],
      ...["-serial", `file:${console}`, "-serial", `file:${port}`],
    ],
    { stdio: ["ignore", "ignore", "pipe"], signal, timeout: timeoutMs, killSignal: "SIGKILL" },
  );
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4096);
  });
  const [, stopped] = await once(child, "close");
  const late = stopped === "SIGKILL" ? [`it was stopped after ${timeoutMs / 1000} s`] : [];
  const last = contentOf(console).toString("utf8").trim().split("\n").slice(-15);
  return { said: contentOf(port), problem: [...late, errors.trim(), ...last].join("\n") };
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Source: native/machine-init.c. */
function ended({ said, problem }: Said): MachineEnd {
  const head = /^begun\n(\d+) (\d+)\n/.exec(said.toString("latin1", 0, 64));
  if (head === null)
    throw new GanderError(
      "client-timeout",
      `The virtual machine ended ${said.length === 0 ? "before it began" : "before its command did"}`,
      { hint: `It said last:\n${problem}` },
    );
  const [all, status = "", size = ""] = head;
  const end = all.length + Number(size);
  return {
    status: Number(status),
    stdout: said.toString("utf8", all.length, end),
    stderr: said.toString("utf8", end),
  };
}
