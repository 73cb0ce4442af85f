// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { actProgram } from "../act-program.ts";
import type { Operation } from "../operations.ts";
import type { TestCase } from "../policy-test.ts";

/** How an operation ended. */
export type Outcome =
  | { readonly ended: "done" }
  | { readonly ended: "refused"; readonly error: string }
  | { readonly ended: "killed" };

/** Where folders of tests are: file systems that are neither in memory nor an overlay count as volumes. */
const home = "/var/tmp/gander-policy-test";

/**
 * A container for one case: its image is the node's own file system, its layer in memory. What it runs is in its
 * cgroup and in namespaces of its own.
 */
export class TestContainer implements Disposable {
  readonly #where: string;
  readonly #folder: string;
  readonly #root: string;
  readonly #mounted: string[] = [];

  /** @throws Error if it can't be made. */
  constructor(cgroup: string, wanted: TestCase) {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    this.#folder = mkdtempSync(join(home, "case-"));
    this.#root = join(this.#folder, "layer/root");
    const by = wanted.by === undefined ? "" : `:${wanted.by}`;
    this.#where = `container:${this.#root}:${cgroup}${by}`;
    try {
      this.#make(wanted);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  #make({ files, modes, volumes, mounts, by }: TestCase): void {
    const layer = join(this.#folder, "layer");
    this.#mount(["-t", "tmpfs", "tmpfs"], layer);
    for (const name of ["upper", "work", "root"]) mkdirSync(join(layer, name));
    const image = by === undefined ? "/" : `${this.#imageWith(by)}:/`;
    const folders = `lowerdir=${image},upperdir=${layer}/upper,workdir=${layer}/work`;
    this.#mount(["-t", "overlay", "overlay", "-o", folders], this.#root);
    for (const name of ["proc", "sys", "dev", "run", "mnt"])
      mkdirSync(join(this.#root, name), { recursive: true });
    this.#mount(["-t", "tmpfs", "-o", "mode=1777", "tmpfs"], join(this.#root, "run"));
    for (const [at, content] of Object.entries(volumes)) {
      const volume = join(this.#folder, `volume-${this.#mounted.length}`);
      for (const [name, text] of Object.entries(content)) write(join(volume, name), text);
      mkdirSync(join(this.#root, at), { recursive: true });
      this.#mount(["--bind", volume], join(this.#root, at));
    }
    for (const [path, text] of Object.entries(files)) write(join(this.#root, path), text);
    for (const [path, mode] of Object.entries(modes))
      chmodSync(join(this.#root, path), Number.parseInt(mode, 8));
    this.#late = mounts;
  }

  /** A layer of the image with the program that does what the case says. */
  #imageWith(program: string): string {
    const layer = join(this.#folder, "layer/image");
    mkdirSync(join(layer, dirname(program)), { recursive: true });
    copyFileSync(actProgram(), join(layer, program));
    chmodSync(join(layer, program), 0o755);
    return layer;
  }

  #late: TestCase["mounts"] = {};

  /** What is mounted once the folders for it are there. */
  mountRest(): void {
    for (const [at, what] of Object.entries(this.#late))
      this.#mount(
        what.startsWith("/") ? ["--bind", what] : ["-t", what, what],
        join(this.#root, at),
      );
    this.#late = {};
  }

  /** Does it in the container. @throws Error if the test itself is wrong. */
  async act({ name, args }: Operation): Promise<Outcome> {
    const child = spawn(actProgram(), [this.#where, name, ...args], {
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: 60_000,
    });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(0, 4096);
    });
    const [status, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) => {
      child.on("close", (...end) => done(end));
    });
    if (signal === "SIGKILL" || status === 128 + constants.signals.SIGKILL)
      return { ended: "killed" };
    // Of native/act.c: refused by the kernel, and a case that is wrong.
    if (status === 121) return { ended: "refused", error: errors.trim() };
    if (status !== null && status !== 123) return { ended: "done" };
    throw new Error(`${name} ${args.join(" ")} ended with ${signal ?? status}: ${errors.trim()}`);
  }

  #mount(what: readonly string[], at: string): void {
    mkdirSync(what[0] === "--bind" ? dirname(at) : at, { recursive: true });
    const { status, stderr } = spawnSync("mount", [...what, at], { encoding: "utf8" });
    if (status !== 0) throw new Error(`Cannot mount ${at}: ${stderr.trim()}`);
    this.#mounted.push(at);
  }

  [Symbol.dispose](): void {
    for (const at of this.#mounted.toReversed()) spawnSync("umount", ["-l", at]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  if (text.startsWith("@")) copyFileSync(text.slice(1), path);
  else writeFileSync(path, text);
}
