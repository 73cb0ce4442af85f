// SPDX-License-Identifier: Apache-2.0
import type protobuf from "protobufjs";
import { type Codec, codec, reflection } from "./codec.ts";
import type { Messages } from "./messages.gen.ts";

/** A method in the form of @grpc/grpc-js, for servers and clients. */
export type MethodDefinition = {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly originalName: string;
  readonly requestSerialize: (message: object) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => object;
  readonly responseSerialize: (message: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => object;
};

/**
 * All methods of a service, e.g. "tetragon.FineGuidanceSensors". A response may also be the encoded bytes
 * of its message: they are sent unchanged.
 */
export function serviceDefinition(name: string): Readonly<Record<string, MethodDefinition>> {
  return methodDefinitions(reflection().lookupService(name), (type) =>
    codec(type as keyof Messages),
  );
}

/** Like `serviceDefinition`, for a service outside the files of the event API. */
export function methodDefinitions(
  service: protobuf.Service,
  codecOf: (type: string) => Codec<object>,
): Readonly<Record<string, MethodDefinition>> {
  const codecOfType = (type: protobuf.Type | null) => {
    if (type === null) throw new Error("service definition was not resolved");
    return codecOf(type.fullName.slice(1));
  };
  const definition = (method: protobuf.Method): MethodDefinition => {
    const request = codecOfType(method.resolvedRequestType);
    const response = codecOfType(method.resolvedResponseType);
    return {
      path: `/${service.fullName.slice(1)}/${method.name}`,
      requestStream: method.requestStream === true,
      responseStream: method.responseStream === true,
      originalName: method.name,
      requestSerialize: (message) => toBuffer(request.encode(message)),
      requestDeserialize: (bytes) => request.decode(bytes),
      responseSerialize: (message) =>
        Buffer.isBuffer(message) ? message : toBuffer(response.encode(message)),
      responseDeserialize: (bytes) => response.decode(bytes),
    };
  };
  return Object.fromEntries(
    service.methodsArray.map((method) => [method.name, definition(method)]),
  );
}

const toBuffer = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
