// SPDX-License-Identifier: Apache-2.0
import type { Logger } from "@gander/base";
import {
  type Again,
  applyObject,
  createReflector,
  type Election,
  type KubeClient,
  type KubeObject,
  WorkQueue,
} from "@gander/kube";
import { secrets } from "../api/cluster-resources.ts";
import type { OnElected, OperatorPart } from "../operator-part.ts";
import { readCertificates, type SecretData, writeCertificates } from "./certificate-secret.ts";
import {
  type Certificates,
  type RenewalOptions,
  renewCertificates,
  trustedAuthorities,
} from "./renew-certificates.ts";
import type { WritableCertificate } from "./serving-certificate.ts";

type ManagedCertificateDeps = {
  readonly client: KubeClient;
  readonly logger: Logger;
  readonly election: Pick<Election, "permit">;
  readonly onElected: OnElected;
  readonly certificate: WritableCertificate;
  /** Milliseconds since 1970; Date.now if absent. */
  readonly now?: () => number;
};

type ManagedCertificateOptions = RenewalOptions & {
  readonly namespace: string;
  /** Of the Secret. */
  readonly name: string;
  readonly fieldManager: string;
  /** How often to check whether a certificate must be renewed. */
  readonly checkMs?: number;
};

type WatchedSecret = {
  readonly uid: string;
  readonly version: string;
  /** Undefined if unusable. */
  readonly certificates: Certificates | undefined;
};

type RawSecret = KubeObject & { readonly data?: SecretData };

/**
 * The operator's own certificates: made and renewed by the replica that holds the Lease, stored in a
 * Secret, and presented by each replica as soon as it reads them there.
 */
export function createManagedCertificate(
  { client, logger, election, onElected, certificate, now = Date.now }: ManagedCertificateDeps,
  options: ManagedCertificateOptions,
): OperatorPart {
  const { namespace, name, fieldManager, checkMs = 30_000 } = options;
  const key = `${namespace}/${name}`;
  /** Restores a deleted or damaged Secret as it was, so that clients keep trusting the operator. */
  let last: Certificates | undefined;
  const queue = new WorkQueue(reconcile, {
    onFailure: ({ error, failures }) => {
      if (failures % 20 === 1) logger.warn("Certificates cannot be stored", { error, failures });
    },
  });
  const watch = createReflector<WatchedSecret, RawSecret>(
    { client, logger },
    {
      resource: secrets,
      selection: { namespace, fieldSelector: `metadata.name=${name}` },
      project: ({ metadata: { uid, resourceVersion: version }, data = {} }) => ({
        uid,
        version,
        certificates: readCertificates(data),
      }),
      onChange: () => {
        adopt();
        queue.add(key);
      },
    },
  );

  function adopt(): void {
    const found = watch.store.get(key)?.certificates;
    if (found === undefined) return;
    last = found;
    certificate.set({ ...found.server, ca: trustedAuthorities(found) });
  }

  async function reconcile(): Promise<Again> {
    await renew();
    return { againAfterMs: checkMs };
  }

  async function renew(): Promise<void> {
    const permit = election.permit();
    if (permit === undefined || !watch.state().synced) return;
    const stored = watch.store.get(key);
    const current = stored?.certificates ?? last;
    const wanted = await renewCertificates(current, now(), options);
    if (stored?.certificates !== undefined && wanted === stored.certificates) return;
    await applyObject(
      client,
      secrets,
      {
        metadata: { namespace, name, ...(stored && { resourceVersion: stored.version }) },
        type: "Opaque",
        data: writeCertificates(wanted),
      },
      { permit, fieldManager, onConflict: "take" },
    );
    logger.info("Certificates were renewed", {
      reason: current === undefined ? "there were none" : "time, names or damage",
    });
  }

  return {
    name: "certificates",
    async run({ signal }) {
      using _ = onElected(() => queue.add(key));
      queue.add(key);
      const synced = watch.whenSynced({ signal }).then(() => queue.add(key));
      await Promise.all([watch.run({ signal }), queue.run({ signal }), synced]);
    },
    whenReady: ({ signal }) => certificate.whenReady({ signal }),
    problem: () =>
      certificate.current() === undefined ? "there is no certificate yet" : undefined,
  };
}
