// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  type AppliedObject,
  applyObject,
  createReflector,
  type Election,
  type Kind,
  type KubeClient,
  type KubeObject,
  WorkQueue,
} from "@gander/kube";
import type { ServingCertificate } from "./identity/serving-certificate.ts";
import type { OnElected, OperatorPart } from "./operator-part.ts";

export type KeptObjectDeps = {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly election: Pick<Election, "permit">;
  readonly onElected: OnElected;
  readonly certificate: ServingCertificate;
};

type KeptObjectOptions = {
  /** For logs, e.g. "the webhook for policies". */
  readonly what: string;
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name: string;
  /** The part of the stored object that must match the wanted one. */
  readonly project: (object: KubeObject & Readonly<Record<string, unknown>>) => object;
  /** The object for these authorities (PEM); undefined while nothing is to be written. */
  readonly wanted: (ca: string) => AppliedObject | undefined;
  /** Resolves when the result of `wanted` changes. */
  readonly until?: Promise<unknown>;
};

type Watched = { readonly uid: string; readonly actual: object };

/**
 * Keeps an object that depends on the authorities in its wanted state: a change or deletion by others is
 * reverted. The replica that holds the Lease writes, and only if something differs.
 */
export function createKeptObject(
  { client, logger, election, onElected, certificate }: KeptObjectDeps,
  { what, kind, namespace, name, project, wanted, until }: KeptObjectOptions,
): OperatorPart {
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  const watch = createReflector<Watched, KubeObject & Readonly<Record<string, unknown>>>(
    { client, logger },
    {
      resource: kind,
      selection: { ...(namespace && { namespace }), fieldSelector: `metadata.name=${name}` },
      project: (object) => ({ uid: object.metadata.uid, actual: project(object) }),
      onChange: () => queue.add(key),
    },
  );
  const queue = new WorkQueue(
    async () => {
      const permit = election.permit();
      const ca = certificate.current()?.ca;
      if (permit === undefined || ca === undefined || !watch.state().synced) return;
      const object = wanted(ca);
      if (object === undefined) return;
      const { metadata: _, ...contents } = object;
      if (covers(watch.store.get(key)?.actual, contents)) return;
      const fieldManager = "gander-operator";
      // Another owner of these fields could redirect policies or tokens.
      await applyObject(client, kind, object, { permit, fieldManager, onConflict: "take" });
      logger.info("An object was written", { what, object: `${kind.kind} ${key}` });
    },
    {
      onFailure: ({ error, failures }) => {
        if (failures % 20 === 1)
          logger.warn("An object cannot be written", {
            ...{ what, object: `${kind.kind} ${key}` },
            error,
          });
      },
    },
  );
  return {
    name: what,
    async run({ signal }) {
      const ask = () => queue.add(key);
      using _ = certificate.onChange(ask);
      using __ = onElected(ask);
      void until?.then(ask);
      const synced = watch.whenSynced({ signal }).then(ask);
      await Promise.all([watch.run({ signal }), queue.run({ signal }), synced]);
    },
  };
}

/** Whether the stored object has all that is wanted; the API server adds defaults. */
export function covers(actual: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return actual === wanted;
  if (typeof actual !== "object" || actual === null) return false;
  if (Array.isArray(wanted) && (!Array.isArray(actual) || actual.length !== wanted.length))
    return false;
  return Object.entries(wanted).every(([name, value]) => covers(Reflect.get(actual, name), value));
}
