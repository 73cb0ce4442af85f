// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from "node:fs";

/** The runtime's facts about a container. */
export type ContainerFacts = {
  /** As in the pod; empty: the pod's sandbox, which runs nothing of its own. */
  readonly name: string;
  /** As written in the pod, with its tag or digest. */
  readonly image: string;
  /** As the runtime calls the image that it found by that name; empty: its files do not say. */
  readonly imageId: string;
  /** When the runtime wrote the configuration, which it does to start the container; ms since 1970. */
  readonly startedMs: number;
  /** It may use every device of the machine: in a pod, only privileged containers may. */
  readonly isPrivileged: boolean;
  readonly podName: string;
  readonly podNamespace: string;
  /** As in container ids of the Kubernetes API: containerd, cri-o. */
  readonly runtime: string;
};

/** Looks up a container by its id (64 hex digits). */
export type ContainerBundles = (containerId: string) => ContainerFacts | undefined;

/** Where runtimes keep the OCI configuration of a container; `ID` stands for its id. */
export const defaultBundlePaths: readonly string[] = [
  "/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
  "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
  "/run/k0s/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
  "/run/containers/storage/overlay-containers/ID/userdata/config.json",
  "/var/lib/containers/storage/overlay-containers/ID/userdata/config.json",
];

/** Only the runtime, as root, writes there: no workload can pass for another one. */
export function createContainerBundles(
  paths: readonly string[] = defaultBundlePaths,
): ContainerBundles {
  return (id) => {
    if (!/^[0-9a-f]{64}$/.test(id)) return undefined;
    for (const path of paths) {
      const read = readConfiguration(path.replaceAll("ID", id));
      const facts = read && factsOf(read);
      if (facts !== undefined) return facts;
    }
    return undefined;
  };
}

const largestConfiguration = 4 << 20;

type Written = {
  readonly annotations?: unknown;
  readonly linux?: { readonly resources?: { readonly devices?: unknown } };
};

type Configuration = {
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly devices: unknown;
  readonly writtenMs: number;
};

function readConfiguration(path: string): Configuration | undefined {
  try {
    const { size, mtimeMs } = statSync(path);
    if (size > largestConfiguration) return undefined;
    const { annotations, linux } = JSON.parse(readFileSync(path, "utf8")) as Written;
    if (typeof annotations !== "object" || annotations === null) return undefined;
    return {
      annotations: annotations as Configuration["annotations"],
      devices: linux?.resources?.devices,
      writtenMs: Math.floor(mtimeMs),
    };
  } catch {
    return undefined; // doesn't exist, or is incomplete
  }
}

/** Annotations of containerd (pkg/cri/annotations) and CRI-O (pkg/annotations). */
const dialects = [
  {
    runtime: "containerd",
    type: "io.kubernetes.cri.container-type",
    name: "io.kubernetes.cri.container-name",
    image: "io.kubernetes.cri.image-name",
    imageId: "",
    podName: "io.kubernetes.cri.sandbox-name",
    podNamespace: "io.kubernetes.cri.sandbox-namespace",
  },
  {
    runtime: "cri-o",
    type: "io.kubernetes.cri-o.ContainerType",
    name: "io.kubernetes.container.name",
    image: "io.kubernetes.cri-o.ImageName",
    imageId: "io.kubernetes.cri-o.ImageRef",
    podName: "io.kubernetes.pod.name",
    podNamespace: "io.kubernetes.pod.namespace",
  },
];

function factsOf({ annotations, devices, writtenMs }: Configuration): ContainerFacts | undefined {
  const text = (key: string) => {
    const value = annotations[key];
    return typeof value === "string" ? value : "";
  };
  for (const { runtime, type, name, image, imageId, podName, podNamespace } of dialects) {
    const kind = text(type);
    if (kind !== "container" && kind !== "sandbox") continue;
    const isContainer = kind === "container";
    if (isContainer && text(name) === "") return undefined;
    return {
      name: isContainer ? text(name) : "",
      image: isContainer ? text(image) : "",
      imageId: isContainer ? text(imageId) : "",
      startedMs: writtenMs,
      isPrivileged: isContainer && allowsAllDevices(devices),
      podName: text(podName),
      podNamespace: text(podNamespace),
      runtime,
    };
  }
  return undefined;
}

/** Of the OCI configuration: linux.resources.devices, a rule without type and number is for all devices. */
function allowsAllDevices(devices: unknown): boolean {
  if (!Array.isArray(devices)) return false;
  return devices.some(
    (rule: Readonly<Record<string, unknown>> | null) =>
      rule?.allow === true &&
      (rule.type === undefined || rule.type === "" || rule.type === "a") &&
      (rule.major ?? -1) === -1 &&
      (rule.minor ?? -1) === -1 &&
      rule.access === "rwm",
  );
}

/** An image without its tag and digest: the `repo` of policies. */
export function repoOf(image: string): string {
  const name = image.split("@")[0] ?? "";
  const tag = name.lastIndexOf(":");
  return tag > name.lastIndexOf("/") ? name.slice(0, tag) : name;
}
