// SPDX-License-Identifier: Apache-2.0
import type { Kind } from "./kinds.ts";
import { kinds } from "./kinds.ts";
import { isExceptionKind, policyExceptionSpec } from "./policy-exception.ts";
import { policyStatusStatus, tracingPolicyStatus } from "./policy-status.ts";
import type { Field, ObjectSchema, Schema } from "./schema.ts";
import { tracingPolicySpec } from "./tracing-policy.ts";
import { valueSetKind, valueSetSpec } from "./value-set.ts";

/** Reference of the policy language, as Markdown. */
export function tracingPolicyPage(): string {
  return page("TracingPolicy", [
    "Policies as in `cilium.io/v1alpha1`, for the whole cluster or for one namespace. The [guide](../policies.md) says how to write one, [policy-language.md](../policy-language.md) what each type, operator, filter and action means; `gander policy check FILE` says what is wrong with one.",
    kindTable((kind) => kind.group === "cilium.io"),
    "Each reader of a policy fills in the defaults of fields; the cluster stores the policy as it was applied. *Checked* lists what the API server refuses by itself in `kprobes`, `tracepoints` and `lsmhooks`, even when no operator is running; the operator and `gander policy check` check more.",
    ...objectSections(tracingPolicySpec),
    ...objectSections(tracingPolicyStatus),
  ]);
}

/** Reference of the operator's status objects, as Markdown. */
export function policyStatusPage(): string {
  return page("PolicyStatus", [
    "The status of a policy on all nodes, in an object of the same name (`kubectl get policystatus`, `kubectl get gander`). The operator writes it; it is deleted with its policy.",
    kindTable((kind) => kind.kind.startsWith("PolicyStatus")),
    ...objectSections(policyStatusStatus),
  ]);
}

/** Reference of the sets of values, as Markdown. */
export function valueSetPage(): string {
  return page("ValueSet", [
    "Values with a name, in `gander.dev/v1alpha1`: a filter of a GuardPolicy names them by `set:NAME` ([guide](../policies.md#named-sets)).",
    kindTable((kind) => kind.kind === valueSetKind),
    ...objectSections(valueSetSpec),
  ]);
}

/** Reference of the exceptions, as Markdown. */
export function policyExceptionPage(): string {
  return page("PolicyException", [
    "What policies do not apply to, in `gander.dev/v1alpha1` ([guide](../exceptions.md)).",
    kindTable((kind) => isExceptionKind(kind.kind)),
    ...objectSections(policyExceptionSpec),
  ]);
}

const page = (title: string, parts: readonly string[]): string =>
  [
    `# ${title}`,
    "Generated from `packages/crd-schemas/src`: change it there, then `pnpm --filter @gander/crd-schemas generate`.",
    ...parts,
  ]
    .join("\n\n")
    .concat("\n");

function kindTable(isShown: (kind: Kind) => boolean): string {
  const rows = kinds
    .filter(isShown)
    .map(({ kind, plural, shortName, scope, help }) => [
      `\`${kind}\``,
      `\`${plural}\`, \`${shortName}\``,
      scope === "Cluster" ? "cluster" : "namespace",
      help,
    ]);
  return table(["kind", "in commands", "scope", ""], rows);
}

/** The object, then its nested objects, each once. */
function objectSections(root: Schema): readonly string[] {
  const found = new Map<string, ObjectSchema>();
  const collect = (schema: Schema): void => {
    if (schema.kind === "list") collect(schema.items);
    else if (schema.kind === "map") collect(schema.values);
    else if (schema.kind === "object" && !found.has(schema.name)) {
      found.set(schema.name, schema);
      for (const { schema: inner } of Object.values(schema.fields)) collect(inner);
    }
  };
  collect(root);
  return [...found.values()].flatMap(objectSection);
}

function objectSection({ name, help, fields, rules }: ObjectSchema): readonly string[] {
  const rows = Object.entries(fields).map(([key, field]) => [
    `\`${key}\``,
    typeText(field.schema),
    [...marks(field), presence(field), bounds(field.schema)]
      .filter((text) => text !== "")
      .join("; "),
    field.schema.help,
  ]);
  return [
    `## ${name}`,
    help,
    table(["field", "type", "", "meaning"], rows),
    ...(rules.length === 0
      ? []
      : [
          `Checked:\n\n${rules.map(({ message, hint }) => `- ${escaped(message)}. ${escaped(hint)}`).join("\n")}`,
        ]),
  ];
}

function marks({ only, refused }: Field): readonly string[] {
  return [
    ...(only === "guard" ? ["GuardPolicy only"] : []),
    ...(refused ? ["not supported yet"] : []),
  ];
}

function presence(field: Field): string {
  if (field.presence === "required") return "required";
  return field.presence === "default" && field.value !== ""
    ? `default \`${String(field.value)}\``
    : "";
}

function typeText(schema: Schema): string {
  switch (schema.kind) {
    case "list":
      return `list of ${typeText(schema.items)}`;
    case "map":
      return `map of ${typeText(schema.values)}`;
    case "object":
      return `[${schema.name}](#${schema.name.toLowerCase()})`;
    case "integer":
      return "number";
    case "text":
      return schema.format === "date-time" ? "time" : "text";
    case "boolean":
      return "true, false";
    case "any":
      return "anything";
  }
}

function bounds(schema: Schema): string {
  switch (schema.kind) {
    case "list":
      return [listBounds(schema), bounds(schema.items)].filter((text) => text !== "").join("; ");
    case "text":
      return schema.values
        ? schema.values.map((value) => valueText(value, schema)).join(", ")
        : lengths(schema);
    case "integer":
      return `${schema.min} to ${schema.max === Number.MAX_SAFE_INTEGER ? "2^53 - 1" : schema.max}`;
    default:
      return "";
  }
}

function valueText(value: string, { guardValues, refusedValues }: TextSchema): string {
  if (guardValues?.includes(value)) return `\`${value}\` (GuardPolicy only)`;
  return refusedValues?.includes(value) ? `\`${value}\` (not supported yet)` : `\`${value}\``;
}

type TextSchema = Extract<Schema, { kind: "text" }>;

function listBounds({ maxItems, admission }: Extract<Schema, { kind: "list" }>): string {
  const most = maxItems ?? admission?.maxItems;
  const least = admission?.minItems;
  if (least !== undefined) return `at least ${least}`;
  return most === undefined ? "" : `at most ${most}`;
}

const lengths = ({ maxLength, admission }: Extract<Schema, { kind: "text" }>): string => {
  if (admission?.minLength !== undefined) return `at least ${admission.minLength} characters`;
  return maxLength === undefined ? "" : `at most ${maxLength} characters`;
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map(escaped).join(" | ")} |`)
    .join("\n");

const escaped = (text: string): string => text.replaceAll("|", "\\|");
