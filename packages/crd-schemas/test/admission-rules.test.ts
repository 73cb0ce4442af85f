// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { customResourceDefinition } from "../src/custom-resource-definition.ts";
import { kinds } from "../src/kinds.ts";
import { brokenRules } from "./broken-rules.ts";

const schemas: Readonly<Record<string, unknown>> = Object.fromEntries(
  kinds.map((kind) => {
    const { versions } = customResourceDefinition(kind).spec as {
      versions: readonly { schema: { openAPIV3Schema: unknown } }[];
    };
    return [kind.kind, versions[0]?.schema.openAPIV3Schema];
  }),
);

// It knows neither the formats nor the keywords of Kubernetes.
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });

/** What schema and rules of a kind say against a value. */
function refusals(kind: string, value: unknown): readonly string[] {
  const schema = schemas[kind];
  if (typeof schema !== "object" || schema === null) return [];
  const validate = ajv.compile(schema);
  validate(value);
  const found = (validate.errors ?? []).map(
    ({ instancePath, keyword }) => `${asPath(instancePath)}: ${keyword}`,
  );
  return [...found, ...brokenRules(schema, value)];
}

const asPath = (pointer: string): string =>
  pointer.replaceAll("/", ".").replace(/\.(\d+)/g, "[$1]");

const fixtures = "packages/policy/test/fixtures";
const policies = [`${fixtures}/valid/`, `${fixtures}/warned/`, "policies/examples/"].flatMap(
  (folder) => {
    const directory = new URL(`../../../${folder}`, import.meta.url);
    return readdirSync(directory)
      .filter((name) => name.endsWith(".yaml"))
      .map((name) => [name, new URL(name, directory)] as const);
  },
);

it("there are policies to try", () => {
  expect(policies.length).toBeGreaterThan(10);
});

it.each(policies)("accepts %s", (_, url) => {
  for (const document of parseAllDocuments(readFileSync(url, "utf8"), { merge: true })) {
    const value: { readonly kind: string } | null = document.toJS();
    expect(refusals(value?.kind ?? "", value)).toEqual([]);
  }
});

const withSelector = (selector: unknown, hook: object = {}) => ({
  kprobes: [{ call: "tcp_connect", syscall: false, ...hook, selectors: [selector] }],
});
const withAction = (action: unknown) => withSelector({ matchActions: [action] });
const inSelector = "spec.kprobes[0].selectors[0]";

