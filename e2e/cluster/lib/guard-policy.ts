// SPDX-License-Identifier: Apache-2.0

export type GuardOptions = {
  readonly name: string;
  /** A write to a file whose path starts with one of these is denied, and its process killed. */
  readonly prefixes: readonly string[];
  /** Labels of the pods it applies to; absent: everything. */
  readonly podLabels?: Readonly<Record<string, string>>;
  /** Absent: cluster-wide. */
  readonly namespace?: string;
};

/** The object, as `kubectl apply -f -` accepts it. */
export function guardPolicy({ name, prefixes, podLabels, namespace }: GuardOptions): string {
  return tracingPolicy(name, {
    namespace,
    spec: {
      ...(podLabels && { podSelector: { matchLabels: podLabels } }),
      kprobes: [
        {
          call: "security_file_permission",
          syscall: false,
          args: [
            { index: 0, type: "file" },
            { index: 1, type: "int" },
          ],
          selectors: [
            {
              matchArgs: [
                { index: 0, operator: "Prefix", values: prefixes },
                { index: 1, operator: "Equal", values: ["2"] },
              ],
              matchActions: [{ action: "Sigkill" }],
            },
          ],
        },
      ],
    },
  });
}

export function tracingPolicy(
  name: string,
  { namespace, spec }: { readonly namespace?: string | undefined; readonly spec: object },
): string {
  const kind = namespace === undefined ? "TracingPolicy" : "TracingPolicyNamespaced";
  const metadata = { name, ...(namespace !== undefined && { namespace }) };
  return JSON.stringify({ apiVersion: "cilium.io/v1alpha1", kind, metadata, spec });
}
