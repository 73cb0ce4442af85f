// SPDX-License-Identifier: Apache-2.0
import type { KubeObject } from "@gander/kube";

/** The API server's object, only the fields that are read. */
export type RawPod = KubeObject & {
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly OwnerReference[];
  };
  readonly spec?: {
    readonly nodeName?: string;
    readonly initContainers?: readonly Container[];
    readonly containers?: readonly Container[];
    readonly ephemeralContainers?: readonly Container[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly ephemeralContainerStatuses?: readonly ContainerStatus[];
  };
};

type OwnerReference = {
  readonly kind: string;
  readonly name: string;
  readonly controller?: boolean;
};

export type ContainerStatus = { readonly name: string; readonly imageID?: string };

/** In `spec`. */
export type Container = {
  readonly name: string;
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly lifecycle?: { readonly [hook in (typeof hookNames)[number]]?: Handler };
} & {
  readonly [probe in (typeof probeNames)[number]]?: Handler;
};

/** Of those that the kubelet carries out, only commands concern processes. */
type Handler = { readonly exec?: { readonly command?: readonly string[] } };

export const probeNames = ["startupProbe", "livenessProbe", "readinessProbe"] as const;
export const hookNames = ["postStart", "preStop"] as const;

/** All: init, ordinary, ephemeral. */
export function containersOf(spec: RawPod["spec"]): readonly Container[] {
  return [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
}