describe("refuses what nobody can mean", () => {
  it.each([
    [{ kprobes: [] }, "spec: the policy hooks nothing"],
    [{ kprobes: [{ call: "tcp_connect" }] }, "spec.kprobes[0].call: this is not a system call"],
    [
      { kprobes: [{ call: "sys_read", return: true }] },
      "spec.kprobes[0].return: return: true needs returnArg",
    ],
    [
      { kprobes: [{ call: "sys_write", args: [{ index: 1, type: "char_buf" }] }] },
      "spec.kprobes[0].args[0].sizeArgIndex: a char_buf needs",
    ],
    [
      withSelector({ matchReturnArgs: [{ index: 0, operator: "Equal", values: ["0"] }] }),
      "spec.kprobes[0].selectors: matchReturnArgs and matchReturnActions need",
    ],
    [
      {
        lsmhooks: [
          { hook: "file_open", selectors: [{ matchReturnActions: [{ action: "Post" }] }] },
        ],
      },
      "spec.lsmhooks[0].selectors: this kind of hook reports no return value",
    ],
    [{ lsmhooks: [{ hook: "security_file_open" }] }, "spec.lsmhooks[0].hook: this is the name"],
    [
      {
        tracepoints: [
          {
            subsystem: "a",
            event: "b",
            selectors: [{ matchActions: [{ action: "Override", argError: -1 }] }],
          },
        ],
      },
      "spec.tracepoints[0].selectors: Override is not possible at a tracepoint",
    ],
    [
      withSelector({ matchArgs: [{ index: 0, operator: "DPort", values: [] }] }),
      `${inSelector}.matchArgs[0].values: the operator and its values do not fit`,
    ],
    [
      withSelector({ matchArgs: [{ index: 0, operator: "DPortPriv", values: ["80"] }] }),
      `${inSelector}.matchArgs[0].values: the operator and its values do not fit`,
    ],
    [
      withSelector({
        matchBinaries: [{ operator: "Prefix", values: ["/usr/"], followChildren: true }],
      }),
      `${inSelector}.matchBinaries[0].followChildren: followChildren compares whole paths`,
    ],
    [withAction({ action: "Signal" }), `${inSelector}.matchActions[0].argSig: Signal needs`],
    [withAction({ action: "Signal", argSig: 65 }), `${inSelector}.matchActions[0].argSig: Signal`],
    [withAction({ action: "Override" }), `${inSelector}.matchActions[0].argError: Override needs`],
    [
      withAction({ action: "Post", argNewAddr: 1, argNewOffset: 1 }),
      `${inSelector}.matchActions[0]: argNewSymbol, argNewAddr and argNewOffset exclude`,
    ],
    [
      withAction({ action: "Post", argNewSymbol: "f", argNewOffset: 1 }),
      `${inSelector}.matchActions[0]: argNewSymbol, argNewAddr and argNewOffset exclude`,
    ],
    [
      { loader: true, options: [{ name: "policy-mode", value: "audit" }] },
      "spec.options[0].value: policy-mode is enforce or monitor",
    ],
    [
      { loader: true, containerSelector: { matchLabels: { name: "a", nam: "main" } } },
      "spec.containerSelector: containers are selected by name and repo",
    ],
    [
      { loader: true, hostSelector: { matchLabels: {} } },
      "spec.hostSelector: hostSelector must be empty",
    ],
    [{ kprobes: [{ call: "sys_read+0x10" }] }, "spec.kprobes[0].call: pattern"],
    [{ tracepoints: [{ subsystem: "a", event: "a/b" }] }, "spec.tracepoints[0].event: pattern"],
    [{ lsmhooks: [{ hook: "file open" }] }, "spec.lsmhooks[0].hook: pattern"],
    [{ lsmhooks: [{ hook: "file_open", message: "x" }] }, "spec.lsmhooks[0].message: minLength"],
    [
      withAction({ action: "Post", rateLimit: "5 per minute" }),
      `${inSelector}.matchActions[0].rateLimit: pattern`,
    ],
    [
      withAction({ action: "Post", rateLimit: "5", rateLimitScope: "pod" }),
      `${inSelector}.matchActions[0].rateLimitScope: pattern`,
    ],
    [
      withSelector({ matchPIDs: [{ operator: "In", values: [] }] }),
      `${inSelector}.matchPIDs[0].values: minItems`,
    ],
  ])("%j", (spec, expected) => {
    const found = refusals("TracingPolicy", { metadata: {}, spec });
    expect(found).toEqual([expect.stringContaining(`.${expected}`)]);
  });

  it("hostSelector in a namespaced policy", () => {
    const value = { metadata: {}, spec: { loader: true, hostSelector: {} } };
    expect(refusals("TracingPolicyNamespaced", value)).toEqual([
      expect.stringContaining(".spec.hostSelector: a namespaced policy cannot"),
    ]);
  });
});

it.each([
  [{ loader: true }],
  [{ kprobes: [{ call: "list:dups" }] }],
  [{ kprobes: [{ call: "__x64_sys_read" }] }],
  [
    {
      uprobes: [
        { path: "/x", selectors: [{ matchActions: [{ action: "Override", argRegs: ["rax=1"] }] }] },
      ],
    },
  ],
  [withAction({ action: "Override", argError: -4095 })],
  [withAction({ action: "Override", argNewSymbol: "g" })],
  [withAction({ action: "Post", argNewOffset: 1 })],
  [withAction({ action: "Post", rateLimit: " 5M ", rateLimitScope: "Process" })],
  [withSelector({ matchArgs: [{ index: 0, operator: "NotSportPriv" }] })],
  [withSelector({ matchReturnArgs: [] })],
  [{ loader: true, containerSelector: { matchLabels: { name: "a", repo: "b" } } }],
  [{ loader: true, containerSelector: {} }],
])("accepts %j", (spec) => {
  expect(refusals("TracingPolicy", { metadata: {}, spec })).toEqual([]);
});
