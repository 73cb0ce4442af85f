// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readLibrary } from "../../packages/policy-test/src/library/index.ts";
import { dashboard } from "./dashboard.ts";
import { libraryFile } from "./library-file.ts";
import { optionsTemplate } from "./options-template.ts";
import { withValues } from "./values-page.ts";
import { valuesSchema } from "./values-schema.ts";
import { chartValues } from "./values-table.ts";
import { valuesYaml } from "./values-yaml.ts";

const chart = join(import.meta.dirname, "../../charts/gander");

export type GeneratedFile = { readonly path: string; readonly text: string };

/** The generated files of charts/gander as they should be. */
export function chartFiles(): readonly GeneratedFile[] {
  const readme = join(chart, "README.md");
  return [
    { path: join(chart, "values.yaml"), text: valuesYaml(chartValues) },
    { path: join(chart, "values.schema.json"), text: valuesSchema(chartValues) },
    { path: join(chart, "templates/_options.tpl"), text: optionsTemplate(chartValues) },
    { path: join(chart, "dashboards/gander.json"), text: dashboard() },
    { path: join(chart, "policies.json"), text: libraryFile(readLibrary()) },
    { path: readme, text: withValues(readFileSync(readme, "utf8"), chartValues) },
  ];
}
