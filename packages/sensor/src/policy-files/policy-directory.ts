// SPDX-License-Identifier: Apache-2.0
import { type FSWatcher, watch } from "node:fs";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger, Problem, Result } from "@gander/base";
import { type CheckedPolicy, exceptionWarnings } from "@gander/policy";
import { KnownExceptions } from "./known-exceptions.ts";
import { KnownSets } from "./known-sets.ts";
import {
  type CheckFile,
  type PolicyFile,
  type PolicyFiles,
  policyFiles,
  readPolicyFile,
} from "./policy-file.ts";

type Key = { readonly name: string; readonly namespace: string };

export type PolicySink = {
  /** Reports that a policy's file is broken and its last good version in force, or that it is repaired. */
  reportBroken?(
    key: { readonly name: string; readonly namespace: string; readonly origin: "static" },
    problems: readonly Problem[],
  ): void;
  /** Shows a policy that can't be in force; its version in force stays. */
  refuse?(policy: CheckedPolicy, origin: "static", problems: readonly Problem[]): void;
  /** Puts a policy in force, or replaces the one of its name. */
  add(policy: CheckedPolicy, origin: "static"): Promise<Result<unknown>>;
  remove(key: Key & { readonly origin: "static" }): Promise<Result<unknown>>;
  /** The policies in force, including those from an earlier sensor. */
  list(): readonly (Key & {
    readonly origin: string;
    readonly digest: string;
    readonly state?: string;
  })[];
};

type PolicyDirectoryDeps = {
  readonly policies: PolicySink;
  readonly check: CheckFile;
  readonly logger: Logger;
};

type PolicyDirectoryOptions = {
  /** Missing ones are looked up again. */
  readonly directories: readonly string[];
  /** Policies that are in force whatever the directories contain. */
  readonly always?: readonly CheckedPolicy[];
  /** A change takes effect when nothing has changed for this long, so that no half-written file is read. */
  readonly quietMs?: number;
  /** Polls, for directories that are created later and file systems without notifications. */
  readonly pollMs?: number;
};

type PolicyDirectory = AsyncDisposable & {
  /** Puts the policies of the current files in force. */
  scan(): Promise<void>;
};

/**
 * Keeps the policies in force in line with the files of directories: adds those in files and removes those in
 * none. If a file is broken, its last good version stays in force, and the error is logged with line and
 * column; if a directory becomes unreadable, all its policies stay. Resolves when the files have been read
 * once.
 */
export async function watchPolicyDirectories(
  deps: PolicyDirectoryDeps,
  options: PolicyDirectoryOptions,
): Promise<PolicyDirectory> {
  const { directories, quietMs = 100, pollMs = 2000 } = options;
  const reconciler = createReconciler(deps, options.always ?? []);
  const stopped = new AbortController();
  const watchers = new Map<string, FSWatcher>();
  let last: Promise<void> = Promise.resolve();
  let changes = 0;

  const scan = (): Promise<void> => {
    last = last
      .then(async () => {
        for (const directory of directories) keepWatching(directory, watchers, () => void settle());
        await reconciler.reconcile(await policyFiles(directories));
      })
      .catch((error: unknown) =>
        deps.logger.error("Policy directories cannot be followed", { error }),
      );
    return last;
  };
  const settle = async (): Promise<void> => {
    const change = ++changes;
    await pause(quietMs, stopped.signal);
    if (change === changes && !stopped.signal.aborted) await scan();
  };
  const poll = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      await pause(pollMs, stopped.signal);
      if (!stopped.signal.aborted) await scan();
    }
  };

  await scan();
  const polling = poll();
  return {
    scan,
    async [Symbol.asyncDispose]() {
      stopped.abort();
      for (const watcher of watchers.values()) watcher.close();
      await polling;
      await last;
    },
  };
}

type Reconciler = { reconcile(found: PolicyFiles): Promise<void> };

