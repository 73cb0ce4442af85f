// SPDX-License-Identifier: Apache-2.0
import type { KubeClient, KubeRequest } from "../client/client.ts";
import { KubeError } from "../client/kube-error.ts";
import { type Resource, resourcePath } from "../client/resource.ts";
import { createListScanner } from "./list-scanner.ts";

/** Selects objects of a resource; selectors are in their text forms. */
export type Selection = {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
};

type ListOptions = {
  readonly selection: Selection;
  /** 0 requests all in one response. */
  readonly pageSize: number;
  readonly maxObjectBytes: number;
  readonly idleMs: number;
  readonly signal: AbortSignal;
  /** Bytes of one object; valid during the call. */
  readonly onItem: (item: Buffer) => void;
  /** Data has arrived; distinguishes silence from slowness. */
  readonly onChunk?: () => void;
};

/**
 * Lists a resource page by page and returns the version that a watch continues from. The request has no
 * resourceVersion: the response is the newest state ("Most Recent"), so a list never goes back behind what
 * a watch has already shown, whichever API server answers. All pages have the state of the first one;
 * `kube-expired` from a later page means: start again (Kubernetes API concepts, "Retrieving large results
 * sets in chunks").
 */
export async function listObjects(
  client: KubeClient,
  resource: Resource,
  options: ListOptions,
): Promise<{ readonly resourceVersion: string; readonly pages: number }> {
  const { namespace, ...selectors } = options.selection;
  let resume: string | undefined;
  for (let pages = 1; ; pages++) {
    const metadata = await readPage(client, options, {
      task: `list ${resource.plural}`,
      path: resourcePath(resource, { namespace }),
      query: { ...selectors, limit: options.pageSize || undefined, continue: resume },
      signal: options.signal,
      // A list in one response may take long to begin.
      timeoutMs: options.idleMs,
    });
    if (metadata.continue === "") return { resourceVersion: metadata.resourceVersion, pages };
    resume = metadata.continue;
  }
}

async function readPage(client: KubeClient, options: ListOptions, request: KubeRequest) {
  const { maxObjectBytes, idleMs, onItem, onChunk } = options;
  const scanner = createListScanner({ maxItemBytes: maxObjectBytes });
  for await (const chunk of await client.stream({ ...request, idleMs })) {
    onChunk?.();
    scanner.push(chunk, onItem);
  }
  return readListMetadata(scanner.end(), request.task);
}

function readListMetadata(envelope: unknown, task: string) {
  const metadata =
    typeof envelope === "object" && envelope !== null && "metadata" in envelope
      ? envelope.metadata
      : undefined;
  const field = (name: string): string => {
    const found = Object.entries(Object(metadata)).find(([key]) => key === name)?.[1];
    return typeof found === "string" ? found : "";
  };
  const resourceVersion = field("resourceVersion");
  if (resourceVersion === "") {
    throw new KubeError("kube-protocol", `Cannot ${task}: the answer is not a list of objects`, {
      retryable: true,
    });
  }
  return { resourceVersion, continue: field("continue") };
}
