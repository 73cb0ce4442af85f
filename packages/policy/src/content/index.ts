// SPDX-License-Identifier: Apache-2.0
export { decodePolicy } from "./decode-policy.ts";
export { digestBytes, digestOf, digestText } from "./digest.ts";
export { type EncodedPolicy, encodePolicy } from "./encode-policy.ts";
export { decodeSet, type EncodedSet, encodeSet } from "./encode-set.ts";
