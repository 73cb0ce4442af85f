// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from "node:util";
import { createLogger } from "@gander/base";
import {
  createReflector,
  type KubeClient,
  type KubeObject,
  type Reflector,
  type ReflectorTiming,
  resourcePath,
} from "@gander/kube";
import { waitUntil } from "../../tests/lib/wait-until.ts";

const pods = { group: "", version: "v1", plural: "pods" };

type Pod = KubeObject & {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
  readonly status?: { readonly phase?: string };
};
type SeenPod = { readonly uid: string; readonly tier: string; readonly phase: string };

export type FollowedPods = AsyncDisposable & {
  readonly reflector: Reflector<SeenPod>;
  /** `added namespace/name` etc., in order. */
  readonly changes: readonly string[];
  /** Resolves when the reflector has what the server returns to `witness`. */
  agree(): Promise<void>;
};

export type FollowOptions = {
  readonly namespace: string;
  /** The reflector's own client. */
  readonly client: KubeClient;
  /** The client for the reference state. */
  readonly witness: KubeClient;
  readonly pageSize?: number;
  readonly timing?: Partial<ReflectorTiming>;
  /** Called for each object that the reflector reads. */
  readonly onObject?: () => void;
};

/** A running reflector of the pods of a namespace. */
export function followPods(options: FollowOptions): FollowedPods {
  const { namespace, client, witness, pageSize, timing, onObject } = options;
  const changes: string[] = [];
  const reflector = createReflector<SeenPod, Pod>(
    { client, logger: createLogger({ write: () => {} }) },
    {
      resource: pods,
      selection: { namespace },
      project(pod) {
        onObject?.();
        return seen(pod);
      },
      onChange: ({ type, key }) => changes.push(`${type} ${key}`),
      ...(pageSize === undefined ? {} : { pageSize }),
      ...(timing === undefined ? {} : { timing }),
    },
  );
  const controller = new AbortController();
  const running = reflector.run({ signal: controller.signal });
  return {
    reflector,
    changes,
    async agree() {
      await waitUntil("the reflector has what the server has", async () => {
        const { items } = await witness.get<{ readonly items: readonly Pod[] }>({
          task: "list pods",
          path: resourcePath(pods, { namespace }),
        });
        const expected = new Map(items.map((pod) => [keyOf(pod), seen(pod)]));
        return reflector.state().synced && isDeepStrictEqual(contents(reflector), expected);
      });
    },
    async [Symbol.asyncDispose]() {
      controller.abort();
      await running;
    },
  };
}

const contents = (reflector: Reflector<SeenPod>) => new Map(reflector.store.entries());
const keyOf = ({ metadata }: Pod) => `${metadata.namespace}/${metadata.name}`;

function seen({ metadata, status }: Pod): SeenPod {
  return {
    uid: metadata.uid,
    tier: metadata.labels?.tier ?? "",
    phase: status?.phase ?? "",
  };
}
