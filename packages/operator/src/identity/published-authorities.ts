// SPDX-License-Identifier: Apache-2.0
import { configMaps } from "../api/cluster-resources.ts";
import { createKeptObject, type KeptObjectDeps } from "../kept-object.ts";
import type { OperatorPart } from "../operator-part.ts";

/** Maintains `ca.crt` in the ConfigMap by which sensors and people trust the operator. */
export function publishedAuthorities(
  deps: KeptObjectDeps & { readonly namespace: string },
): OperatorPart {
  const metadata = { namespace: deps.namespace, name: "gander-operator-ca" };
  return createKeptObject(deps, {
    what: "the ConfigMap of the authorities",
    kind: configMaps,
    ...metadata,
    project: ({ data }) => ({ data: { "ca.crt": Object(data)["ca.crt"] } }),
    wanted: (ca) => ({ metadata, data: { "ca.crt": ca } }),
  });
}
