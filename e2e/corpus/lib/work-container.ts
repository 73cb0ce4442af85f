// SPDX-License-Identifier: Apache-2.0
import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { actProgram } from "@gander/policy-test";
import type { Work } from "./ordinary-work.ts";

/** Where the script's folder is in the container. */
const scripts = "/ordinary-work";
/** What a pod has of the node, by where it is mounted. */
const volumes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "/volume": {},
  "/run/secrets/kubernetes.io/serviceaccount": {
    token: "token-of-a-service-account",
    namespace: "default",
  },
};
const home = "/var/tmp/gander-corpus";
const limitMs = 15 * 60_000;

export type WorkResult = {
  /** Of the script; the name of the signal that ended it. */
  readonly status: number | string;
  readonly stdout: string;
  /** For people: differs from run to run. */
  readonly stderr: string;
};

/** A container with a writable layer of its own over layers of an image. Work may change the layer. */
export class WorkContainer implements Disposable {
  /** What was written: a lower layer of other containers. */
  readonly layer: string;
  readonly #root: string;
  readonly #folder: string;
  readonly #mounted: string[] = [];

  /** `layers`: the upper one first. @throws Error if it can't be made. */
  constructor(layers: readonly string[]) {
    mkdirSync(home, { recursive: true, mode: 0o755 });
    this.#folder = mkdtempSync(join(home, "container-"));
    this.layer = join(this.#folder, "upper");
    this.#root = join(this.#folder, "root");
    for (const name of ["upper", "work", "root"]) mkdirSync(join(this.#folder, name));
    try {
      const folders = `lowerdir=${layers.join(":")},upperdir=${this.layer},workdir=${this.#folder}/work`;
      this.#mount(["-t", "overlay", "overlay", "-o", folders], "/");
      for (const name of ["proc", "sys", "dev"])
        mkdirSync(join(this.#root, name), { recursive: true });
      this.#mount(["--bind", join(import.meta.dirname, "../work")], scripts);
      for (const [at, files] of Object.entries(volumes)) this.#addVolume(at, files);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Does the work in it, as processes of the cgroup. `amount`: what the script has of it. */
  run({ name }: Work, cgroup: string, amount?: number): Promise<WorkResult> {
    const script = join(scripts, `${name}.sh`);
    const place = `container:${this.#root}:${cgroup}`;
    return runProgram(actProgram(), [place, "execute", "/bin/bash", "-E", "-c", sayWhere, script], {
      env: { ...environment, ...(amount === undefined ? {} : { AMOUNT: `${amount}` }) },
    });
  }

  /** Does the work on the node, with the root of the container in CONTAINER_ROOT. */
  runOutside(work: Work, pod: string): Promise<WorkResult> {
    return runProgram("/bin/bash", [work.file], {
      env: {
        ...environment,
        ...{ CONTAINER_ROOT: this.#root, POD_CGROUP: pod.replace("/sys/fs/cgroup", "") },
      },
    });
  }

  #addVolume(at: string, files: Readonly<Record<string, string>>): void {
    const folder = join(this.#folder, `volume-${this.#mounted.length}`);
    mkdirSync(folder, { mode: 0o777 });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    this.#mount(["--bind", folder], at);
  }

  #mount(what: readonly string[], at: string): void {
    const to = join(this.#root, at);
    mkdirSync(to, { recursive: true });
    const { status, stderr } = spawnSync("mount", [...what, to], { encoding: "utf8" });
    if (status !== 0) throw new Error(`Cannot mount ${at} of a container: ${stderr.trim()}`);
    this.#mounted.push(to);
  }

  /** Nothing can be done in it any more; its layer stays. */
  unmount(): void {
    for (const at of this.#mounted.splice(0).toReversed()) spawnSync("umount", ["-l", at]);
  }

  [Symbol.dispose](): void {
    this.unmount();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A layer with the accounts that an image has whose packages are not configured. */
export function accountsLayer(image: string): string {
  const layer = join(home, "accounts");
  mkdirSync(join(layer, "etc"), { recursive: true });
  for (const name of ["passwd", "group"])
    copyFileSync(join(image, `usr/share/base-passwd/${name}.master`), join(layer, "etc", name));
  return layer;
}

/** Runs the script that is its name; a command that fails is shown. */
const sayWhere = `trap 'echo "$0:$LINENO: $BASH_COMMAND failed" >&2' ERR; . "$0"`;

const environment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ...{ HOME: "/root", LANG: "C.UTF-8" },
};

function runProgram(
  program: string,
  args: readonly string[],
  { env }: Pick<SpawnOptions, "env">,
): Promise<WorkResult> {
  const child = spawn(program, args, {
    ...{ env, timeout: limitMs, killSignal: "SIGKILL" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  return new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (status, signal) =>
      done({ status: status ?? signal ?? "?", stdout: stdout(), stderr: stderr() }),
    );
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-200_000);
  });
  return () => text;
}
