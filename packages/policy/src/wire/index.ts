// SPDX-License-Identifier: Apache-2.0
export { decodePolicy, type Undecodable } from "./decode-policy.ts";
export { type EncodedPolicy, encodePolicy, policyDigest } from "./encode-policy.ts";
