// SPDX-License-Identifier: Apache-2.0
import { spawn } from "node:child_process";
import { buffer } from "node:stream/consumers";
import { clusterTool } from "./cluster-tools.ts";

export type KubectlOutput = {
  readonly stdout: string;
  /** Contains warnings, including those of admission. */
  readonly stderr: string;
};

export type KubectlOptions = {
  readonly kubeconfig: string;
  /** Input for `-f -`. */
  readonly input?: string;
};

/** A failure of kubectl; `message` has the full output. */
export class KubectlError extends Error implements KubectlOutput {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;

  constructor(args: readonly string[], status: number, output: KubectlOutput) {
    super(`kubectl ${args.join(" ")} ended with status ${status}: ${output.stderr}`);
    this.name = "KubectlError";
    this.status = status;
    this.stdout = output.stdout;
    this.stderr = output.stderr;
  }
}

/** Runs kubectl without the settings of this machine or user. Throws KubectlError. */
export async function runKubectl(
  args: readonly string[],
  { kubeconfig, input = "" }: KubectlOptions,
): Promise<KubectlOutput> {
  const child = spawn(clusterTool("kubectl"), args, {
    env: { ...process.env, KUBECONFIG: kubeconfig, HOME: `${kubeconfig}.home` },
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve(status ?? 1));
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, status] = await Promise.all([
    buffer(child.stdout).then(String),
    buffer(child.stderr).then(String),
    ended,
  ]);
  if (status !== 0) throw new KubectlError(args, status, { stdout, stderr });
  return { stdout, stderr };
}
