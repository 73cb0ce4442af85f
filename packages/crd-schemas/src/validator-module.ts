// SPDX-License-Identifier: Apache-2.0
import { Ajv2020 } from "ajv/dist/2020.js";
import standaloneCode from "ajv/dist/standalone/index.js";
import type { Schema } from "./schema.ts";
import { toJsonSchema } from "./to-json-schema.ts";

/** Name of the exported function → the schema that it validates. */
type Exports = Readonly<Record<string, Schema>>;

/** JavaScript without imports. ajv takes a third of a second to compile, so this is done once. */
export function validatorModule(exported: Exports): string {
  const ajv = new Ajv2020({
    allErrors: true,
    useDefaults: true,
    strict: true,
    inlineRefs: false,
    // Lengths in UTF-16 units, which need no code from ajv at run time.
    unicode: false,
    logger: false,
    code: { source: true, esm: true, lines: false },
    schemas: Object.entries(exported).map(([name, schema]) => ({
      ...toJsonSchema(schema),
      $id: name,
    })),
  });
  const names = Object.fromEntries(Object.keys(exported).map((name) => [name, name]));
  const code = standaloneCode.default(ajv, names);
  if (code.includes("require(")) throw new Error("the validator must not import anything");
  return withFewErrors(code);
}

/** Limit for the entries of one list; more are not shown. */
const enoughErrors = 1000;

/**
 * For each list entry with errors, ajv copies all errors so far: nine seconds for 64,000 wrong entries.
 * Other errors are pushed.
 */
function withFewErrors(code: string): string {
  const copies = /\bvErrors\.concat\((\w+)\.errors\)/g;
  if (!copies.test(code)) throw new Error("the validator joins errors in another way");
  return code.replace(
    copies,
    `vErrors.length > ${enoughErrors} ? vErrors : vErrors.concat($1.errors)`,
  );
}

export const validatorDeclaration = (exported: Exports): string => `
export type SchemaError = {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
};

/** Fills in defaults. The errors of the last call are in \`errors\`. */
export type Validate = {
  (data: unknown): boolean;
  errors?: readonly SchemaError[] | null;
};

${Object.keys(exported)
  .map((name) => `export declare const ${name}: Validate;`)
  .join("\n")}`;
