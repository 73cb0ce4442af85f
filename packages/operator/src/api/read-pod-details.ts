// SPDX-License-Identifier: Apache-2.0
import { hash } from "node:crypto";
import type { ContainerDetails, PodDetails as WireDetails } from "@gander/proto/stream";
import type { PodDetails } from "../workloads/workload.ts";
import type { Intern } from "./intern.ts";
import { type Container, containersOf, hookNames, probeNames, type RawPod } from "./raw-pod.ts";

/** Details that are sent on request only. */
export type WantedDetails = {
  /** Keys; ascending. */
  readonly annotations: readonly string[];
};

export const noneWanted: WantedDetails = { annotations: [] };

/** The details of a pod; pods with equal ones share them. */
export function readPodDetails(
  pod: RawPod,
  intern: Intern,
  wanted: WantedDetails = noneWanted,
): PodDetails {
  const text = JSON.stringify(messageOf(pod, wanted));
  // The digest and not the text is the key, because it is kept.
  const digest = hash("sha256", text, "base64url");
  return intern(`details ${digest}`, () => ({ digest, text }));
}

/** Equal details give equal text: fields are in a fixed order, and without defaults. */
function messageOf(
  { metadata, spec, status }: RawPod,
  { annotations: keys }: WantedDetails,
): WireDetails {
  const imageIds = imageIdsOf(status);
  const containers = withinBounds(
    containersOf(spec).flatMap((container) =>
      containerDetails(container, imageIds.get(container.name) ?? ""),
    ),
  );
  const annotations = annotationsOf(metadata, keys);
  return {
    ...workloadOf(metadata),
    ...(containers.length > 0 && { containers }),
    ...(annotations.length > 0 && { annotations }),
  };
}

/** Of a pod; what is longer, events don't show. Whoever may create pods writes these texts. */
const mostCharacters = { command: 4096, containers: 16_384, annotation: 1024 };

function withinBounds(containers: readonly ContainerDetails[]): readonly ContainerDetails[] {
  let room = mostCharacters.containers;
  return containers.filter((container) => {
    room -= JSON.stringify(container).length;
    return room >= 0;
  });
}

function annotationsOf(
  { annotations = {} }: RawPod["metadata"],
  keys: readonly string[],
): NonNullable<WireDetails["annotations"]> {
  return keys
    .filter((key) => Object.hasOwn(annotations, key))
    .map((key) => ({ key, value: cut(annotations[key] ?? "", mostCharacters.annotation) }));
}

/** A copy, because a slice would keep the long text in memory. Ends with … if it was longer. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return Buffer.from(`${text.slice(0, length - 1)}…`).toString();
}

/** By the containers' names; those that haven't started have none. */
function imageIdsOf(status: RawPod["status"] = {}): ReadonlyMap<string, string> {
  const statuses = [
    ...(status.initContainerStatuses ?? []),
    ...(status.containerStatuses ?? []),
    ...(status.ephemeralContainerStatuses ?? []),
  ];
  return new Map(statuses.map(({ name, imageID = "" }) => [name, imageID]));
}

/** Nothing if there is nothing to show. */
function containerDetails(container: Container, image_id: string): readonly ContainerDetails[] {
  const exec_probes = commandsOf(
    probeNames.map((name) => expanded(container[name]?.exec?.command ?? [], container)),
  );
  const hooks = commandsOf(
    hookNames.map((name) => container.lifecycle?.[name]?.exec?.command ?? []),
  );
  if (exec_probes.length === 0 && hooks.length === 0 && image_id === "") return [];
  return [
    {
      name: container.name,
      ...(exec_probes.length > 0 && { exec_probes }),
      ...(image_id !== "" && { image_id }),
      ...(hooks.length > 0 && { hooks }),
    },
  ];
}