function createReconciler(deps: PolicyDirectoryDeps, always: readonly CheckedPolicy[]): Reconciler {
  const { policies, logger } = deps;
  const files = new Map<string, PolicyFile>();
  const sets = new KnownSets(logger);
  const exceptions = new KnownExceptions(logger);
  /** Policies that are shown with values of sets that are not the newest. */
  const shown = new Set<string>();
  /** The version tried last, so that it is tried only once; or why it could not be tried. */
  const tried: Tried = new Map();
  const lost = new Set<string>();

  return {
    reconcile: async (found) => {
      await readAll(files, found, { ...deps, lost });
      const rewritten = new Set([...files.values()].flatMap(freshKeys));
      const written = merge(always, files, logger);
      const { usable, refused, outdated } = sets.resolve(files, written);
      const wanted = exceptions.apply(files, usable);
      showRefused(refused, tried, { policies, logger });
      const known = policies.list().filter(({ origin }) => origin === "static");
      const loaded = known.filter(({ state }) => state !== "load-error");
      const digests = new Map(loaded.map((one) => [keyText(one), one.digest]));
      // The unreadable part may contain a policy of an earlier sensor: it stays.
      const uncertain = found.unreadable.length > 0 || [...files.values()].some(isUnknown);
      const surplus = known.filter((one) => !written.has(keyText(one)));
      // All in one turn, so that the changes take effect together.
      await Promise.all([
        ...[...wanted].map(async ([key, policy]) => {
          const { digest, name, namespace } = policy.compiled;
          const before = tried.get(key);
          const remarks = exceptionWarnings(policy)
            .map(({ message }) => message)
            .join("\n");
          const stamp = `${digest} ${remarks}`;
          const isThere = digests.get(key) === digest;
          // Writing the file again requests a retry.
          const isAsked = rewritten.has(key) && !isThere;
          if (before === stamp && !isAsked) return;
          tried.set(key, stamp);
          if (isThere && before === undefined && remarks === "") return logAdopted(logger, policy);
          // In between, a set had values that it can't have.
          if (isThere && before !== undefined && !before.startsWith(`${digest} `))
            return policies.reportBroken?.({ name, namespace, origin: "static" }, []);
          const { problems } = await policies.add(policy, "static");
          logOutcome(logger, "Policy is in force", policy.compiled, problems);
        }),
        ...surplus.map(async ({ name, namespace }) => {
          const key = keyText({ name, namespace });
          if (uncertain && !tried.has(key)) return;
          tried.delete(key);
          const { problems } = await policies.remove({ name, namespace, origin: "static" });
          logOutcome(logger, "Policy was taken out of force", { name, namespace }, problems);
        }),
      ]);
      // Once all that is wanted was tried.
      showOutdated(wanted, { outdated, shown }, policies);
    },
  };
}

/** Reads again what has changed. */
async function readAll(
  files: Map<string, PolicyFile>,
  { paths, unreadable }: PolicyFiles,
  { policies, check, logger, lost }: PolicyDirectoryDeps & { readonly lost: Set<string> },
): Promise<void> {
  reportLost(logger, unreadable, lost);
  const gone = new Set(unreadable.map((directory) => resolve(directory)));
  for (const path of files.keys())
    if (!paths.includes(path) && !gone.has(resolve(dirname(path)))) files.delete(path);
  for (const path of paths) {
    const before = files.get(path);
    const after = await readPolicyFile(path, before, check);
    if (after === before) continue;
    if (after === undefined) files.delete(path);
    else files.set(path, after);
    if (after === undefined) continue;
    report(logger, path, after, before);
    for (const { compiled } of after.policies) {
      const { name, namespace } = compiled;
      policies.reportBroken?.({ name, namespace, origin: "static" }, after.problems);
    }
  }
}

type Tried = Map<string, string>;

/** Policies that can't have the values of their sets: each reason once. */
function showRefused(
  refused: ReturnType<KnownSets["resolve"]>["refused"],
  tried: Tried,
  { policies, logger }: Pick<PolicyDirectoryDeps, "policies" | "logger">,
): void {
  for (const [key, { policy, problems }] of refused) {
    const reason = JSON.stringify(problems);
    if (tried.get(key) === reason) continue;
    tried.set(key, reason);
    policies.refuse?.(policy, "static", problems);
    logOutcome(logger, "", policy.compiled, problems);
  }
}

/** A policy in force with older values of a set says so, until it has the newest; `shown` are those that do. */
function showOutdated(
  usable: ReadonlyMap<string, CheckedPolicy>,
  {
    outdated,
    shown,
  }: Pick<ReturnType<KnownSets["resolve"]>, "outdated"> & { readonly shown: Set<string> },
  policies: PolicySink,
): void {
  for (const [key, { compiled }] of usable) {
    const { name, namespace } = compiled;
    const problems = outdated.get(key) ?? [];
    const wasShown = shown.delete(key);
    if (problems.length > 0) shown.add(key);
    if (wasShown || problems.length > 0)
      policies.reportBroken?.({ name, namespace, origin: "static" }, problems);
  }
}

