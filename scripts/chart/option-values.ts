// SPDX-License-Identifier: Apache-2.0
import type { Option } from "../../packages/base/src/configuration/option.ts";
import { operatorOptions } from "../../packages/operator/src/configuration.ts";
import { sensorOptions } from "../../packages/sensor/src/configuration/configuration.ts";
import type { ChartValue, Schema } from "./chart-value.ts";

type Program = "operator" | "sensor";

/** Options that the templates set themselves, because objects of the chart must agree with them. */
export const setByTemplates: Readonly<Record<Program, readonly string[]>> = {
  operator: [
    ...["namespace", "pod-name", "service-name", "advertise-address"],
    ...["sensor-address", "webhook-address", "api-address", "metrics-address"],
    ...["sensor-service-account", "token-audience"],
    ...["tls-cert-file", "tls-key-file", "tls-ca-file"],
    // Of no use in a pod, or on a command line.
    ...["kubeconfig", "help", "uninstall", "uninstall-timeout"],
  ],
  sensor: [
    ...[
      "operator",
      "operator-ca",
      "operator-ca-configmap",
      "operator-token",
      "operator-server-name",
      "operator-insecure",
    ],
    ...["health-server-address", "metrics-server", "node-name"],
    ...["config-dir", "remove-all"],
  ],
};

/** Where the name is not that of the option: Tetragon's chart has it, or values belong together. */
const names: Readonly<Record<string, string>> = {
  "export-allowlist": "exportAllowList",
  "export-denylist": "exportDenyList",
  "export-file-max-size-mb": "exportFileMaxSizeMB",
  "keep-sensors-on-exit": "enableKeepSensorsOnExit",
  rollout: "rollout.strategy",
  canary: "rollout.canary",
  "canary-duration": "rollout.canaryDuration",
};

/** Defaults of the chart that differ from the program's, or that people look for in values.yaml. */
const defaults: Readonly<Record<string, unknown>> = {
  "operator.rollout.strategy": "all",
  "operator.rollout.canary": "10%",
  "operator.rollout.canaryDuration": "5m",
  "operator.webhookFailurePolicy": "ignore",
  "operator.logLevel": "info",
  "sensor.logLevel": "info",
  "sensor.policies": [],
  "sensor.enableKeepSensorsOnExit": true,
  "sensor.exportFilename": "-",
  "sensor.stateDir": "/var/lib/gander",
};

/** What the chart adds to the help of an option. */
const remarks: Readonly<Record<string, string>> = {
  "sensor.policies": "In the chart: none, policies are objects of the API.",
  "sensor.exportFilename": "In the chart: the log of the pod. Empty: only to clients that ask.",
  "sensor.stateDir": "A folder of the node.",
};

/** Every option of a program that has a value, in the order of its table. */
export function optionValues(program: Program): readonly ChartValue[] {
  const options: Readonly<Record<string, Option>> =
    program === "operator" ? operatorOptions : sensorOptions;
  return Object.entries(options)
    .filter(([flag]) => !setByTemplates[program].includes(flag))
    .map(([flag, option]) => {
      const path = `${program}.${names[flag] ?? camelCase(flag)}`;
      const remark = remarks[path];
      return {
        path,
        help: remark === undefined ? option.help : `${option.help} ${remark}`,
        schema: schemaOf(option, path),
        ...(path in defaults && { default: defaults[path] }),
        option: {
          program,
          flag,
          separator: option.type === "list" && option.commas === "keep" ? "\n" : ",",
          programDefault: writtenDefault(option),
        },
      };
    });
}

const camelCase = (flag: string): string =>
  flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

function schemaOf(option: Option, path: string): Schema {
  if (path.endsWith("stateDir")) return { type: "string", pattern: "^/" };
  switch (option.type) {
    case "text":
      return option.values === undefined ? { type: "string" } : { enum: option.values };
    case "list": {
      const items = option.values === undefined ? { type: "string" } : { enum: option.values };
      return { anyOf: [{ type: "array", items }, { type: "string" }] };
    }
    case "boolean":
      return { type: "boolean" };
    case "number":
      return { type: "integer", ...bounds(option) };
    case "duration":
      return { type: "string", pattern: "^([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+$|^[0-9]+$" };
    case "size":
      return { type: ["integer", "string"], pattern: "^[0-9]+([kKmMgG]i?)?[bB]?$" };
  }
}

const bounds = ({ min, max }: { readonly min?: number; readonly max?: number }) => ({
  ...(min !== undefined && { minimum: min }),
  ...(max !== undefined && { maximum: max }),
});

/** As the value would be written, so that it can be copied. */
function writtenDefault(option: Option): unknown {
  if (option.type === "duration") return `${option.default / 1000}s`;
  if (option.type === "size") return `${option.default / 1024}Ki`;
  return option.default;
}
