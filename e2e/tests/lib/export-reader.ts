// SPDX-License-Identifier: Apache-2.0
import type { ExportedEvent } from "./exported-event.ts";
import { LineFollower } from "./line-follower.ts";
import { parseLines } from "./parse-lines.ts";

/** Reads growing export files, each line once; recognises a file that was renamed. */
export class ExportReader {
  readonly #lines = new LineFollower();
  readonly #known = new Map<string, ExportedEvent[]>();

  events(paths: readonly string[]): readonly ExportedEvent[] {
    const all: ExportedEvent[] = [];
    for (const path of paths) for (const event of this.#read(path)) all.push(event);
    return all;
  }

  #read(path: string): readonly ExportedEvent[] {
    const added = this.#lines.read(path);
    if (added === undefined) return [];
    const events = this.#known.get(added.file) ?? [];
    this.#known.set(added.file, events);
    for (const event of parseLines(added.bytes.toString("utf8"))) events.push(event);
    return events;
  }
}