/** Without those that are empty or too long. */
function commandsOf(
  all: readonly (readonly string[])[],
): readonly { readonly command: string[] }[] {
  const commands = all.flatMap((command) => {
    const length = lengthOf(command);
    return length === 0 || length > mostCharacters.command ? [] : [[...command]];
  });
  // Often a container has the same probe twice.
  const texts = commands.map((command) => JSON.stringify(command));
  return commands
    .filter((_, i) => texts.indexOf(texts[i] ?? "") === i)
    .map((command) => ({ command }));
}

const lengthOf = (command: readonly string[]) =>
  command.reduce((sum, argument) => sum + argument.length + 1, 0);

/**
 * The command as the kubelet runs it for a probe: `$(NAME)` is the value in the container's `env`, empty if
 * that comes from elsewhere; unknown names stay, and `$$` is `$` (kubernetes: ExpandContainerCommandOnlyStatic
 * in pkg/kubelet/container/helpers.go). Empty if it gets too long.
 */
function expanded(command: readonly string[], { env = [] }: Container): readonly string[] {
  let room = mostCharacters.command - lengthOf(command);
  if (room < 0 || !command.some((argument) => argument.includes("$"))) return command;
  const values = new Map(env.map(({ name, value = "" }) => [name, value]));
  const all = command.map((argument) =>
    argument.replace(/\$(?:\$|\(([^)]*)\))/g, (text, name?: string) => {
      const value = name === undefined ? "$" : (values.get(name) ?? text);
      room -= value.length;
      return room < 0 ? "" : value;
    }),
  );
  return room < 0 ? [] : all;
}

/** As long as Kubernetes permits for names and kinds; owner references may hold longer texts. */
const longest = { name: 253, kind: 63 };

/**
 * The workload that a pod is a part of, from its controller; a pod without one is a workload of its own, and
 * so is a static pod, which its node controls. What controls the controller is not asked of the API server:
 * Deployments and CronJobs name their ReplicaSets and Jobs in a known way (kubernetes:
 * pkg/controller/deployment/sync.go, pkg/controller/cronjob/utils.go), as do Argo Rollouts and OpenShift's
 * DeploymentConfigs. Anyone who may create pods can write owner references: they only name, and grant nothing.
 */
function workloadOf({
  ownerReferences = [],
  labels = {},
}: RawPod["metadata"]): Pick<WireDetails, "workload" | "workload_kind"> {
  const owner = ownerReferences.find(({ controller }) => controller === true);
  if (owner === undefined || owner.kind === "Node") return { workload_kind: "Pod" };
  const kind = cut(owner.kind, longest.kind);
  const name = cut(owner.name, longest.name);
  const known = knownOwners.get(kind)?.(name, labels);
  return known ?? { workload: name, workload_kind: kind };
}

type FindOwner = (
  name: string,
  labels: Readonly<Record<string, string>>,
) => { readonly workload: string; readonly workload_kind: string } | undefined;

/** The controllers of controllers, by the kind of the controller; undefined: it has none. */
const knownOwners: ReadonlyMap<string, FindOwner> = new Map<string, FindOwner>([
  [
    "ReplicaSet",
    (name, labels) =>
      beforeHash(name, labels["pod-template-hash"], "Deployment") ??
      beforeHash(name, labels["rollouts-pod-template-hash"], "Rollout"),
  ],
  // A CronJob appends the time in minutes since 1970.
  ["Job", (name) => named(/^(.+)-\d{8,10}$/.exec(name)?.[1], "CronJob")],
  [
    "ReplicationController",
    (_, { deploymentconfig }) => named(deploymentconfig, "DeploymentConfig"),
  ],
]);

function beforeHash(name: string, templateHash: string | undefined, kind: string) {
  const end = `-${templateHash}`;
  if (templateHash === undefined || templateHash === "" || !name.endsWith(end)) return undefined;
  return named(name.slice(0, -end.length), kind);
}

function named(workload: string | undefined, kind: string) {
  if (workload === undefined || workload === "") return undefined;
  return { workload, workload_kind: kind };
}
