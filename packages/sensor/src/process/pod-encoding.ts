// SPDX-License-Identifier: Apache-2.0
import { type BackwardWriter, codec, type Pod, toProtoJson } from "@gander/proto";
import { jsonLine } from "../text/json-text.ts";
import type { LineBuffer } from "../text/line-buffer.ts";

/** The fields of a pod's container that differ between its processes. */
export type InContainer = {
  /** In the process's own pid namespace; 0: unknown. */
  readonly nsPid: number;
  readonly maybeExecProbe: boolean;
};

/** An encoded pod, in parts; between them go the fields of `InContainer`. */
type PodParts = {
  /** JSON from the name of the field to the container's start_time. */
  readonly jsonHead: Uint8Array;
  /** From the container's security_context to the closing brace. */
  readonly jsonTail: Uint8Array;
  /** Fields 1 to 3 of Pod, and from 5 on. */
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  /** Undefined: the process is in no container of the pod. */
  readonly container:
    | {
        /** Fields 1 to 4, and from 14 on. */
        readonly head: Uint8Array;
        readonly tail: Uint8Array;
      }
    | undefined;
};

const pidField = Buffer.from(',"pid":');
const probeField = Buffer.from(',"maybe_exec_probe":true');

/** hot: the field `pod` of a process, with a comma before it (bench/event-encoding). */
export function writeJsonPod(line: LineBuffer, pod: Pod, process: InContainer): void {
  const { jsonHead, jsonTail, container } = partsOf(pod);
  line.raw(jsonHead);
  if (container !== undefined) {
    if (process.nsPid !== 0) {
      line.raw(pidField);
      line.number(process.nsPid);
    }
    if (process.maybeExecProbe) line.raw(probeField);
  }
  line.raw(jsonTail);
}

/** The content of the field `pod`, without its tag and length. */
export function writeProtoPod(w: BackwardWriter, pod: Pod, process: InContainer): void {
  const { head, tail, container } = partsOf(pod);
  w.bytes(tail);
  if (container !== undefined) {
    const since = w.mark();
    w.bytes(container.tail);
    if (process.maybeExecProbe) w.varintField(13, 1);
    if (process.nsPid !== 0) {
      const pidSince = w.mark();
      w.varintField(1, process.nsPid);
      w.closeField(5, pidSince);
    }
    w.bytes(container.head);
    w.closeField(4, since);
  }
  w.bytes(head);
}

/** All processes of a container share the message. */
const known = new WeakMap<Pod, PodParts>();

function partsOf(pod: Pod): PodParts {
  let parts = known.get(pod);
  if (parts === undefined) {
    parts = encodePod(pod);
    known.set(pod, parts);
  }
  return parts;
}

function encodePod({ namespace = "", name = "", uid = "", container, ...rest }: Pod): PodParts {
  const { encode } = codec("tetragon.Pod");
  const head = { namespace, name, uid };
  if (container === undefined) {
    const json = jsonLine(toProtoJson("tetragon.Pod", { ...head, ...rest }));
    return {
      jsonHead: Buffer.from(`,"pod":${json}`),
      jsonTail: new Uint8Array(),
      head: encode(withoutEmpty(head)),
      tail: encode(rest),
      container: undefined,
    };
  }
  const { security_context, ...first } = container;
  const last = security_context === undefined ? {} : { security_context };
  const jsonHead = jsonLine(toProtoJson("tetragon.Pod", { ...head, container: first }));
  const jsonTail = [toProtoJson("tetragon.Container", last), toProtoJson("tetragon.Pod", rest)];
  return {
    // Both without their closing braces: a container has an id, so a comma may follow.
    jsonHead: Buffer.from(`,"pod":${jsonHead.slice(0, -2)}`),
    jsonTail: Buffer.from(jsonTail.map(afterComma).join("")),
    head: encode(withoutEmpty(head)),
    tail: encode(rest),
    container: {
      head: codec("tetragon.Container").encode(first),
      tail: codec("tetragon.Container").encode(last),
    },
  };
}

/** An object as the rest of one that has begun. */
function afterComma(json: object): string {
  const text = jsonLine(json);
  return text === "{}" ? "}" : `,${text.slice(1)}`;
}

function withoutEmpty(fields: Readonly<Record<string, string>>): Pod {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
}
