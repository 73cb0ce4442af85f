// SPDX-License-Identifier: Apache-2.0
import { nearestName } from "@gander/base";
import type { LooseSpec } from "../loose.ts";
import type { Scope } from "../scope.ts";

/** Options about how a hook is attached, which a policy cannot choose here: name → why it has no effect. */
const withoutEffect: Readonly<Record<string, string>> = {
  "disable-kprobe-multi": "Each hook is attached in the way that its kernel does best.",
  "disable-uprobe-multi": "Each hook is attached in the way that its kernel does best.",
  "override-method": "Calls are denied in the way that the kernel does best.",
  "sleepable-preload-size": "Nothing needs to be loaded beforehand.",
};

const names = ["policy-mode", ...Object.keys(withoutEffect)];

/** The mode that the policy requests. */
export function compileOptions(options: LooseSpec["options"], scope: Scope): "enforce" | "monitor" {
  let mode: "enforce" | "monitor" = "enforce";
  const seen = new Set<string>();
  for (const [i, option] of (options ?? []).entries()) {
    if (!option) continue;
    const place = scope.at(i);
    if (seen.has(option.name))
      place
        .at("name")
        .error(
          "policy-option",
          `The option "${option.name}" is there twice`,
          "Remove one of the two.",
        );
    seen.add(option.name);
    const why = Object.hasOwn(withoutEffect, option.name) ? withoutEffect[option.name] : undefined;
    if (why !== undefined) {
      place.at("name").note("policy-option", `The option "${option.name}" has no effect here`, why);
    } else if (option.name !== "policy-mode") {
      const near = nearestName(option.name, names);
      place
        .at("name")
        .error(
          "policy-option",
          `There is no option "${option.name.slice(0, 80)}"`,
          near === undefined ? `Possible: ${names.join(", ")}.` : `Did you mean "${near}"?`,
        );
    } else if (option.value === "enforce" || option.value === "monitor") {
      mode = option.value;
    } else {
      place
        .at("value")
        .error(
          "policy-unknown-value",
          `policy-mode cannot be "${(option.value ?? "").slice(0, 80)}"`,
          "Write enforce or monitor.",
        );
    }
  }
  return mode;
}
