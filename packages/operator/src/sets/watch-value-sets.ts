// SPDX-License-Identifier: Apache-2.0
import type { Logger, Problem } from "@gander/base";
import { apiVersions, resourceOf, valueSetKind } from "@gander/crd-schemas";
import {
  createReflector,
  type KubeClient,
  type KubeObject,
  type Reflector,
  type ReflectorTiming,
} from "@gander/kube";
import { checkSetObject, type ValueSet } from "@gander/policy";
import type { WritableSetCatalog } from "./set-catalog.ts";

export const valueSets = resourceOf(valueSetKind);

type RawSet = KubeObject & { readonly spec?: unknown };

type WatchedSet = {
  readonly uid: string;
  readonly name: string;
  readonly resourceVersion: string | undefined;
  readonly set: ValueSet | undefined;
  readonly problems: readonly Problem[];
};

/** An object of the API as a set, or its problems: the operator never relies on admission. */
export function readSetObject({ metadata, spec }: RawSet): ReturnType<typeof checkSetObject> {
  const { name } = metadata;
  return checkSetObject({
    ...{ apiVersion: apiVersions.GuardPolicy, kind: valueSetKind },
    ...{ metadata: { name }, spec },
  });
}

/** Keeps the ValueSets of the API in the catalog. */
export function watchValueSets(
  {
    client,
    logger,
    sets,
  }: {
    readonly client: KubeClient;
    readonly logger: Logger;
    readonly sets: WritableSetCatalog;
  },
  options: { readonly timing?: Partial<ReflectorTiming> } = {},
): Reflector<WatchedSet> {
  return createReflector<WatchedSet, RawSet>(
    { client, logger },
    {
      ...options,
      resource: valueSets,
      project: (raw) => {
        const { value, problems = [] } = readSetObject(raw);
        const { uid, name, resourceVersion } = raw.metadata;
        return { uid, name, resourceVersion, set: value, problems };
      },
      equal: (a, b) => a.resourceVersion === b.resourceVersion,
      onChange: (change) => {
        if (change.type === "deleted") sets.delete(change.previous.name);
        else if (change.value.set) sets.put(change.value.set);
        else {
          logger.error("A ValueSet is wrong; its last values stay in force", {
            set: change.value.name,
            problems: change.value.problems.slice(0, 3),
          });
          sets.putBroken(change.value.name, change.value.problems);
        }
      },
    },
  );
}
