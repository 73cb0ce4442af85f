// SPDX-License-Identifier: Apache-2.0
import type { ClusterEvents } from "./cluster-events.ts";
import type { RealCluster } from "./real-cluster.ts";

const group = "gander-test-users";

/** A command in a pod of the namespace `default`, for a user. */
export type UserCommand = {
  readonly user: string;
  readonly pod: string;
  /** For its shell. */
  readonly script: string;
  readonly input?: string;
};

export type SeenSession = {
  readonly kind: string;
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly request_uid?: string;
  readonly unannounced?: boolean;
  readonly candidates?: readonly SeenSession[];
};

/** Lets users execute commands in pods. */
export async function permitUsers(cluster: RealCluster): Promise<void> {
  const object = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: group },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
    subjects: [{ kind: "Group", apiGroup: "rbac.authorization.k8s.io", name: group }],
  };
  await cluster.kubectl(["apply", "--filename=-"], { input: JSON.stringify(object) });
}

/** Resolves when it has ended. */
export async function runAs(
  cluster: RealCluster,
  { user, pod, script, input = "" }: UserCommand,
): Promise<void> {
  const asUser = [`--as=${user}`, `--as-group=${group}`];
  const args = ["exec", "--stdin", pod, ...asUser, "--", "sh", "-c", script];
  await cluster.kubectl(args, { input, timeoutMs: 300_000 });
}

/** The session of the process that ran `/bin/true MARK`, as events show it. `events` are exec events in JSON. */
export async function sessionOf(
  events: ClusterEvents,
  mark: string,
): Promise<SeenSession | undefined> {
  const line = await events.line(new RegExp(`"binary":"/bin/true","arguments":"${mark}"`));
  return JSON.parse(line).process_exec.process.session;
}
