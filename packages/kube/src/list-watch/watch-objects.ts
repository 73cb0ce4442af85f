// SPDX-License-Identifier: Apache-2.0
import type { KubeClient } from "../client/client.ts";
import { KubeError } from "../client/kube-error.ts";
import { type Resource, resourcePath } from "../client/resource.ts";
import { statusError } from "../client/status-error.ts";
import { isKubeObject, type KubeObject } from "./kube-object.ts";
import { createLineSplitter } from "./line-splitter.ts";
import type { Selection } from "./list-objects.ts";
import { withoutManagedFields } from "./managed-fields.ts";

export type WatchEvent =
  | { readonly type: "set" | "delete"; readonly object: KubeObject }
  | { readonly type: "bookmark"; readonly resourceVersion: string };

export type WatchOptions = {
  readonly selection: Selection;
  /** Events after this version are sent. */
  readonly resourceVersion: string;
  /** The server ends the watch after this long. */
  readonly timeoutSeconds: number;
  /** Longest silence; bookmarks arrive about once a minute. */
  readonly idleMs: number;
  readonly maxObjectBytes: number;
  readonly signal: AbortSignal;
  readonly onOpen?: () => void;
  /** Called once per chunk, after its events. */
  readonly onChunk?: (chunk: { readonly bytes: number; readonly handlingMs: number }) => void;
  readonly onEvent: (event: WatchEvent) => void;
};

/**
 * One watch until the server ends it, which is no error; a line cut off then is ignored. Throws
 * `kube-expired` if the version has expired (as response or event), `kube-protocol` on anything but
 * events, `kube-timeout` on silence, and the client's errors.
 */
export async function watchObjects(
  client: KubeClient,
  resource: Resource,
  options: WatchOptions,
): Promise<void> {
  const { selection, resourceVersion, timeoutSeconds, signal, onEvent } = options;
  const { namespace, ...selectors } = selection;
  const task = `watch ${resource.plural}`;
  const chunks = await client.stream({
    task,
    path: resourcePath(resource, { namespace }),
    query: {
      ...selectors,
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion,
      timeoutSeconds,
    },
    signal,
    idleMs: options.idleMs,
  });
  options.onOpen?.();
  const splitter = createLineSplitter({ maxLineBytes: options.maxObjectBytes });
  const onLine = (line: Buffer) => onEvent(parseWatchEvent(line, task));
  for await (const chunk of chunks) {
    const startedMs = performance.now();
    splitter.push(chunk, onLine);
    options.onChunk?.({ bytes: chunk.length, handlingMs: performance.now() - startedMs });
  }
}

/** One line of a watch. Throws the error of an ERROR event, typed by its status. */
// hot: scripts/measure-reflector.ts
export function parseWatchEvent(line: Buffer, task: string): WatchEvent {
  const { type, object } = parseLine(line, task);
  switch (type) {
    case "ADDED":
    case "MODIFIED":
      if (isKubeObject(object)) return { type: "set", object };
      break;
    case "DELETED":
      if (isKubeObject(object)) return { type: "delete", object };
      break;
    case "BOOKMARK": {
      const resourceVersion = versionOf(object);
      if (resourceVersion !== "") return { type: "bookmark", resourceVersion };
      break;
    }
    case "ERROR":
      throw statusError({ task, status: 0, body: object });
  }
  throw new KubeError(
    "kube-protocol",
    `Cannot ${task}: an event of type ${JSON.stringify(type)?.slice(0, 100)} has no object as expected`,
    { retryable: true },
  );
}

function parseLine(line: Buffer, task: string): { type?: unknown; object?: unknown } {
  try {
    return Object(JSON.parse(withoutManagedFields(line)));
  } catch (cause) {
    const start = line.toString("latin1", 0, 100);
    throw new KubeError("kube-protocol", `Cannot ${task}: a line is not JSON: ${start}`, {
      retryable: true,
      cause,
    });
  }
}

/** A bookmark's object has only a version. */
function versionOf(object: unknown): string {
  const metadata =
    typeof object === "object" && object !== null && "metadata" in object
      ? object.metadata
      : undefined;
  return typeof metadata === "object" &&
    metadata !== null &&
    "resourceVersion" in metadata &&
    typeof metadata.resourceVersion === "string"
    ? metadata.resourceVersion
    : "";
}
