// SPDX-License-Identifier: Apache-2.0
import { type ClusterTool, clusterTool } from "./cluster-tools.ts";
import { runProgram } from "./run-program.ts";

export type KubectlOutput = {
  readonly stdout: string;
  /** Contains warnings, including those of admission. */
  readonly stderr: string;
};

export type KubectlOptions = {
  readonly kubeconfig: string;
  /** Input for `-f -`. */
  readonly input?: string;
  /** It is killed then (status 137); no limit if absent. `kubectl exec` may wait for ever. */
  readonly timeoutMs?: number;
};

/** A failure of kubectl or helm; `message` has the full output. */
export class KubectlError extends Error implements KubectlOutput {
  /** A command run by `kubectl exec` has this status; 128 and more: it was ended by a signal. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;

  constructor(tool: string, args: readonly string[], status: number, output: KubectlOutput) {
    super(`${tool} ${args.join(" ")} ended with status ${status}: ${output.stderr}`);
    this.name = "KubectlError";
    this.status = status;
    this.stdout = output.stdout;
    this.stderr = output.stderr;
  }
}

/** Runs kubectl without the settings of this machine or user. Throws KubectlError. */
export function runKubectl(
  args: readonly string[],
  options: KubectlOptions,
): Promise<KubectlOutput> {
  return runTool("kubectl", args, options);
}

/** Runs helm without the settings of this machine or user. Throws KubectlError. */
export function runHelm(args: readonly string[], options: KubectlOptions): Promise<KubectlOutput> {
  return runTool("helm", args, options);
}

async function runTool(
  tool: ClusterTool,
  args: readonly string[],
  { kubeconfig, input = "", timeoutMs }: KubectlOptions,
): Promise<KubectlOutput> {
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: `${kubeconfig}.home` };
  const limit = timeoutMs === undefined ? {} : { timeoutMs };
  const { status, stdout, stderr } = await runProgram(clusterTool(tool), args, {
    env,
    input,
    ...limit,
  });
  if (status !== 0) throw new KubectlError(tool, args, status, { stdout, stderr });
  return { stdout, stderr };
}
