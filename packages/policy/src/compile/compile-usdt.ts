// SPDX-License-Identifier: Apache-2.0
import type { CompiledHook } from "../compiled-policy.ts";
import { limits } from "../limits.ts";
import type { LooseUsdt } from "../loose.ts";
import type { Scope } from "../scope.ts";
import { compileHook, type Position } from "./compile-hook.ts";
import { ofPrograms, readPath } from "./compile-uprobe.ts";
import { refuseFields } from "./unsupported.ts";

/** A hook on a static probe of a program or library; `target` is `PATH:PROVIDER:NAME`. */
export function compileUsdt(spec: LooseUsdt, position: Position): CompiledHook {
  const { scope } = position;
  refuseFields(spec, scope, ofPrograms);
  const path = readPath(spec.path, scope.at("path"));
  const provider = readName(spec.provider, scope.at("provider"));
  const name = readName(spec.name, scope.at("name"));
  const hook = compileHook(spec, position, {
    kind: "usdt",
    target: `${path}:${provider}:${name}`,
    syscall: false,
    raw: false,
    onReturn: false,
    returnArg: undefined,
    ignoreCallNotFound: false,
  });
  return { ...hook, program: { path, by: "probe" } };
}

function readName(text: string | undefined, place: Scope): string {
  // Its shape was refused.
  if (text === undefined) return "";
  if (/^[^\p{Cc}\s:+]+$/u.test(text) && text.length <= limits.probeCharacters) return text;
  place.error(
    "policy-bad-name",
    `${JSON.stringify(text.slice(0, 80))} cannot be the name of a probe or of its provider`,
    "Write both as `readelf -n` shows them, in fields of their own.",
  );
  return "";
}
