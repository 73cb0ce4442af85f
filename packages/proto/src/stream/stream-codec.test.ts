// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { parseProtoFiles, protoDirectory, streamFiles } from "../generate/proto-files.ts";
import { renderDescriptor } from "../generate/render-descriptor.ts";
import { renderMessageTypes } from "../generate/render-message-types.ts";
import { connectPath, eventsPath, protocol, spokenProtocol } from "./protocol.ts";
import { streamCodec, streamService, unknownStreamFields } from "./stream-codec.ts";

const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");

describe("the stream's generated files", () => {
  // If this fails: pnpm --filter @gander/proto generate
  it("are those of the .proto files", () => {
    const root = parseProtoFiles(streamFiles);
    expect(read("./descriptor.gen.ts")).toBe(renderDescriptor(root));
    expect(read("./messages.gen.ts")).toBe(renderMessageTypes(root));
  });

  it("name the methods that both sides use", () => {
    const methods = Object.values(streamService("gander.v1.SensorStream"));
    expect(methods.map(({ path }) => path)).toEqual([connectPath, eventsPath]);
    for (const { requestStream, responseStream } of methods)
      expect([requestStream, responseStream]).toEqual([true, true]);
  });
});

describe("the spoken protocol", () => {
  it.each([
    [1, 1, 1],
    [1, 2, 1],
    [2, 1, 1],
    [3, 2, 2],
    [1, 3, undefined],
    [3, 1, undefined],
    [0, 1, undefined],
    [0, 0, undefined],
  ])("%d and %d: %s", (one, other, spoken) => {
    expect(spokenProtocol(one, other)).toBe(spoken);
  });

  it("is that of the next release with one minor release between, and of no other", () => {
    expect(spokenProtocol(protocol, protocol + 1)).toBe(protocol);
    expect(spokenProtocol(protocol, protocol + 2)).toBeUndefined();
  });
});

/** The protocol of a next release: new fields, a new member of `message`, a new state. */
function nextRelease(): protobuf.Root {
  const root = new protobuf.Root();
  for (const file of streamFiles) {
    const source = readFileSync(protoDirectory + file, "utf8")
      .replace("Summary summary = 4;", "Summary summary = 4;\n    Farewell farewell = 5;")
      .replace("Commit commit = 5;", "Commit commit = 5;\n  Farewell farewell = 99;")
      .replace("string sensor_version = 3;", "string sensor_version = 3;\n  string zone = 20;")
      .replace("POLICY_STATE_DEGRADED = 4;", "POLICY_STATE_DEGRADED = 4;\n  POLICY_STATE_HELD = 5;")
      .concat(file.includes("stream") ? "\nmessage Farewell { string reason = 1; }\n" : "");
    protobuf.parse(source, root, { keepCase: true });
  }
  root.resolveAll();
  return root;
}

describe("one minor release apart", () => {
  const next = nextRelease();
  const encodeNext = (name: string, message: object) => {
    const type = next.lookupType(name);
    return type.encode(type.fromObject(message)).finish();
  };

  it("a field that the newer one added is passed over", () => {
    const bytes = encodeNext("gander.v1.FromSensor", { hello: { node: "a", zone: "b" } });
    expect(streamCodec("gander.v1.FromSensor").decode(bytes)).toEqual({ hello: { node: "a" } });
    expect(unknownStreamFields("gander.v1.FromSensor", bytes)).toEqual(["hello.20"]);
  });

  it.each(["gander.v1.FromSensor", "gander.v1.ToSensor"] as const)(
    "a kind of %s that the newer one added is no message to the older",
    (name) => {
      const bytes = encodeNext(name, { farewell: { reason: "drain" } });
      expect(streamCodec(name).decode(bytes)).toEqual({});
    },
  );

  it("a state that the newer one added is a number to the older", () => {
    const bytes = encodeNext("gander.v1.PolicyException", { uid: "a", state: "POLICY_STATE_HELD" });
    expect(streamCodec("gander.v1.PolicyException").decode(bytes)).toEqual({ uid: "a", state: 5 });
  });

  it("the newer one reads what the older wrote", () => {
    const type = next.lookupType("gander.v1.FromSensor");
    const bytes = streamCodec("gander.v1.FromSensor").encode({ hello: { node: "a", epoch: "7" } });
    expect(type.toObject(type.decode(bytes), { longs: String })).toEqual({
      hello: { node: "a", epoch: "7" },
    });
  });
});

it("encoded messages to a sensor can be put one behind the other", () => {
  const codec = streamCodec("gander.v1.ToSensor");
  const digests = [Buffer.from("a"), Buffer.from("b")];
  const parts = [
    { offer: { epoch: "1" } },
    ...digests.map((digest) => ({ policies: [{ digest }] })),
    { commit: { epoch: "1" } },
  ];
  const together = codec.decode(Buffer.concat(parts.map((part) => codec.encode(part))));
  expect(together).toEqual({
    offer: { epoch: "1" },
    policies: digests.map((digest) => ({ digest })),
    commit: { epoch: "1" },
  });
});

it("64-bit numbers keep all their digits", () => {
  const commit = { epoch: "18446744073709551615", nonce: "9007199254740993" };
  const codec = streamCodec("gander.v1.Commit");
  expect(codec.decode(codec.encode(commit))).toEqual(commit);
});
