// SPDX-License-Identifier: Apache-2.0
import type { Pod, Session } from "@gander/proto";
import fc from "fast-check";
import { execId } from "../src/process/exec-id.ts";
import {
  binaryPropertiesMessage,
  capabilitiesMessage,
  credentialsMessage,
  namespacesMessage,
} from "../src/process/process-details.ts";
import { ProcessEntry } from "../src/process/process-entry.ts";

const uint32 = fc.oneof(fc.nat({ max: 0xffff_ffff }), fc.constantFrom(0, 1000, 0xffff_ffff));
const word = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string(),
  fc.constant("/bin/sh"),
);
const mask = fc.bigInt({ min: 0n, max: 2n ** 41n - 1n });

const arbitraryDetails = fc
  .record({
    uid: uint32,
    gid: uint32,
    euid: uint32,
    egid: uint32,
    suid: uint32,
    sgid: uint32,
    fsuid: uint32,
    fsgid: uint32,
    securebits: fc.nat({ max: 255 }),
    permitted: mask,
    effective: mask,
    inheritable: mask,
    userNsLevel: fc.nat({ max: 3 }),
    userNsOwner: uint32,
    userNsGroup: uint32,
    userNs: uint32,
    namespaces: fc.array(uint32, { minLength: 10, maxLength: 10 }),
  })
  .map(({ namespaces, ...raw }) => ({
    capabilities: capabilitiesMessage(raw),
    credentials: credentialsMessage(raw, raw.userNs),
    namespaces: namespacesMessage(namespaces, namespaces.toReversed()),
  }));

const arbitraryBinary = fc.record({
  path: word,
  inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  links: fc.nat({ max: 3 }),
  setuid: fc.boolean(),
  setgid: fc.boolean(),
  fileCapabilities: fc.boolean(),
  euid: uint32,
  egid: uint32,
});

const labels = fc.dictionary(word, word, { maxKeys: 3, noNullPrototype: true });
const texts = (...names: readonly string[]) =>
  fc.record(Object.fromEntries(names.map((name) => [name, word])), {
    requiredKeys: [],
    noNullPrototype: true,
  });
const flag = fc.option(fc.constant({ privileged: true }), { nil: undefined });

const arbitraryContainer = fc
  .record({ id: fc.constant("containerd://ab"), more: texts("name"), image: texts("id", "name") })
  .chain(({ id, more, image }) =>
    fc.record({ security: flag, seconds: fc.nat() }).map(({ security, seconds }) => ({
      ...{ id, ...withText(more), image: withText(image) },
      ...(seconds > 0 && { start_time: { seconds: String(seconds), nanos: 7 } }),
      ...(security && { security_context: security }),
    })),
  );

const arbitraryPod: fc.Arbitrary<Pod> = fc
  .record({
    head: texts("namespace", "name", "uid"),
    container: fc.option(arbitraryContainer, { nil: undefined }),
    labels,
    workload: texts("workload", "workload_kind"),
    annotations: labels,
  })
  .map(({ head, container, labels, workload, annotations }) => ({
    ...withText(head),
    ...(container && { container }),
    ...(Object.keys(labels).length > 0 && { pod_labels: labels }),
    ...withText(workload),
    ...(Object.keys(annotations).length > 0 && { pod_annotations: annotations }),
  }));

/** As in messages: empty texts are omitted. */
const withText = (fields: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, content]) => content !== ""));

const request = texts("kind", "user", "request_uid").map(withText);

const arbitrarySession: fc.Arbitrary<Session> = fc
  .record({
    request,
    groups: fc.array(word, { maxLength: 3 }),
    isUnannounced: fc.boolean(),
    candidates: fc.array(request, { maxLength: 3 }),
  })
  .map(({ request: first, groups, isUnannounced, candidates }) => ({
    ...first,
    ...(groups.length > 0 && { groups }),
    ...(isUnannounced && { unannounced: true }),
    ...(candidates.length > 0 && { candidates }),
  }));

/** Any process, with and without details; for property tests. */
export const arbitraryProcess: fc.Arbitrary<ProcessEntry> = fc
  .record({
    pid: fc.nat({ max: 2 ** 22 }),
    startLow: uint32,
    startHigh: fc.nat({ max: 0x3f_ffff }),
    seconds: fc.nat({ max: 2 ** 33 }),
    nanos: fc.nat({ max: 999_999_999 }),
    parentExecId: fc.oneof(fc.constant(""), fc.constant("bjoxOjE=")),
    uid: uint32,
    auid: uint32,
    cwd: word,
    binary: word,
    arguments: word,
    flags: fc.nat({ max: 4095 }),
    containerId: fc.oneof(fc.constant(""), fc.constant("ab".repeat(32))),
    pod: fc.option(arbitraryPod, { nil: undefined }),
    nsPid: fc.nat({ max: 2 ** 22 }),
    isProbe: fc.boolean(),
    details: fc.option(arbitraryDetails, { nil: undefined }),
    file: fc.option(arbitraryBinary, { nil: undefined }),
    // Few have one, and it is the largest part.
    session: fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: arbitrarySession },
    ),
    children: fc.nat({ max: 300 }),
    alive: fc.boolean(),
  })
  .map(({ containerId, pod, isProbe, details, file, session, children, alive, ...image }) => {
    const { seconds, nanos, parentExecId } = image;
    const entry = new ProcessEntry(
      {
        ...{ ...image, ...details },
        ...(isProbe && { arguments: "x", flags: 0 }),
        workload: { containerId, pod, execProbes: [[image.binary || "/", "x"]] },
      },
      { seconds, nanos, parentExecId, execId: execId("node", image), parent: undefined },
    );
    entry.children = children;
    entry.alive = alive;
    if (session !== undefined) entry.session = session;
    if (file !== undefined) {
      // Also where it is encoded already.
      void entry.json;
      entry.binaryProperties = binaryPropertiesMessage(file);
    }
    return entry;
  });
