// SPDX-License-Identifier: Apache-2.0
import type { Ending } from "./attack-result.ts";

/** Of a pod, what is looked at. */
export type ProbeStatus = {
  readonly phase?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message?: string;
  }[];
  readonly containerStatuses?: readonly {
    readonly name: string;
    readonly state?: {
      readonly waiting?: { readonly reason?: string; readonly message?: string };
      readonly terminated?: {
        readonly exitCode: number;
        readonly reason?: string;
        readonly message?: string;
      };
    };
  }[];
};

/** What a container is waiting for and won't get; the kubelet tries again for ever. */
const hopeless = /^(ErrImage|ImagePullBackOff|InvalidImageName|Create\w+Error|RunContainerError)/;

/** How the case of a container ended; undefined: it has not. */
export function endingOf(status: ProbeStatus, container: string): Ending | undefined {
  const own = status.containerStatuses?.find(({ name }) => name === container)?.state;
  const { terminated, waiting } = own ?? {};
  if (terminated !== undefined) return endedWith(terminated);
  const why = (text: string) => ({ outcome: "impossible", error: text }) as const;
  if (hopeless.test(waiting?.reason ?? ""))
    return why(`${waiting?.reason}: ${waiting?.message ?? ""}`);
  if (status.phase === "Failed")
    return why(`${status.reason ?? "failed"}: ${status.message ?? ""}`);
  return undefined;
}

type Terminated = NonNullable<
  NonNullable<NonNullable<ProbeStatus["containerStatuses"]>[number]["state"]>["terminated"]
>;

/** By the exit statuses of native/act.c. */
function endedWith({ exitCode, reason, message = "" }: Terminated): Ending {
  const error = message.trim();
  if (reason === "OOMKilled") return { outcome: "impossible", error: "out of memory" };
  if (exitCode === 137) return { outcome: "killed", error: "" };
  if (exitCode === 121) return { outcome: "refused", error };
  if (exitCode === 122) return { outcome: "refused", error: `before: ${error}` };
  if (exitCode === 124) return { outcome: "impossible", error: `the image lacks it: ${error}` };
  // The runtime could not start the program: 125 to 128.
  if (exitCode === 123 || reason === "StartError" || reason === "ContainerCannotRun")
    return { outcome: "impossible", error: error || `${reason}` };
  return { outcome: "succeeded", error: "" };
}

/** Why it is not running yet. */
export function waitingFor(status: ProbeStatus): string {
  const scheduled = status.conditions?.find(({ type }) => type === "PodScheduled");
  if (scheduled?.status === "False") return scheduled.message ?? "no node takes the pod";
  const reasons = status.containerStatuses?.flatMap(({ state }) => state?.waiting?.reason ?? []);
  return reasons?.[0] ?? status.phase ?? "";
}
