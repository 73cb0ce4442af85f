// SPDX-License-Identifier: Apache-2.0
import type {
  Finding,
  KProbeSpec,
  LsmHookSpec,
  Path,
  Schema,
  SelectorSpec,
  TracepointSpec,
  TracingPolicySpec,
  UprobeSpec,
  UsdtSpec,
} from "@gander/crd-schemas";
import { fieldMeant } from "./schema-problems.ts";

type ObjectSchema = Extract<Schema, { kind: "object" }>;

/** Fields may be absent and lists have holes: the rest of a value without what the schema refused. */
export type Loose<T> = {
  readonly [K in keyof T]?:
    | (T[K] extends readonly (infer U)[] | undefined ? readonly (U | undefined)[] : T[K])
    | undefined;
};

export type LooseSelector = Loose<SelectorSpec>;

type WithSelectors<T> = Omit<Loose<T>, "selectors"> & {
  readonly selectors?: readonly (LooseSelector | undefined)[] | undefined;
};

export type LooseKProbe = WithSelectors<KProbeSpec>;
export type LooseTracepoint = WithSelectors<TracepointSpec>;
export type LooseLsmHook = WithSelectors<LsmHookSpec>;
export type LooseUprobe = WithSelectors<UprobeSpec>;
export type LooseUsdt = WithSelectors<UsdtSpec>;

type HookSections = {
  readonly kprobes?: readonly (LooseKProbe | undefined)[] | undefined;
  readonly fentries?: readonly (LooseKProbe | undefined)[] | undefined;
  readonly tracepoints?: readonly (LooseTracepoint | undefined)[] | undefined;
  readonly lsmhooks?: readonly (LooseLsmHook | undefined)[] | undefined;
  readonly uprobes?: readonly (LooseUprobe | undefined)[] | undefined;
  readonly usdts?: readonly (LooseUsdt | undefined)[] | undefined;
  readonly selectorsMacros?: Readonly<Record<string, LooseSelector | undefined>> | undefined;
};

export type LooseSpec = Omit<Loose<TracingPolicySpec>, keyof HookSections> & HookSections;

/** Errors in these remove only the wrong parts; every other object with an error is removed as a whole. */
const containers: ReadonlySet<string> = new Set([
  "TracingPolicySpec",
  "KProbeSpec",
  "TracepointSpec",
  "LsmHookSpec",
  "UProbeSpec",
  "UsdtSpec",
  "KProbeSelector",
  "PolicyExceptionSpec",
]);

/**
 * The parts of a value that can still be checked after the schema refused others: so a wrong operator here
 * does not hide a wrong index there.
 */
export function withoutBroken(
  value: unknown,
  schema: Schema,
  path: Path,
  findings: readonly Finding[],
): unknown {
  const here = findings.filter((finding) => startsWith(finding.path, path));
  if (here.length === 0) return value;
  if (schema.kind === "list" && Array.isArray(value)) {
    return value.map((item, i) => withoutBroken(item, schema.items, [...path, i], here));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  if (schema.kind === "map") {
    return mapValues(value, (item, key) =>
      withoutBroken(item, schema.values, [...path, key], here),
    );
  }
  if (schema.kind !== "object" || !containers.has(schema.name)) return undefined;
  const kept = mapValues(value, (item, key) => {
    const field = schema.fields[key];
    return field && withoutBroken(item, field.schema, [...path, key], here);
  });
  const meant = Object.keys(value).flatMap((key) =>
    key in schema.fields ? [] : (fieldMeant(key, schema) ?? []),
  );
  // One that is absent has its default by now.
  const unset = meant.filter((field) => {
    const given: unknown = Reflect.get(value, field);
    return given === undefined || given === defaultOf(schema.fields[field]);
  });
  return { ...kept, ...Object.fromEntries(unset.map((field) => [field, undefined])) };
}

const defaultOf = (field: ObjectSchema["fields"][string] | undefined): unknown =>
  field?.presence === "default" ? field.value : undefined;

/** Whether the schema refused a field, or one whose name is probably misspelt: what it has is not known. */
export const wasRefused = <T extends object>(value: T, field: keyof T & string): boolean =>
  field in value && value[field] === undefined;

function mapValues(value: object, change: (item: unknown, key: string) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item, key)]));
}

const startsWith = (path: Path, start: Path): boolean =>
  start.every((segment, i) => path[i] === segment);
