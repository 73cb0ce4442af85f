// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  applyObject,
  createReflector,
  type Election,
  type KubeClient,
  type KubeObject,
  WorkQueue,
} from "@gander/kube";
import { configMaps } from "../api/cluster-resources.ts";
import type { OnElected, OperatorPart } from "../operator-part.ts";
import type { ServingCertificate } from "./serving-certificate.ts";

export type AuthorityConfigMapDeps = {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly election: Pick<Election, "permit">;
  readonly onElected: OnElected;
  readonly certificate: ServingCertificate;
};

export type AuthorityConfigMapOptions = {
  readonly namespace: string;
  readonly name: string;
  readonly fieldManager: string;
};

type WatchedMap = { readonly uid: string; readonly ca: string };
type RawMap = KubeObject & { readonly data?: Readonly<Record<string, string>> };

/** Keeps `ca.crt` of a ConfigMap at what clients are to trust; sensors mount it. */
export function createAuthorityConfigMap(
  { client, logger, election, onElected, certificate }: AuthorityConfigMapDeps,
  { namespace, name, fieldManager }: AuthorityConfigMapOptions,
): OperatorPart {
  const key = `${namespace}/${name}`;
  const watch = createReflector<WatchedMap, RawMap>(
    { client, logger },
    {
      resource: configMaps,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      project: ({ metadata: { uid }, data = {} }) => ({ uid, ca: data["ca.crt"] ?? "" }),
      onChange: () => queue.add(key),
    },
  );
  const queue = new WorkQueue(
    async () => {
      const permit = election.permit();
      const ca = certificate.current()?.ca;
      if (permit === undefined || ca === undefined || !watch.state().synced) return;
      if (watch.store.get(key)?.ca === ca) return;
      const object = { metadata: { namespace, name }, data: { "ca.crt": ca } };
      await applyObject(client, configMaps, object, { permit, fieldManager, onConflict: "take" });
      logger.info("the authorities were published", { configMap: key });
    },
    {
      onFailure: ({ error, failures }) => {
        if (failures % 20 === 1)
          logger.warn("the authorities could not be published", { configMap: key, error });
      },
    },
  );
  return {
    name: "published-authorities",
    async run({ signal }) {
      using _ = certificate.onChange(() => queue.add(key));
      using __ = onElected(() => queue.add(key));
      const synced = watch.whenSynced({ signal }).then(() => queue.add(key));
      await Promise.all([watch.run({ signal }), queue.run({ signal }), synced]);
    },
  };
}
