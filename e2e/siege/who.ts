// SPDX-License-Identifier: Apache-2.0
import { trustedProgram } from "./zones.ts";

/** The user and the surroundings of a deed. */
export interface Who {
  readonly name: string;
  /** The launcher of the program. */
  readonly prefix: readonly string[];
  /** Without it, a deed that needs capabilities fails by itself. */
  readonly isRoot: boolean;
  /** A namespace that a workload has created: exceptions by path need not hold there. */
  readonly isForeign?: true;
}

const user = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--inh-caps=-all", "--"];
export const otherCgroup = "/sys/fs/cgroup/siege-other/a/b";
const inCgroup = ["sh", "-c", `echo $$ > ${otherCgroup}/cgroup.procs; exec "$0" "$@"`];

export const whos: readonly Who[] = [
  { name: "root", prefix: [], isRoot: true },
  { name: "user", prefix: user, isRoot: false },
  { name: "idle user", prefix: [...user, "chrt", "-i", "0"], isRoot: false },
  { name: "idle root", prefix: ["chrt", "-i", "0"], isRoot: true },
  { name: "real-time root", prefix: ["chrt", "-f", "10"], isRoot: true },
  { name: "root of another cgroup", prefix: inCgroup, isRoot: true },
  { name: "user of another cgroup", prefix: [...inCgroup, ...user], isRoot: false },
  {
    name: "root without capabilities",
    prefix: ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"],
    isRoot: false,
  },
  {
    name: "user in a user namespace",
    prefix: [...user, "unshare", "-Urm", "--"],
    isRoot: false,
    isForeign: true,
  },
  {
    name: "user who gives his program a trusted name",
    prefix: [
      ...[...user, "unshare", "-Urm", "sh", "-c"],
      `mount --bind "$0" ${trustedProgram} && exec ${trustedProgram} "$@"`,
    ],
    isRoot: false,
    isForeign: true,
  },
  {
    name: "root in namespaces",
    prefix: ["unshare", "-mpuCif", "--"],
    isRoot: true,
    isForeign: true,
  },
];

/** Without idle ones: they may starve beside a load, which is no refusal. */
export const innocentWhos: readonly Who[] = whos.filter(
  ({ isForeign, name }) => isForeign !== true && !name.startsWith("idle"),
);
