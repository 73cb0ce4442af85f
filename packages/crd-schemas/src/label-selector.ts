// SPDX-License-Identifier: Apache-2.0
import type { Static } from "./schema.ts";
import { list, map, object, oneOf, optional, required, text } from "./schema.ts";

const labelValue = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";

const labelValues = { maxLength: 63, pattern: labelValue } as const;

/** A repository has a registry, maybe with a port, and folders: `registry.example:5000/team/app`. */
const containerValues = {
  maxLength: 255,
  pattern: "^([A-Za-z0-9]([-A-Za-z0-9_.:/]*[A-Za-z0-9])?)?$",
} as const;

const labelSelectorFields = (
  limits: { readonly admission?: { readonly shapeOnly: true } } = {},
  { requirement, values } = {
    requirement: "LabelSelectorRequirement",
    values: labelValues as { readonly maxLength: number; readonly pattern: string },
  },
) => ({
  matchLabels: optional(
    map("Labels that must be there with these values.", text("Value.", values), limits),
  ),
  matchExpressions: optional(
    list(
      "Conditions; all must hold.",
      object(requirement, "One condition on a label.", {
        key: required(text("Label.")),
        operator: required(oneOf("How it is compared.", ["In", "NotIn", "Exists", "DoesNotExist"])),
        values: optional(list("For In and NotIn.", text("Value.", values))),
      }),
      limits,
    ),
  ),
});

export const labelSelector = (help: string) => object("LabelSelector", help, labelSelectorFields());

export const containerSelector = (help: string) =>
  object(
    "ContainerSelector",
    help,
    labelSelectorFields(
      {},
      { requirement: "ContainerSelectorRequirement", values: containerValues },
    ),
  );

export type LabelSelectorSpec = Static<ReturnType<typeof labelSelector>>;

export const hostSelector = object(
  "HostSelector",
  "Processes outside of pods: leave it out for none, `{}` for all.",
  // Both fields are forbidden.
  labelSelectorFields({ admission: { shapeOnly: true } }),
  [
    {
      cel: "!has(self.matchLabels) && !has(self.matchExpressions)",
      holds: (self) => self.matchLabels === undefined && self.matchExpressions === undefined,
      message: "hostSelector must be empty",
      hint: "Write `hostSelector: {}` to include all processes of the host.",
    },
  ],
);
