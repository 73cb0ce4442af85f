// SPDX-License-Identifier: Apache-2.0
import { codec, eventKind } from "@gander/proto";
import { expect, it } from "vitest";
import { createSensorEvent } from "../events/sensor-event.ts";
import { createEventPublisher } from "./event-publisher.ts";

it("shows the labels that the node has when the event happens, in every form", () => {
  const publisher = createEventPublisher({ nodeName: "n", clusterName: "c", nodeLabels: {} });
  const seen: { readonly node_labels?: object | undefined }[] = [];
  const wants = () => true;
  const parse = (bytes: Buffer, length = bytes.length) =>
    seen.push(JSON.parse(bytes.toString("utf8", 0, length)));
  const decode = (bytes: Buffer) => seen.push(codec("tetragon.GetEventsResponse").decode(bytes));
  const line = { wants, accepts: () => true, behind: () => undefined, flush() {}, missing() {} };
  publisher.addLines({
    ...{ ...line, view: undefined },
    line: ({ bytes, length }) => void parse(bytes, length),
  });
  publisher.addLines({
    ...{ ...line, view: (message) => message },
    line: ({ bytes, length }) => void parse(bytes, length),
  });
  publisher.addMessages({ wants, view: undefined, message: decode, missing() {} });
  publisher.addMessages({ wants, view: (message) => message, message: decode, missing() {} });
  const labelsOfOne = () => {
    seen.length = 0;
    publisher.publish({ ...createSensorEvent(), kind: eventKind.exec });
    parse(publisher.markLine(1));
    decode(publisher.markMessage(1));
    return seen.map(({ node_labels }) => node_labels);
  };
  expect(labelsOfOne()).toEqual(new Array(6).fill(undefined));
  const labels = { zone: 'b"\u202e', "topology.kubernetes.io/region": "" };
  publisher.setNodeLabels(labels);
  expect(labelsOfOne()).toEqual(new Array(6).fill(labels));
  expect(seen[0]).toMatchObject({ node_name: "n", cluster_name: "c" });
  publisher.setNodeLabels({ zone: "c" });
  expect(labelsOfOne()).toEqual(new Array(6).fill({ zone: "c" }));
});
