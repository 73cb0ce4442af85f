// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";

/** Directory of the `.proto` files; their imports are relative to it. */
export const protoDirectory: string = fileURLToPath(new URL("../../proto/", import.meta.url));

/** All files, in the order of their types in the generated code. */
const protoFiles: readonly string[] = [
  "tetragon/capabilities.proto",
  "tetragon/bpf.proto",
  "tetragon/tetragon.proto",
  "tetragon/events.proto",
  "tetragon/sensors.proto",
  "grpc/health/v1/health.proto",
];

/** Between operator, sensors, replicas and people; separate, so that event API clients don't build them. */
export const streamFiles: readonly string[] = [
  "gander/v1/sensor_stream.proto",
  "gander/v1/fleet.proto",
  "gander/v1/peers.proto",
];

/** Parses the `.proto` files. Only generators and tests do this: programs use `descriptor.gen.ts`. */
export function parseProtoFiles(files: readonly string[] = protoFiles): protobuf.Root {
  const root = new protobuf.Root();
  const parsed = new Set<string>();
  const add = (file: string) => {
    if (parsed.has(file)) return;
    parsed.add(file);
    const common = protobuf.common.get(file);
    if (common !== null) {
      root.addJSON(common.nested ?? {});
      return;
    }
    const source = readFileSync(protoDirectory + file, "utf8");
    const { imports = [] } = protobuf.parse(source, root, { keepCase: true });
    imports.forEach(add);
  };
  files.forEach(add);
  root.resolveAll();
  return root;
}
