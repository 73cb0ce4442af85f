// SPDX-License-Identifier: Apache-2.0
import type { TestCase } from "../policy-test.ts";
import { probeRights } from "./probe-rights.ts";
import { probeSteps } from "./probe-steps.ts";

export type ProbePodOptions = {
  readonly namespace: string;
  readonly name: string;
  /** The sensor's, or another one that has `act`. */
  readonly image: string;
  readonly imagePullSecrets?: readonly { readonly name?: string }[];
  /** By which policies choose the pod. */
  readonly labels: Readonly<Record<string, string>>;
  /** Empty: any node. */
  readonly node: string;
  /** How long containers wait before they act, until policies are in force for a new pod. */
  readonly settleSeconds: number;
};

const act = "/usr/local/lib/gander/lib/act";

/** A pod with a container for each case, which ends by itself. */
export function probePod(cases: readonly TestCase[], options: ProbePodOptions) {
  const { namespace, name, image, imagePullSecrets = [], labels, node, settleSeconds } = options;
  return {
    metadata: {
      ...{ name, namespace },
      labels: { ...labels, [probeLabel]: name },
    },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 0,
      activeDeadlineSeconds: 600,
      ...(node !== "" && { nodeSelector: { "kubernetes.io/hostname": node } }),
      ...(imagePullSecrets.length > 0 && { imagePullSecrets }),
      volumes: cases.flatMap((one, i) =>
        Object.keys(one.volumes).map((_, k) => ({ name: `volume-${i}-${k}`, emptyDir: {} })),
      ),
      containers: cases.map((one, i) => ({
        name: containerName(i),
        image,
        command: [act, "series", String(settleSeconds), ...probeSteps(one).flatMap(counted)],
        // What act says on its standard error.
        terminationMessagePolicy: "FallbackToLogsOnError",
        securityContext: probeRights(one),
        resources: {
          requests: { cpu: "1m", memory: "8Mi" },
          limits: { memory: "64Mi" },
        },
        volumeMounts: Object.keys(one.volumes).map((mountPath, k) => ({
          ...{ name: `volume-${i}-${k}`, mountPath },
        })),
      })),
    },
  };
}

export const probeLabel = "gander.dev/probe";
export const containerName = (index: number) => `case-${index}`;
const counted = (words: readonly string[]) => [String(words.length), ...words];
