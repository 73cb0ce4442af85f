// SPDX-License-Identifier: Apache-2.0
import type { Column, Kind } from "./kinds.ts";
import { isGuardKind } from "./policy-kinds.ts";
import { structural, validations } from "./structural-schema.ts";
import type { JsonSchema } from "./to-json-schema.ts";
import { clean } from "./to-json-schema.ts";

/** The CustomResourceDefinition for the API server. */
export function customResourceDefinition(kind: Kind): JsonSchema {
  const { group, version, plural, scope } = kind;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      labels: { "app.kubernetes.io/part-of": "gander" },
      annotations: {
        // Deleting a definition deletes all policies: no uninstallation does that.
        "helm.sh/resource-policy": "keep",
        "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
        "argocd.argoproj.io/sync-wave": "-10",
      },
    },
    spec: {
      group,
      scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural,
        singular: kind.kind.toLowerCase(),
        shortNames: [kind.shortName],
        categories: kind.categories,
      },
      versions: [
        clean({
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: kind.columns.map(column),
          schema: { openAPIV3Schema: objectSchema(kind) },
          subresources: kind.statusSubresource && { status: {} },
        }),
      ],
    },
  };
}

const column = ({ name, type, jsonPath, help, priority }: Column): JsonSchema =>
  clean({ name, type, description: help, jsonPath, priority });

function objectSchema(kind: Kind): JsonSchema {
  const { help, spec, specRules = [], status, statusSubresource } = kind;
  const place = { seen: new Set<string>(), shapeOnly: false, isGuard: isGuardKind(kind.kind) };
  return {
    description: help,
    type: "object",
    required: spec ? ["metadata", "spec"] : ["metadata"],
    properties: clean({
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: spec && withRules(structural(spec, place), validations(specRules)),
      status: status && clean({ ...structural(status, place), default: statusSubresource?.unset }),
    }),
  };
}

const rulesKeyword = "x-kubernetes-validations";

function withRules(schema: JsonSchema, more: readonly JsonSchema[]): JsonSchema {
  const own = schema[rulesKeyword];
  const rules = [...(Array.isArray(own) ? own : []), ...more];
  return rules.length === 0 ? schema : { ...schema, [rulesKeyword]: rules };
}
