// SPDX-License-Identifier: Apache-2.0
export * from "./messages.gen.ts";
export { policyCountFields } from "./policy-count-fields.ts";
export { connectPath, eventsPath, protocol, spokenProtocol, streamLimits } from "./protocol.ts";
export { streamCodec } from "./stream-codec.ts";
