// SPDX-License-Identifier: Apache-2.0
import type { TestCase } from "../policy-test.ts";
import { Container } from "./model/container.ts";
import { operationModels } from "./model/operation-models.ts";
import { processOf } from "./model/process.ts";

/** The hooks that the model says a case's operation calls; `perhaps`: those that it need not call. */
export function calledHooks(one: TestCase): {
  readonly surely: ReadonlySet<string>;
  readonly perhaps: ReadonlySet<string>;
} {
  const container = new Container(one, operationModels);
  for (const { name, args } of one.given) [...operationModels[name](container, ...args)];
  container.files.mountRest();
  container.process = processOf(one);
  const calls = [...operationModels[one.do.name](container, ...one.do.args)].flatMap((step) =>
    "program" in step ? [] : [step],
  );
  return {
    surely: new Set(calls.filter(({ perhaps }) => !perhaps).map(({ hook }) => hook)),
    perhaps: new Set(calls.filter(({ perhaps }) => perhaps).map(({ hook }) => hook)),
  };
}
