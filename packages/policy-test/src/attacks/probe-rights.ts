// SPDX-License-Identifier: Apache-2.0
import type { OperationName } from "../operations.ts";
import type { TestCase } from "../policy-test.ts";

/** What an operation needs so that the policy, and not the ordinary rights of a container, decides. */
type Needs = {
  readonly capabilities?: readonly string[];
  /** Neither seccomp nor AppArmor. */
  readonly isUnconfined?: boolean;
  /** Devices, and /proc/sys to be written. */
  readonly isPrivileged?: boolean;
  /** A program with more rights than its parent. */
  readonly gainsRights?: boolean;
};

const mounting = { capabilities: ["SYS_ADMIN"], isUnconfined: true };
const offersModule = { capabilities: ["SYS_MODULE"], isUnconfined: true };
const changesUser = { capabilities: ["SETUID", "SETGID"] };

/** Operations that are not here need no rights. */
const needsOf: Readonly<Partial<Record<OperationName, Needs>>> = {
  chown: { capabilities: ["CHOWN"] },
  setAttribute: { capabilities: ["SETFCAP"] },
  removeAttribute: { capabilities: ["SETFCAP"] },
  makeDevice: { isPrivileged: true },
  mount: mounting,
  bind: mounting,
  moveMount: mounting,
  changeRoot: { capabilities: ["SYS_CHROOT"] },
  enter: { capabilities: ["SYS_ADMIN", "SYS_CHROOT"], isUnconfined: true },
  unshare: { capabilities: ["SYS_ADMIN"], isUnconfined: true },
  become: changesUser,
  executeAs: { ...changesUser, gainsRights: true },
  socket: { capabilities: ["NET_RAW"] },
  loadModule: offersModule,
  loadModuleFromMemory: offersModule,
  loadBpf: { capabilities: ["BPF"], isUnconfined: true },
  ioUring: { isUnconfined: true },
};

const nodeFiles = /^\/(proc\/(sys|sysrq-trigger|kcore)|dev\/(k?mem|port)|sys)(\/|$)/;

/** The securityContext of the container that does the case: as restricted as what it does allows. */
export function probeRights(one: TestCase): Readonly<Record<string, unknown>> {
  const all = [...one.given, one.do];
  const needs = all.map(({ name }) => needsOf[name] ?? {});
  if (Object.keys(one.mounts).length > 0) needs.push(mounting);
  const paths = [
    ...all.flatMap(({ args }) => args),
    ...Object.values(one.mounts),
    ...(one.by === undefined ? [] : [one.by]),
  ];
  if (paths.some((path) => nodeFiles.test(path)) || needs.some((each) => each.isPrivileged))
    return { privileged: true, runAsUser: 0 };
  const capabilities = [...new Set(needs.flatMap((each) => each.capabilities ?? []))].sort();
  const profile = needs.some((each) => each.isUnconfined) ? "Unconfined" : "RuntimeDefault";
  const gains = capabilities.includes("SYS_ADMIN") || needs.some((each) => each.gainsRights);
  // Files are of the image's owner; only what needs none can be done by another.
  const usesFiles = paths.some((arg) => arg.startsWith("/")) || Object.keys(one.files).length > 0;
  const user = usesFiles || capabilities.length > 0 ? { runAsUser: 0 } : restrictedUser;
  return {
    ...user,
    allowPrivilegeEscalation: gains,
    capabilities: { drop: ["ALL"], ...(capabilities.length > 0 && { add: capabilities }) },
    seccompProfile: { type: profile },
    ...(profile === "Unconfined" && { appArmorProfile: { type: profile } }),
  };
}

const restrictedUser = { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532 };
