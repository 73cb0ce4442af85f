// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A bare repository and a working copy of it, on this machine. */
export class GitRepository {
  /** As Argo CD is told it. */
  readonly url: string;
  readonly #copy: string;

  /** Begins with what `content` has, in the branch main. */
  constructor(directory: string, content: string) {
    const bare = join(directory, "policies.git");
    this.url = `file://${bare}`;
    this.#copy = join(directory, "copy");
    mkdirSync(directory, { recursive: true });
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", bare]);
    cpSync(content, this.#copy, { recursive: true });
    this.#git("init", "--quiet", "--initial-branch=main");
    this.#git("remote", "add", "origin", bare);
    this.commit("as the example has it", {});
  }

  read(path: string): string {
    return readFileSync(join(this.#copy, path), "utf8");
  }

  /** Writes files, or removes those without text, and pushes. Returns the commit's hash. */
  commit(message: string, files: Readonly<Record<string, string | undefined>>): string {
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.#copy, path);
      if (text === undefined) {
        rmSync(file);
        continue;
      }
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    this.#git("add", "--all");
    const author = ["-c", "user.name=team", "-c", "user.email=team@example.com"];
    this.#git(...author, "commit", "--quiet", "--allow-empty", `--message=${message}`);
    this.#git("push", "--quiet", "origin", "main");
    return this.#git("rev-parse", "HEAD").trim();
  }

  #git(...args: readonly string[]): string {
    // Without the settings of this machine or user.
    const env = { PATH: process.env.PATH, GIT_CONFIG_NOSYSTEM: "1", HOME: this.#copy };
    return execFileSync("git", ["-C", this.#copy, ...args], { env, encoding: "utf8" });
  }
}
