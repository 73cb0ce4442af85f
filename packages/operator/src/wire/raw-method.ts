// SPDX-License-Identifier: Apache-2.0

export const asIs = (bytes: Buffer): Buffer => bytes;

/** A method whose messages are raw bytes; a single answer is a stream of one. */
export function rawMethod(path: string, requests: "one" | "stream") {
  return {
    ...{ path, requestStream: requests === "stream", responseStream: true },
    ...{ requestSerialize: asIs, requestDeserialize: asIs },
    ...{ responseSerialize: asIs, responseDeserialize: asIs },
  };
}
