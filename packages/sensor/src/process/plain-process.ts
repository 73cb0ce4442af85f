// SPDX-License-Identifier: Apache-2.0
import type { Pod, Process } from "@gander/proto";
import { wrapped } from "./process-details.ts";
import type { ProcessEntry } from "./process-entry.ts";
import { flagsText } from "./process-flags.ts";

/** The complete plain message; `tid`: the acting thread. */
export function plainProcess(entry: ProcessEntry, tid: number): Process {
  const { binaryProperties } = entry;
  const { pod, containerId } = entry.workload;
  return {
    exec_id: entry.execId,
    pid: wrapped(entry.pid),
    uid: wrapped(entry.uid),
    ...text("cwd", entry.cwd),
    ...text("binary", entry.binary),
    ...text("arguments", entry.arguments),
    ...text("flags", flagsText(entry.flags)),
    start_time: {
      ...(entry.seconds !== 0 && { seconds: String(entry.seconds) }),
      ...(entry.nanos !== 0 && { nanos: entry.nanos }),
    },
    auid: wrapped(entry.auid),
    ...(pod && { pod: plainPod(pod, entry) }),
    ...text("docker", containerId.slice(0, 31)),
    ...text("parent_exec_id", entry.parentExecId),
    ...(entry.refcnt !== 0 && { refcnt: entry.refcnt }),
    ...(entry.capabilities && { cap: entry.capabilities }),
    ...(entry.namespaces && { ns: entry.namespaces }),
    tid: wrapped(tid),
    ...(entry.credentials && { process_credentials: entry.credentials }),
    ...(hasFields(binaryProperties) && { binary_properties: binaryProperties }),
    in_init_tree: { ...(entry.inInitTree && { value: true }) },
    ...(entry.session && { session: entry.session }),
  };
}

/** With the fields of its container that differ between processes. */
function plainPod(pod: Pod, { nsPid, maybeExecProbe }: ProcessEntry): Pod {
  if (pod.container === undefined) return pod;
  const own = {
    ...(nsPid !== 0 && { pid: { value: nsPid } }),
    ...(maybeExecProbe && { maybe_exec_probe: true }),
  };
  return { ...pod, container: { ...pod.container, ...own } };
}

function text<K extends string>(key: K, content: string): { readonly [k in K]?: string } {
  return content === "" ? {} : ({ [key]: content } as { [k in K]: string });
}

const hasFields = (message: object | undefined) =>
  message !== undefined && Object.keys(message).length > 0;
