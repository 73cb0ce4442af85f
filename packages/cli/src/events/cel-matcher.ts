// SPDX-License-Identifier: Apache-2.0
import { fromProtoJson, ProtoJsonError } from "@gander/proto";
import { compileCel } from "@gander/sensor/cel-expression";
import type { EventJson } from "./event-json.ts";

/** Whether one of the expressions holds for an event of an export. Throws Error listing what is wrong in them. */
export function celMatcher(expressions: readonly string[]): (event: EventJson) => boolean {
  const compiled = expressions.map((source) => {
    const { value, problem } = compileCel(source);
    if (value === undefined) throw new Error(`--cel-expression ${problem}`);
    return value;
  });
  return (event) => {
    const message = messageOf(event);
    return message !== undefined && compiled.some((holds) => holds(message));
  };
}

/** Undefined: it has fields that are newer than this program. */
function messageOf(event: EventJson): object | undefined {
  try {
    return fromProtoJson("tetragon.GetEventsResponse", event);
  } catch (error) {
    if (error instanceof ProtoJsonError) return undefined;
    throw error;
  }
}
