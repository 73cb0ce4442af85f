// SPDX-License-Identifier: Apache-2.0
import { ownSetting } from "@gander/base";
import { sensorConfiguration } from "@gander/sensor/configuration";
import { tetragonValues, type ValueRule } from "./tetragon-values.ts";

export type MigratedValues = {
  /** For our chart. */
  readonly values: Readonly<Record<string, unknown>>;
  /** By path in the values that were given: what has no place here, or means something else. */
  readonly remarks: readonly { readonly path: string; readonly message: string }[];
};

/** Values of Tetragon's chart → values of Gander's. */
export function migrateValues(given: Readonly<Record<string, unknown>>): MigratedValues {
  const values: Record<string, unknown> = {};
  const remarks: { path: string; message: string }[] = [];
  const walk = (value: unknown, path: readonly string[]) => {
    const name = path.join(".");
    if (name === "tetragon.extraArgs") return addArgs(value);
    const rule = Object.hasOwn(tetragonValues, name) ? tetragonValues[name] : undefined;
    if (rule !== undefined) return apply(rule, value, name);
    if (isMap(value)) for (const [key, one] of Object.entries(value)) walk(one, [...path, key]);
    else remarks.push({ path: name, message: "it is not known what this is for" });
  };
  const apply = (rule: ValueRule, value: unknown, path: string) => {
    if ("none" in rule) return void remarks.push({ path, message: rule.none });
    const changed = rule.change === undefined ? value : rule.change(value);
    if (changed === undefined) return;
    put(values, rule.to.split("."), changed);
    if (rule.remark !== undefined) remarks.push({ path, message: `${rule.to}: ${rule.remark}` });
  };
  const addArgs = (value: unknown) => {
    const args: string[] = [];
    for (const [flag, text] of Object.entries(isMap(value) ? value : {})) {
      const origin = `tetragon.extraArgs.${flag}`;
      const setting = { option: flag, texts: [String(text ?? "true") || "true"], origin };
      const found = ownSetting(sensorConfiguration.table, setting);
      if ("setting" in found)
        args.push(...found.setting.texts.map((one) => `--${found.setting.option}=${one}`));
      else remarks.push({ path: origin, message: found.problem.hint || found.problem.message });
    }
    if (args.length > 0) put(values, ["sensor", "extraArgs"], args);
  };
  walk(given, []);
  return { values, remarks };
}

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function put(
  into: Record<string, unknown>,
  [first = "", ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length === 0) into[first] = value;
  else {
    into[first] ??= {};
    put(into[first] as Record<string, unknown>, rest, value);
  }
}
