// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { decodePolicy, encodePolicy } from "../../packages/policy/src/content/index.ts";
import { checkPolicy } from "../../packages/policy/src/index.ts";
import { codec, unknownFields } from "../../packages/proto/src/index.ts";
import { streamCodec } from "../../packages/proto/src/stream/index.ts";
import { compileRequest } from "../../packages/sensor/src/control/get-events.ts";
import { repeated, series } from "../src/generators.ts";
import { outcomeOf, outcomeOrRefusal } from "../src/outcome.ts";
import type { Target } from "../src/target.ts";

const words = [
  "\n",
  "\x0a\x00",
  "\x12",
  "\x08\x01",
  "\x80",
  "\xff\xff\xff\xff\x0f",
  "\x0b",
  "\x0c",
  "a",
];
const latin1 = words.map((word) => Buffer.from(word, "latin1"));
const bytesOf = (piece: string) => (size: number) => Buffer.from(repeated(piece, size), "latin1");

/** Messages in messages in messages, as field 1, each at most 100 bytes long. */
const nested = (size: number) => {
  let inner = Buffer.alloc(0);
  while (inner.length < size) {
    const length = inner.length;
    const varint = [(length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, (length >> 14) & 0x7f];
    inner = Buffer.concat([Buffer.from([0x0a, ...varint]), inner]);
    if (inner.length > 8000) break;
  }
  return inner;
};

const bombs = {
  "empty messages": bytesOf("\n\0"),
  "empty messages of field 2": bytesOf("\x12\0"),
  "messages in messages": nested,
  "groups that are not closed": bytesOf("\x0b"),
  "numbers nobody knows": (size: number) =>
    Buffer.from(
      Array.from({ length: size }, (_, i) => [0x80 | (i & 0x7f), 0x7e, 1]).flat(),
    ).subarray(0, size),
  "a number without an end": bytesOf("\xff"),
  "a length of everything": bytesOf("\n\xff\xff\xff\xff\x07"),
};

/**
 * Not a message: protobufjs throws Error and RangeError, and TypeError for a text that is not UTF-8; a
 * refused call throws CallError.
 */
const isRefusal = (error: Error) =>
  (!(error instanceof TypeError) || /valid for encoding utf-8/.test(error.message)) &&
  !/call stack/.test(error.message);

const request = codec("tetragon.GetEventsRequest");

/** Requests of the event interface, with the filters in them. */
export const eventRequest: Target = {
  name: "event-request",
  run: (bytes) =>
    outcomeOrRefusal(
      () => {
        const unknown = unknownFields("tetragon.GetEventsRequest", bytes);
        const { wants } = compileRequest(
          { ...request.decode(bytes), unknown },
          { withCredentials: false },
        );
        return typeof wants;
      },
      // protobufjs throws these where bytes are not a message; a refused call has a code.
      isRefusal,
    ),
  seeds: () => [
    Buffer.from(
      request.encode({
        allow_list: [
          { binary_regex: ["curl$"], event_set: ["PROCESS_EXEC"], labels: ["a=b"] },
          { cel_expression: ["process_exec.process.pid > 1u"], pid: [1, 2, 3] },
        ],
        field_filters: [{ fields: { paths: ["process.pid"] }, action: "EXCLUDE" }],
      } as never),
    ),
    Buffer.from(request.encode({} as never)),
    Buffer.from(request.encode({ deny_list: [{ binary_regex: ["("] }] } as never)),
  ],
  words: latin1,
  bombs,
  innocent: () => Buffer.alloc(0),
};

const toSensor = streamCodec("gander.v1.ToSensor");
const fromSensor = streamCodec("gander.v1.FromSensor");

/** The messages between operator and sensor. */
export const stream: Target = {
  name: "stream",
  run: (bytes) =>
    [toSensor, fromSensor]
      .map((one) => outcomeOrRefusal(() => Object.keys(one.decode(bytes)).join(), isRefusal))
      .join(),
  seeds: () => [
    Buffer.from(fromSensor.encode({ hello: { node: "n" } } as never)),
    Buffer.from(toSensor.encode({ commit: { epoch: 1 } } as never)),
  ],
  words: latin1,
  bombs,
  innocent: () => Buffer.alloc(0),
};

const jsonWords = [
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  '"',
  '"mode":',
  '"on":"arg",',
  '"op":',
  "-1",
  "1e9",
  "\\u0000",
];

const jsonBombs = {
  "lists in lists": (size: number) => Buffer.from("[".repeat(size / 2) + "]".repeat(size / 2)),
  "objects in objects": (size: number) => Buffer.from(repeated('{"hooks":', size)),
  "empty hooks": (size: number) => Buffer.from(`{"hooks":[${repeated("{},", size)}{}]}`),
  "fields nobody knows": (size: number) =>
    Buffer.from(`{"hooks":[],"mode":"enforce",${series(size, (i) => `"a${i}":1,`)}"b":1}`),
  "a word without an end": (size: number) =>
    Buffer.from(`{"hooks":[],"mode":"${"x".repeat(size)}"}`),
  "a field's name without an end": (size: number) =>
    Buffer.from(`{"hooks":[],"mode":"enforce","${"x".repeat(size)}":1}`),
  "labels without an end": (size: number) =>
    Buffer.from(
      `{"hooks":[],"mode":"enforce","nodeSelector":{"matchExpressions":[],"matchLabels":{${series(size, (i) => `"a${i}":"",`)}"b":""}}}`,
    ),
  "digits without an end": (size: number) =>
    Buffer.from(`{"hooks":[{"index":${"9".repeat(size)}}],"mode":"enforce"}`),
};

/** The content of a policy, as a node receives it or has it on disk. */
export const policyBytes: Target = {
  name: "policy-bytes",
  run(bytes) {
    const { value, problem } = decodePolicy(bytes, { name: "a", namespace: "" });
    if (/call stack/.test(problem ?? "")) throw new Error(problem);
    return value === undefined
      ? outcomeOf(problem ?? "")
      : value.hooks.map(({ kind }) => kind).join();
  },
  seeds() {
    const file = new URL(
      "../../packages/policy/test/fixtures/valid/everything.yaml",
      import.meta.url,
    );
    const checked = checkPolicy(readFileSync(file, "utf8"), { file: "" }).value ?? [];
    return [
      Buffer.alloc(0),
      ...checked.map(({ compiled }) => Buffer.from(encodePolicy(compiled).bytes)),
    ];
  },
  words: jsonWords.map((word) => Buffer.from(word)),
  bombs: jsonBombs,
  innocent: () => Buffer.alloc(0),
};
