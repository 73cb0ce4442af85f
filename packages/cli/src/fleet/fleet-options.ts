// SPDX-License-Identifier: Apache-2.0
import type { Values } from "@gander/base";

/** Options of every command that talks to the API server. */
export const clusterOptions = {
  kubeconfig: {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "How to reach the API server. Default: KUBECONFIG, ~/.kube/config, or in a pod its service account.",
    group: "Cluster",
    flagOnly: true,
  },
  context: {
    type: "text",
    default: "",
    placeholder: "NAME",
    help: "A context of the kubeconfig, if it is not the current one.",
    group: "Cluster",
    flagOnly: true,
  },
  "operator-namespace": {
    type: "text",
    default: "gander-system",
    placeholder: "NAME",
    help: "The operator's namespace.",
    group: "Cluster",
    flagOnly: true,
  },
} as const;

/** Options of every command that talks to the operator. */
export const operatorAccess = {
  "operator-ca": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "Authorities (PEM) of the operator's certificate. Default: those in the cluster's ConfigMap gander-operator-ca.",
    group: "Operator",
    flagOnly: true,
  },
  "operator-server-name": {
    type: "text",
    default: "",
    placeholder: "NAME",
    help: "The name in the operator's certificate. Default: gander-operator.NAMESPACE.svc.",
    group: "Operator",
    flagOnly: true,
  },
  "operator-token": {
    type: "text",
    default: "",
    placeholder: "FILE",
    help: "A file with your token for the operator. Default: --token, or the token of the kubeconfig.",
    group: "Operator",
    flagOnly: true,
  },
  token: {
    type: "text",
    default: "",
    placeholder: "TOKEN",
    help: "The token itself, preferably in the environment: others on this machine can see command lines.",
    group: "Operator",
  },
  ...clusterOptions,
} as const;

const address = {
  type: "text",
  placeholder: "HOST:PORT",
  group: "Operator",
  flagOnly: true,
  check: checkAddress,
} as const;

/** For commands that can also ask the sensor of this machine: the operator only if its address is given. */
export const fleetOptions = {
  operator: {
    ...address,
    default: "",
    help: "Ask the operator about the whole cluster, at this address; see kubectl port-forward.",
  },
  ...operatorAccess,
} as const;

/** For commands that only the operator can answer. */
export const onlyFleetOptions = {
  operator: {
    ...address,
    default: "127.0.0.1:8444",
    help: "The operator's address. The default fits: kubectl -n gander-system port-forward service/gander-operator 8444",
  },
  ...operatorAccess,
} as const;

export type ClusterValues = Values<typeof clusterOptions>;
export type FleetValues = Values<typeof onlyFleetOptions> & { readonly timeout: number };

function checkAddress(text: string): string | undefined {
  return text === "" || /^(\[[0-9a-fA-F:.]+\]|[^:\s/]+):\d{1,5}$/.test(text)
    ? undefined
    : `"${text}" is not an address such as 127.0.0.1:8444`;
}

export const fleetTimeout = {
  type: "duration",
  default: 30_000,
  min: 1,
  help: "How long an answer may take.",
  group: "Operator",
  flagOnly: true,
} as const;