function freshKeys({ fresh, problems, policies }: PolicyFile): readonly string[] {
  return fresh && problems.length === 0 ? policies.map(({ compiled }) => keyText(compiled)) : [];
}

/** Its last good content is unknown. */
function isUnknown({ problems, policies }: PolicyFile): boolean {
  return problems.length > 0 && policies.length === 0;
}

function keyText({ name, namespace }: Key): string {
  return `${namespace}/${name}`;
}

/** All policies by name; if two files have the same one, the first by path counts. */
function merge(
  always: readonly CheckedPolicy[],
  files: Map<string, PolicyFile>,
  logger: Logger,
): ReadonlyMap<string, CheckedPolicy> {
  const wanted = new Map(always.map((policy) => [keyText(policy.compiled), policy]));
  const origin = new Map(always.map((policy) => [keyText(policy.compiled), "--tracing-policy"]));
  for (const path of [...files.keys()].sort()) {
    const file = files.get(path);
    for (const policy of file?.policies ?? []) {
      const key = keyText(policy.compiled);
      const first = origin.get(key);
      if (first === undefined) {
        origin.set(key, path);
        wanted.set(key, policy);
      } else if (file?.fresh === true)
        logger.error("Policy is in two files, the second one is ignored", {
          policy: key,
          first,
          second: path,
        });
    }
    if (file !== undefined) files.set(path, { ...file, fresh: false });
  }
  return wanted;
}

/** Logs once that a directory is unreadable, and once that it is readable again. */
function reportLost(logger: Logger, unreadable: readonly string[], lost: Set<string>): void {
  for (const directory of unreadable)
    if (!lost.has(directory))
      logger.warn("Policy directory cannot be read; what it held stays in force", { directory });
  for (const directory of lost)
    if (!unreadable.includes(directory)) logger.info("Policy directory can be read", { directory });
  lost.clear();
  for (const directory of unreadable) lost.add(directory);
}

function report(
  logger: Logger,
  file: string,
  { problems, policies, warnings }: PolicyFile,
  before: PolicyFile | undefined,
): void {
  for (const problem of warnings) logger.warn("Policy file has a warning", fields(problem, file));
  for (const problem of problems) logger.error("Policy file is broken", fields(problem, file));
  if (problems.length > 0 && (before?.policies.length ?? 0) > 0)
    logger.warn("The last good version of the file stays in force", {
      file,
      policies: policies.map(({ compiled }) => compiled.name),
    });
}

function fields({ line, column, code, message, hint, path }: Problem, file: string) {
  return { file, line, column, path, code, problem: message, hint };
}

function logAdopted(logger: Logger, { compiled: { name, namespace } }: CheckedPolicy): void {
  logger.info("Policy of the earlier sensor stays in force", { policy: name, namespace });
}

function logOutcome(
  logger: Logger,
  done: string,
  { name, namespace }: Key,
  problems: readonly Problem[] | undefined,
): void {
  if (problems === undefined) logger.info(done, { policy: name, namespace });
  for (const { path, code, message, hint } of problems ?? [])
    logger.error("Policy cannot be changed", {
      policy: name,
      namespace,
      path,
      code,
      problem: message,
      hint,
    });
}

/** Watches a directory as soon as it exists, and again when it is replaced. */
function keepWatching(
  directory: string,
  watchers: Map<string, FSWatcher>,
  changed: () => void,
): void {
  if (watchers.has(directory)) return;
  try {
    const watcher = watch(directory, changed);
    const forget = () => {
      watcher.close();
      watchers.delete(directory);
    };
    watcher.on("error", forget);
    watcher.on("change", (type, name) => {
      // The directory itself was removed: the event has its name.
      if (type === "rename" && name === basename(directory)) forget();
    });
    watchers.set(directory, watcher);
  } catch {
    // Doesn't exist (yet): polling finds it.
  }
}

function basename(path: string): string {
  return path.replace(/\/+$/, "").split("/").at(-1) ?? "";
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
