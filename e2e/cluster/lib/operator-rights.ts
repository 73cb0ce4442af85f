// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { ControlPlane } from "../control-plane.ts";
import { createServiceAccount } from "./cluster-objects.ts";
import { operatorNamespace as namespace } from "./operator-process.ts";

const folder = join(import.meta.dirname, "../../../charts/gander/rbac");
const name = "gander-operator";
const apiVersion = "rbac.authorization.k8s.io/v1";
const metadata = { name };

/**
 * Gives the operator's service account only the rights that the chart gives it; its namespace exists.
 * Returns the path of a kubeconfig: with it, tests detect a right that the chart lacks.
 */
export async function grantOperatorRights(cluster: ControlPlane): Promise<string> {
  await createServiceAccount(cluster.client, namespace, name);
  const subjects = [{ kind: "ServiceAccount", name, namespace }];
  const roleRef = (kind: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name });
  const here = { name, namespace };
  const objects = [
    { kind: "ClusterRole", metadata, rules: rules("operator-cluster-rules.yaml") },
    { kind: "ClusterRoleBinding", metadata, subjects, roleRef: roleRef("ClusterRole") },
    { kind: "Role", metadata: here, rules: rules("operator-namespace-rules.yaml") },
    { kind: "RoleBinding", metadata: here, subjects, roleRef: roleRef("Role") },
  ];
  const items = objects.map((object) => ({ apiVersion, ...object }));
  await cluster.kubectl(["apply", "--filename", "-"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
  });
  return cluster.serviceAccountKubeconfig(namespace, name);
}

const rules = (file: string): unknown => parse(readFileSync(join(folder, file), "utf8"));
