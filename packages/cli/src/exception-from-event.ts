// SPDX-License-Identifier: Apache-2.0
import { basename } from "node:path";
import { GanderError } from "@gander/base";
import { unwrittenReason } from "@gander/crd-schemas";
import { terminalSafeJson } from "./events/quote.ts";

/** What an exception can be made of. */
type ExceptedEvent = {
  readonly policy: string;
  readonly binary: string;
  /** Of its file arguments; one that is not whole is not among them. */
  readonly paths: readonly string[];
  readonly pod?: {
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly container: string;
  };
};

type Fields = Readonly<Record<string, unknown>>;

/** The first event of a policy in lines of JSON. @throws GanderError */
export function readPolicyEvent(text: string, name: string): ExceptedEvent {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  for (const line of lines.length > 1 && text.trim().startsWith("{\n") ? [text] : lines) {
    const event = eventOf(parse(line, name));
    if (event !== undefined) return event;
  }
  throw new GanderError("client-bad-input", `There is no event of a policy in ${name}`, {
    hint: "Give it one line of `gander events -o json`, or of the export, with a policy_name.",
  });
}

function parse(line: string, name: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new GanderError("client-bad-input", `Cannot read ${name}: it is not JSON`, {
      hint: "Give it one line of `gander events -o json`, or of the export.",
      cause,
    });
  }
}

function eventOf(line: unknown): ExceptedEvent | undefined {
  const found = Object.values(fieldsOf(line)).map(fieldsOf);
  const event = found.find(({ policy_name: name }) => textOf(name) !== "");
  if (event === undefined) return undefined;
  const process = fieldsOf(event.process);
  const pod = fieldsOf(process.pod);
  const namespace = textOf(pod.namespace);
  const args = Array.isArray(event.args) ? event.args : [];
  return {
    policy: textOf(event.policy_name),
    binary: textOf(process.binary),
    paths: [...new Set(args.flatMap(pathOf))],
    ...(namespace !== "" && {
      pod: {
        namespace,
        labels: textsOf(pod.pod_labels),
        container: textOf(fieldsOf(pod.container).name),
      },
    }),
  };
}

function pathOf(arg: unknown): readonly string[] {
  const { file_arg, path_arg, linux_binprm_arg } = fieldsOf(arg);
  const { path, flags } = fieldsOf(file_arg ?? path_arg ?? linux_binprm_arg);
  // A part of the path is no path.
  return textOf(path).startsWith("/") && textOf(flags) === "" ? [textOf(path)] : [];
}

const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null ? (value as Fields) : {};

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function textsOf(value: unknown): Readonly<Record<string, string>> {
  const texts = Object.entries(fieldsOf(value)).map(([key, one]) => [key, textOf(one)]);
  return Object.fromEntries(texts);
}

type ExceptionOptions = {
  readonly isNamespaced: boolean;
  /** Of the suggestion. */
  readonly expires: Date;
};

/** An exception for what the event shows, as YAML; somebody has to write its reason. @throws GanderError */
export function exceptionYaml(event: ExceptedEvent, options: ExceptionOptions): string {
  const { policy, binary, paths, pod } = event;
  const { isNamespaced, expires } = options;
  if (isNamespaced && pod === undefined)
    throw new GanderError("client-bad-input", "The process of the event is in no pod", {
      hint: "Leave out --namespaced: the exception is for the whole cluster, or for a single host.",
    });
  const place = isNamespaced && pod ? `, namespace: ${quoted(pod.namespace)}` : "";
  const lines = [
    "apiVersion: gander.dev/v1alpha1",
    `kind: ${isNamespaced ? "PolicyExceptionNamespaced" : "PolicyException"}`,
    `metadata: { name: ${quoted(nameOf(policy, binary))}${place} }`,
    "spec:",
    `  reason: ${quoted(`${unwrittenReason} say why this is needed, and who has agreed`)}`,
    "  # It ends on each node then; leave it out for one that lasts.",
    `  expires: ${quoted(expires.toISOString().replace(/\.\d+Z$/, "Z"))}`,
    ...(pod && !isNamespaced
      ? [`  # A policy of a namespace is named ${quoted(`${pod.namespace}/${policy}`)}.`]
      : []),
    `  policies: [${quoted(policy)}]`,
    ...workloadLines(pod, isNamespaced),
    ...binaryLines(binary, pod === undefined),
    ...(paths.length === 0
      ? []
      : ["  paths:", `    - { operator: In, values: [${paths.map(quoted).join(", ")}] }`]),
  ];
  return `${lines.join("\n")}\n`;
}

function workloadLines(pod: ExceptedEvent["pod"], isNamespaced: boolean): readonly string[] {
  if (pod === undefined) return [];
  const { namespace, labels, container } = pod;
  const key = workloadLabels.find((one) => labels[one] !== undefined);
  return [
    ...(isNamespaced ? [] : [`  namespaces: [${quoted(namespace)}]`]),
    ...(key === undefined
      ? []
      : [`  podSelector: { matchLabels: { ${quoted(key)}: ${quoted(labels[key] ?? "")} } }`]),
    ...(container === ""
      ? []
      : [`  containerSelector: { matchLabels: { name: ${quoted(container)} } }`]),
  ];
}

/** Those that are the same for all pods of a workload. */
const workloadLabels = ["app.kubernetes.io/name", "app.kubernetes.io/instance", "app", "k8s-app"];

function binaryLines(binary: string, isOfNode: boolean): readonly string[] {
  if (!binary.startsWith("/")) return [];
  const identity = isOfNode ? ", identity: file" : "";
  return [
    "  # As it was typed; policies see the file that runs, which is another one behind a symbolic link.",
    `  binaries: [{ operator: In, values: [${quoted(binary)}]${identity} }]`,
  ];
}

/** A name that Kubernetes accepts. */
function nameOf(policy: string, binary: string): string {
  const text = `${policy}-${basename(binary)}`.toLowerCase();
  const name = text.replace(/[^a-z0-9-]+/g, "-").slice(0, 63);
  return name.replace(/^-+|-+$/g, "") || "exception";
}

/** Also a text of YAML. */
const quoted = (text: string): string => terminalSafeJson(JSON.stringify(text));
