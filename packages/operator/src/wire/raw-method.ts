// SPDX-License-Identifier: Apache-2.0

export const asIs = (bytes: Buffer): Buffer => bytes;

/** A method whose messages are the bytes they are; one answer is a stream of one. */
export function rawMethod(path: string, requests: "one" | "stream") {
  return {
    ...{ path, requestStream: requests === "stream", responseStream: true },
    ...{ requestSerialize: asIs, requestDeserialize: asIs },
    ...{ responseSerialize: asIs, responseDeserialize: asIs },
  };
}
