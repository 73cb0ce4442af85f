// SPDX-License-Identifier: Apache-2.0
import type { Change } from "@gander/kube";
import type { Resolver } from "../workloads/resolver.ts";
import type { WatchedPod } from "./read-pod.ts";

type PodFeedDeps = {
  readonly resolver: Pick<Resolver, "putPod" | "deletePod">;
  readonly changed: (nodes: Iterable<string>) => void;
};

/**
 * Passes pod changes to the resolver. A UID belongs to the first API object that has it, until that object
 * is deleted: a client that may create pods can write a mirror pod's annotation, and must not replace
 * another pod by it.
 */
export function createPodFeed({ resolver, changed }: PodFeedDeps) {
  const owners = new Map<string, string>();
  const remove = ({ uid, pod }: WatchedPod) => {
    if ((owners.get(pod.uid) ?? uid) !== uid) return;
    owners.delete(pod.uid);
    changed(resolver.deletePod(pod.uid));
  };
  const put = ({ uid, pod }: WatchedPod) => {
    // Nearly all pods have their own UID and need no entry.
    if (pod.uid !== uid) {
      if ((owners.get(pod.uid) ?? uid) !== uid) return;
      owners.set(pod.uid, uid);
    }
    changed(resolver.putPod(pod));
  };
  return (change: Change<WatchedPod>): void => {
    if (change.type === "deleted") {
      remove(change.previous);
      return;
    }
    if (change.type === "updated" && change.previous.pod.uid !== change.value.pod.uid)
      remove(change.previous);
    put(change.value);
  };
}
