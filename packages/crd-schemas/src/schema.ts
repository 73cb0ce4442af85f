// SPDX-License-Identifier: Apache-2.0

/**
 * Schemas as values: one source of the TypeScript type, the JSON schema and the OpenAPI schema of the
 * custom resource. Only the API server enforces `admission`: it refuses the plainest mistakes even when
 * nothing else can check. Other checks report the same better, with a place and a hint, so `admission`
 * must not refuse what they accept.
 */
export type Schema<T = unknown> = Shape & { readonly [phantom]?: T };

declare const phantom: unique symbol;

type Shape =
  | {
      readonly kind: "text";
      readonly help: string;
      readonly values?: readonly string[];
      /** Those of `values` that are possible in kinds of our own only. */
      readonly guardValues?: readonly string[];
      /** Those of `values` that nothing implements yet. */
      readonly refusedValues?: readonly string[];
      readonly maxLength?: number;
      readonly pattern?: string;
      /** RFC 3339, with `pattern` for readers that don't know the format. */
      readonly format?: "date-time";
      readonly admission?: { readonly pattern?: string; readonly minLength?: number };
    }
  | {
      readonly kind: "integer";
      readonly help: string;
      readonly min: number;
      readonly max: number;
      readonly format?: "int32" | "int64";
    }
  | { readonly kind: "boolean"; readonly help: string }
  | {
      readonly kind: "list";
      readonly help: string;
      readonly items: Schema;
      readonly maxItems?: number;
      /** This field identifies items when several writers share the list. */
      readonly key?: string;
      readonly admission?: ListAdmission;
    }
  | {
      readonly kind: "map";
      readonly help: string;
      readonly values: Schema;
      readonly admission?: Pick<ListAdmission, "shapeOnly">;
    }
  | {
      readonly kind: "object";
      readonly help: string;
      readonly name: string;
      readonly fields: Fields;
      readonly rules: readonly (Rule | AdmissionRule)[];
    }
  /** Anything: parts of Kubernetes' own objects that don't affect a policy's meaning. */
  | { readonly kind: "any"; readonly help: string };

type ListAdmission = {
  readonly minItems?: number;
  readonly maxItems?: number;
  /**
   * The API server checks only names, types and the language's own rules of the content. Selectors occur
   * in many places, and a definition rarely has room for their size or for the cost of their rules.
   */
  readonly shapeOnly?: true;
};

export type ObjectSchema = Extract<Schema, { kind: "object" }>;

type CelRule = {
  readonly cel: string;
  readonly message: string;
  readonly hint: string;
  /** The field most relevant to it. */
  readonly at?: string;
};

/** A rule that one schema cannot express: in CEL for the API server, as a function for all others. */
export type Rule = CelRule & {
  readonly holds: (self: Readonly<Record<string, unknown>>) => boolean;
};

/** For the API server alone, like `admission` above. */
export type AdmissionRule = CelRule & { readonly holds?: never };

export type Field = (
  | { readonly presence: "required" | "optional"; readonly schema: Schema }
  | { readonly presence: "default"; readonly schema: Schema; readonly value: unknown }
) & {
  /** Possible in kinds of our own only (policy-kinds.ts). */
  readonly only?: "guard";
  /** Part of the language, but refused: nothing implements it yet. */
  readonly refused?: true;
};

export type Fields = Readonly<Record<string, Field>>;

export type Static<S> = S extends { readonly [phantom]?: infer T } ? T : never;

type ObjectOf<F extends Fields> = {
  readonly [K in keyof F as F[K]["presence"] extends "optional" ? never : K]: Static<
    F[K]["schema"]
  >;
} & {
  readonly [K in keyof F as F[K]["presence"] extends "optional" ? K : never]?:
    | Static<F[K]["schema"]>
    | undefined;
};

export const text = (
  help: string,
  limits: Partial<
    Pick<Extract<Shape, { kind: "text" }>, "maxLength" | "pattern" | "admission">
  > = {},
): Schema<string> => ({ kind: "text", help, ...limits });

export const oneOf = <const V extends readonly string[]>(
  help: string,
  values: V,
  {
    inGuards: guardValues,
    notYet: refusedValues,
  }: { readonly inGuards?: readonly V[number][]; readonly notYet?: readonly V[number][] } = {},
): Schema<V[number]> => ({
  ...{ kind: "text", help, values },
  ...(guardValues && { guardValues }),
  ...(refusedValues && { refusedValues }),
});

/** The values that are possible in every kind. */
export const publicValues = ({
  values,
  guardValues = [],
}: Extract<Shape, { kind: "text" }>): readonly string[] | undefined =>
  values?.filter((value) => !guardValues.includes(value));

/** RFC 3339 in UTC, as Kubernetes writes it. */
export const time = (help: string): Schema<string> => ({
  kind: "text",
  help,
  format: "date-time",
  pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})$",
});

/** A whole number: a counter or a number of things. */
export const count = (help: string, min = 0): Schema<number> => ({
  kind: "integer",
  help,
  min,
  max: Number.MAX_SAFE_INTEGER,
  format: "int64",
});

export const uint32 = (help: string): Schema<number> => ({
  kind: "integer",
  help,
  min: 0,
  max: 0xffffffff,
});

export const int32 = (help: string): Schema<number> => ({
  kind: "integer",
  help,
  min: -0x80000000,
  max: 0x7fffffff,
  format: "int32",
});

/** Up to the largest exact JavaScript number. */
export const uint64 = (help: string): Schema<number> => ({
  kind: "integer",
  help,
  min: 0,
  max: Number.MAX_SAFE_INTEGER,
  format: "int64",
});

export const int64 = (help: string): Schema<number> => ({
  kind: "integer",
  help,
  min: Number.MIN_SAFE_INTEGER,
  max: Number.MAX_SAFE_INTEGER,
  format: "int64",
});

export const bool = (help: string): Schema<boolean> => ({ kind: "boolean", help });

export const any = (help: string): Schema<unknown> => ({ kind: "any", help });

export const list = <T>(
  help: string,
  items: Schema<T>,
  limits: Partial<Pick<Extract<Shape, { kind: "list" }>, "maxItems" | "key" | "admission">> = {},
): Schema<readonly T[]> => ({ kind: "list", help, items, ...limits });

export const map = <T>(
  help: string,
  values: Schema<T>,
  limits: Partial<Pick<Extract<Shape, { kind: "map" }>, "admission">> = {},
): Schema<Readonly<Record<string, T>>> => ({ kind: "map", help, values, ...limits });

/** `name` is that of the type in the reference, and of the definition in the JSON schema. */
export const object = <const F extends Fields>(
  name: string,
  help: string,
  fields: F,
  rules: readonly (Rule | AdmissionRule)[] = [],
): Schema<ObjectOf<F>> => ({ kind: "object", name, help, fields, rules });

export const required = <T>(schema: Schema<T>) => ({ presence: "required", schema }) as const;

export const optional = <T>(schema: Schema<T>) => ({ presence: "optional", schema }) as const;

/** Possible in kinds of our own only. */
export const inGuards = <F extends Field>(field: F) => ({ ...field, only: "guard" }) as const;

/** Part of the language that nothing implements yet. */
export const notYet = <F extends Field>(field: F) => ({ ...field, refused: true }) as const;

/** Filled in if absent. */
export const byDefault = <T>(value: T, schema: Schema<T>) =>
  ({ presence: "default", schema, value }) as const;
