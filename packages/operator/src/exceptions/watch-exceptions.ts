// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import { apiVersions, type ExceptionKind, exceptionKinds, resourceOf } from "@gander/crd-schemas";
import {
  createReflector,
  type Kind,
  type KubeClient,
  type KubeObject,
  type Reflector,
  type ReflectorTiming,
} from "@gander/kube";
import { type CompiledException, checkExceptionObject } from "@gander/policy";
import type { WritableExceptionCatalog } from "./exception-catalog.ts";

export const exceptionResources: readonly (Kind & { readonly kind: ExceptionKind })[] =
  exceptionKinds.map(resourceOf);

type RawException = KubeObject & { readonly spec?: unknown };

type WatchedException = {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly exception: CompiledException | undefined;
  readonly problems: readonly string[];
};

/** An object of the API as an exception, or its problems: the operator never relies on admission. */
export function readExceptionObject(
  kind: ExceptionKind,
  { metadata, spec }: RawException,
): ReturnType<typeof checkExceptionObject> {
  const { name, namespace } = metadata;
  return checkExceptionObject({
    ...{ apiVersion: apiVersions.GuardPolicy, kind },
    ...{ metadata: { name, ...(namespace !== undefined && { namespace }) }, spec },
  });
}

/** Keeps the exceptions of one kind in the catalog. */
export function watchExceptions(
  resource: (typeof exceptionResources)[number],
  {
    client,
    logger,
    exceptions,
  }: {
    readonly client: KubeClient;
    readonly logger: Logger;
    readonly exceptions: WritableExceptionCatalog;
  },
  options: { readonly timing?: Partial<ReflectorTiming> } = {},
): Reflector<WatchedException> {
  return createReflector<WatchedException, RawException>(
    { client, logger },
    {
      ...options,
      resource,
      project: (raw) => {
        const { value, problems = [] } = readExceptionObject(resource.kind, raw);
        const { uid, name, namespace, resourceVersion } = raw.metadata;
        const messages = problems.slice(0, 3).map(({ path, message }) => `${path}: ${message}`);
        const read = { exception: value?.exception, problems: messages };
        return { uid, name, namespace, resourceVersion, ...read };
      },
      equal: (a, b) => a.resourceVersion === b.resourceVersion,
      onChange: (change) => {
        if (change.type === "deleted") return exceptions.delete(change.previous.uid);
        const { uid, name, namespace, exception, problems } = change.value;
        if (exception !== undefined) return exceptions.put(uid, exception);
        logger.error("An exception is wrong; it excepts nothing", { name, namespace, problems });
        exceptions.delete(uid);
      },
    },
  );
}
