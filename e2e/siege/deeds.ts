// SPDX-License-Identifier: Apache-2.0
// Deeds of attackers and innocent users. A deed is the same for both: only the place differs.
import { type AttackResult, UNSUPPORTED } from "../tests/lib/attack.ts";
import { execAttacks } from "../tests/lib/exec-attacks.ts";
import { fileAttacks } from "../tests/lib/file-attacks.ts";
import { networkAttacks } from "../tests/lib/network-attacks.ts";
import { allowed } from "../tests/lib/outside.ts";
import type { Listeners } from "./listeners.ts";
import { ownPlace } from "./places.ts";

export interface DeedContext {
  readonly listeners: Listeners;
  /** Runs the attack program with these arguments, as the user of the deed. */
  readonly attack: (...argv: readonly string[]) => Promise<AttackResult>;
  /** Different for each deed of a siege. */
  readonly id: string;
  readonly isForbidden: boolean;
}

export interface Outcome {
  /** The effect was seen at the file, at the listener, or by the program having run. */
  readonly done: boolean;
  readonly result: AttackResult;
}

/** A row of the registry: a deed, and how its effect is detected. */
export interface Deed {
  readonly kind: "file" | "entry" | "connection" | "ownAddress" | "program";
  readonly name: string;
  /** Uses names or mounts that another deed would use as well. */
  readonly alone?: true;
  /** The policies of the siege cannot forbid it: innocent users do it all the same. */
  readonly outOfReach?: true;
  /** Success depends on luck: innocent users do not do it. */
  readonly isRace?: true;
  /** `zone`: a directory or an address. */
  readonly run: (zone: string, context: DeedContext) => Promise<Outcome>;
}

/** Routes with a name of their own outside the target, or with mounts. */
const aloneRoutes = new Set([
  "symlink",
  "hard-link",
  "bound-over",
  "tmpfs-over",
  "overlay-over",
  "mount-moved-to",
  "bound-elsewhere",
  "detached-tree",
  "unmounted",
  "overlay-upper",
  "handle",
]);

/** True for deeds that change settings of the whole machine. */
const isAlone = (method: string, route: string) =>
  aloneRoutes.has(route) || method.startsWith("core-dump");

/** These need root, cannot be forbidden, and leave the machine changed. */
const leftOut = new Set(["loop-direct", "accounting"]);

const fileDeeds: readonly Deed[] = fileAttacks
  .filter(({ method }) => !leftOut.has(method))
  .map(({ method, route, outOfReach }) => ({
    kind: "file",
    name: `${method} by ${route}`,
    ...(isAlone(method, route) ? { alone: true as const } : {}),
    ...(outOfReach === undefined ? {} : { outOfReach: true as const }),
    run: async (zone, { attack, id }) => {
      await using place = ownPlace(zone, id);
      if (route === "directory-renamed-to") place.takeAway();
      const result = await attack("write", method, route, place.file, `landed by ${id}`);
      return { done: await place.isWritten(), result };
    },
  }));

/** COUNT threads or processes at once, any of which may be faster than the kill. */
const crowdDeeds: readonly Deed[] = [
  ["write-threads", "8"],
  ["write-threads", "64"],
  ["write-from-crowd", "300"],
].map(([command = "", count = ""]) => ({
  kind: "file",
  name: `${command} ${count}`,
  run: async (zone, { attack, id, isForbidden }) => {
    await using place = ownPlace(zone, id);
    // The threads wait for ever unless they are killed.
    const name = isForbidden || command !== "write-threads" ? command : "write-from-crowd";
    const result = await attack(name, count, place.file, `landed by ${id}`);
    return { done: await place.isWritten(), result };
  },
}));

const entryWays = [
  ...["unlink", "rmdir", "rename-away", "rename-into", "rename-over", "rename-within"],
  ...["exchange", "link-into", "link-descriptor", "symlink-into", "mkdir", "mkfifo", "create"],
  ...["bind-socket", "truncate", "open-truncate", "ftruncate", "uring-unlink", "uring-rename"],
  ...["uring-mkdir", "uring-link", "uring-create"],
] as const;

const entryDeeds: readonly Deed[] = entryWays.map((way) => ({
  kind: "entry",
  name: `entry ${way}`,
  run: async (zone, { attack, id }) => {
    await using place = ownPlace(zone, id);
    const result = await attack("entry", way, place.directory);
    return { done: place.isChanged(), result };
  },
}));

const connectDeed = (
  name: string,
  argv: (address: string, port: number, text: string) => readonly string[],
  kind: "connection" | "ownAddress" = "connection",
): Deed => ({
  kind,
  name,
  run: async (address, { attack, id, isForbidden, listeners }) => {
    const port = isForbidden ? listeners.forbiddenPort(id) : listeners.allowedPort();
    const result = await attack(...argv(address, port, id));
    // Sent data may still be under way. Forbidden arrivals are checked again later.
    const done = isForbidden
      ? listeners.hasSeen(port)
      : await listeners.received(id, result.status === UNSUPPORTED ? 0 : 15_000);
    return { done, result };
  },
});

const namesOf = (where: RegExp) =>
  networkAttacks.filter(({ name }) => where.test(name)).map(({ name }) => name.replace(where, ""));

const connectDeeds: readonly Deed[] = [
  ...namesOf(/, IPv4$/).map((name) =>
    connectDeed(name, (address, port, text) => [name, address, `${port}`, text]),
  ),
  ...namesOf(/^(?=reconnect|connect-flipping|fastopen-flipping)/).map((name) => ({
    ...connectDeed(name, (address, port, text) => [
      ...[name, allowed[0], "20599", address, `${port}`, text],
    ]),
    ...(name.endsWith("flipping") ? { isRace: true as const } : {}),
  })),
  ...["connect-any-bound", "fastopen-any-bound"].map((name) =>
    connectDeed(name, (address, port, text) => [name, address, `${port}`, text], "ownAddress"),
  ),
];

const programDeeds: readonly Deed[] = execAttacks.map(({ method, outOfReach }) => ({
  kind: "program",
  name: `exec ${method}`,
  ...(["symlink", "bound-elsewhere", "hard-link"].includes(method) ? { alone: true as const } : {}),
  ...(outOfReach === undefined ? {} : { outOfReach: true as const }),
  run: async (zone, { attack, id }) => {
    await using place = ownPlace(zone, id);
    const result = await attack("exec", method, `${place.directory}/program`);
    return { done: result.output.includes("ran"), result };
  },
}));

export const deeds: readonly Deed[] = [
  ...fileDeeds,
  ...crowdDeeds,
  ...entryDeeds,
  ...connectDeeds,
  ...programDeeds,
];
