// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from "node:timers/promises";
import { GanderError } from "@gander/base";
import { resourceOf } from "@gander/crd-schemas";
import { createObject, deleteObject, KubeError, resourcePath, unfenced } from "@gander/kube";
import type { ProbeAccess } from "../attacks/run-probe.ts";
import type { PolicyCopy } from "./policy-copies.ts";

/** Creates the policies, and resolves when all nodes have them. Disposing deletes them. @throws GanderError */
export async function putInForce(
  copies: readonly PolicyCopy[],
  access: ProbeAccess,
): Promise<AsyncDisposable> {
  const { client, signal } = access;
  const created: PolicyCopy[] = [];
  const inForce: AsyncDisposable = {
    async [Symbol.asyncDispose]() {
      for (const { kind, metadata } of created)
        await deleteObject(client, resourceOf(kind), metadata, { permit: unfenced });
    },
  };
  try {
    for (const copy of copies) {
      const { kind, ...object } = copy;
      const writer = { permit: unfenced, fieldManager: "gander", signal };
      await createObject(client, resourceOf(kind), object, writer);
      created.push(copy);
    }
    for (const copy of copies) await isReady(copy, access);
    return inForce;
  } catch (error) {
    await inForce[Symbol.asyncDispose]();
    throw error;
  }
}

type Status = {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message: string;
    }[];
  };
};

async function isReady({ metadata }: PolicyCopy, access: ProbeAccess): Promise<void> {
  const { namespace, name } = metadata;
  const kind = namespace === undefined ? "PolicyStatus" : "PolicyStatusNamespaced";
  const end = performance.now() + access.timeoutMs;
  for (let seen = "it has no status yet: does the operator run?"; ; ) {
    const found = await access.client
      .get<Status>({
        task: `read the status of policy ${name}`,
        path: resourcePath(resourceOf(kind), { namespace, name }),
        signal: access.signal,
      })
      .catch((error: unknown) => {
        if (error instanceof KubeError && error.code === "kube-not-found") return undefined;
        throw error;
      });
    const condition = (type: string) => found?.status?.conditions?.find((one) => one.type === type);
    if (condition("Ready")?.status === "True") return;
    const stalled = condition("Stalled");
    seen = condition("Ready")?.message ?? seen;
    if (stalled?.status === "True" || performance.now() > end)
      throw new GanderError(
        "client-timeout",
        `Cannot put a copy of the policy in force in the cluster: ${stalled?.message || seen}`,
      );
    await sleep(500, undefined, { signal: access.signal });
  }
}
