// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { celMatcher } from "../../packages/cli/src/events/cel-matcher.ts";
import { compactLine } from "../../packages/cli/src/events/compact.ts";
import { parseEvent } from "../../packages/cli/src/events/event-json.ts";
import { readReview } from "../../packages/operator/src/admission/admission-review.ts";
import { readPolicyObject } from "../../packages/operator/src/api/read-policy-object.ts";
import { requestedSessions } from "../../packages/operator/src/sessions/session-review.ts";
import { createContainerBundles } from "../../packages/sensor/src/workload/container-bundles.ts";
import { repeated } from "../src/generators.ts";
import type { Target } from "../src/target.ts";

const words = [
  '"',
  "{",
  "}",
  "[",
  "]",
  ":",
  ",",
  "null",
  "1e999",
  "-0",
  '"__proto__":',
  "\\u0000",
  "\\ud800",
  "\n",
  "true",
];

/** A nested value, in a text with one place for it. */
const inside = (frame: string) => ({
  "lists in lists": (size: number) =>
    frame.replace("HERE", repeated("[", size / 2) + repeated("]", size / 2)),
  "mappings in mappings": (size: number) =>
    frame.replace("HERE", `${repeated('{"a":', size / 2)}1${repeated("}", size / 10)}`),
  "lists that do not end": (size: number) => frame.replace("HERE", repeated("[", size)),
  "many entries": (size: number) => frame.replace("HERE", `[${repeated("1,", size)}1]`),
  "a long text": (size: number) => frame.replace("HERE", `"${repeated("\\u001b", size)}"`),
});

const fixtures = new URL("../../packages/sensor/src/events/fixtures/", import.meta.url);
let holds: ReturnType<typeof celMatcher> | undefined;

/** Lines of an export, as `gander events` shows them. */
export const eventLines: Target = {
  name: "event-lines",
  run(bytes) {
    holds ??= celMatcher(["process_exec.process.pid > 7u"]);
    const event = parseEvent(bytes.toString());
    if (event === undefined) return "none";
    const shown = compactLine(event, { color: false, timestamps: true, stackTraces: true });
    if (/(?!\n)[\p{Cc}\u202e]/u.test(shown)) throw new Error("shows a control character");
    return `${Object.keys(event)[0]} ${holds(event)}`;
  },
  seeds: () => readdirSync(fixtures).map((name) => readFileSync(new URL(name, fixtures))),
  words: [...words, '"process_exec":', '"args":', '"string_arg":', '"int_arg":', '"process":'],
  bombs: {
    ...inside('{"process_exec":{"process":{"pid":HERE,"binary":"/a"}}}'),
    ...inside('{"process_kprobe":{"function_name":"f","args":[{"new_arg":HERE}]}}'),
  },
  innocent: (size) => `{"process_exec":{"process":{"binary":"${repeated("a", size)}"}}}`,
};

let file: string | undefined;

/** The configuration that a container's runtime received. */
export const ociConfig: Target = {
  name: "oci-config",
  run(bytes) {
    file ??= join(mkdtempSync(join(tmpdir(), "gander-fuzz-")), "config.json");
    writeFileSync(file, bytes);
    const facts = createContainerBundles([file])("0".repeat(64));
    return facts === undefined ? "none" : `${facts.runtime} ${facts.name === ""}`;
  },
  seeds: () =>
    ["container", "sandbox", "pod"].map((type) =>
      Buffer.from(
        JSON.stringify({
          annotations: {
            "io.kubernetes.cri.container-type": type,
            "io.kubernetes.cri.container-name": "c",
            "io.kubernetes.cri-o.ContainerType": type,
          },
        }),
      ),
    ),
  words: [...words, '"annotations":', '"io.kubernetes.container.name":'],
  bombs: inside('{"annotations":{"a":HERE}}'),
  innocent: (size) => `{"annotations":{"a":"${repeated("a", size)}"}}`,
};

/** Data from the API server: reviews for the webhook, and watched objects. */
export const review: Target = {
  name: "review",
  run(bytes) {
    const object = readReview(bytes)?.object;
    if (object === undefined) return "none";
    const metadata = { uid: "u", name: "a", resourceVersion: "1" };
    const { compiled } = readPolicyObject("TracingPolicy", { ...object, metadata });
    const codes = compiled.problems?.map(({ code }) => code) ?? [];
    return [...new Set(codes)].sort().join() || "good";
  },
  seeds: () =>
    [
      { kprobes: [{ call: "tcp_connect", syscall: false, args: [{ index: 0, type: "sock" }] }] },
      { options: [{ name: "policy-mode", value: "monitor" }], podSelector: {}, lsmhooks: [] },
      1,
    ].map((spec) =>
      Buffer.from(
        JSON.stringify({
          apiVersion: "admission.k8s.io/v1",
          request: { uid: "u", operation: "CREATE", object: { spec } },
        }),
      ),
    ),
  words: [...words, '"spec":', '"kprobes":', '"selectors":', '"matchArgs":', '"values":'],
  bombs: inside(
    '{"apiVersion":"admission.k8s.io/v1","request":{"uid":"u","object":{"spec":{"kprobes":HERE}}}}',
  ),
  innocent: (size) =>
    `{"apiVersion":"admission.k8s.io/v1","request":{"uid":"u","object":{"spec":{"kprobes":[{"call":"${repeated("a", size)}"}]}}}}`,
};

/** Reviews of sessions: the texts of users, which go to a sensor and into events. */
export const sessionReview: Target = {
  name: "session-review",
  run(bytes) {
    const read = readReview(bytes);
    const sessions = read === undefined ? [] : requestedSessions(read);
    for (const session of sessions)
      if (JSON.stringify(session).length > 200_000) throw new Error("A session has no bounds");
    if (sessions.length > 32) throw new Error(`${sessions.length} sessions of one request`);
    return [...new Set(sessions.map(({ kind }) => kind))].join() || "none";
  },
  seeds: () =>
    [
      { ...connect("exec"), object: { container: "web", command: ["sh", "-c", "id"] } },
      { ...connect("portforward"), object: { ports: [80] } },
      {
        ...connect("ephemeralcontainers"),
        operation: "UPDATE",
        object: { spec: { ephemeralContainers: [{ name: "debugger" }] } },
      },
    ].map((request) => Buffer.from(JSON.stringify({ apiVersion: "admission.k8s.io/v1", request }))),
  words: [...words, '"object":', '"command":', '"groups":', '"ephemeralContainers":', '"name":'],
  bombs: inside(aSession("HERE")),
  innocent: (size) => aSession(`["${repeated("a", size)}"]`),
};

function connect(subResource: string) {
  return {
    ...{ uid: "u", operation: "CONNECT", subResource, namespace: "shop", name: "web-0" },
    resource: { group: "", version: "v1", resource: "pods" },
    userInfo: { username: "alice", groups: ["devs"] },
  };
}

/** `command`: JSON. */
function aSession(command: string): string {
  const request = JSON.stringify({ ...connect("exec"), object: { command: 0 } });
  return `{"apiVersion":"admission.k8s.io/v1","request":${request.replace('"command":0', `"command":${command}`)}}`;
}
