// SPDX-License-Identifier: Apache-2.0
import type { Logger, Result } from "@gander/base";
import { hookKinds } from "@gander/policy";
import type { LeftTables, UnknownTables } from "../kernel/pins/left-tables.ts";
import { nothingSaved } from "../kernel/pins/tables-label.ts";
import { noPolicyCounts } from "./counts/counters.ts";
import type { KernelTables } from "./kernel-tables.ts";
import { policyProblem } from "./policy-problem.ts";
import type { HookState, PolicyKey, PolicyState } from "./policy-state.ts";

/**
 * Policies that an earlier sensor left in force without a manifest that describes them. Their programs and
 * tables stay in force beside those of this sensor; they are shown as one policy that can only be deleted.
 */
export type LeftPolicies = {
  list(): readonly PolicyState[];
  /** Whether the key is one of these. */
  has(key: PolicyKey): boolean;
  remove(key: PolicyKey): Promise<Result<void>>;
  /** More of them would slow every hooked call. */
  readonly isFull: boolean;
};

type LeftPoliciesDeps = {
  readonly left: LeftTables;
  readonly logger: Logger;
  readonly nextPolicyId: () => number;
};

/** A policy name cannot contain this. */
export const unknownPolicyPrefix = "unknown:";
const most = 4;

export function createLeftPolicies({ left, logger, nextPolicyId }: LeftPoliciesDeps): LeftPolicies {
  const ids = new Map<string, number>();
  const idOf = (name: string): number => {
    const id = ids.get(name) ?? nextPolicyId();
    ids.set(name, id);
    return id;
  };
  const has = ({ name, origin }: PolicyKey) =>
    origin === "grpc" && left.unknown().some((tables) => nameOf(tables) === name);
  return {
    has,
    list: () => left.unknown().map((tables) => describe(tables, idOf(tables.name))),
    async remove({ name }) {
      try {
        await left.remove(name.slice(unknownPolicyPrefix.length));
        logger.warn("A policy that an earlier sensor left in force was removed", { policy: name });
        return { value: undefined };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const message = `Cannot delete policy "${name}": ${reason}`;
        return { problems: [policyProblem({ code: "policy-not-loaded", message })] };
      }
    },
    get isFull() {
      return left.unknown().length >= most;
    },
  };
}

/**
 * Removes what earlier sensors and this one both have in force, once this one's manifest is on disk. What
 * only an earlier manifest describes stays while that can't be written. After a kill at any step, the next
 * sensor finds a manifest that describes all: the earlier one is overwritten once nothing needs it.
 */
export async function releaseLeft(
  left: LeftTables,
  { tables, logger }: { tables: Pick<KernelTables, "save" | "unkept">; logger: Logger },
  what: "remove" | "keep",
): Promise<void> {
  if (!left.hasKnown()) return;
  const names = left.keepKnown();
  if (what === "remove" && tables.unkept === "") tryToGiveUp(left, names, logger);
  tables.save();
  const labels = left.labels();
  for (const name of what === "remove" ? names : []) {
    const isCovered = tables.unkept === "" || labels.get(name)?.saved === nothingSaved;
    if (!isCovered) continue;
    try {
      await left.remove(name);
    } catch (error) {
      logger.error(cannotRemove, { name, error });
    }
  }
  // Now both manifests on disk are about the tables of this sensor.
  tables.save();
}

const cannotRemove = "What another sensor has left in the kernel cannot be removed";

function tryToGiveUp(left: LeftTables, names: readonly string[], logger: Logger): void {
  try {
    left.giveUp(names);
  } catch (error) {
    logger.error(cannotRemove, { names, error });
  }
}

function nameOf({ name }: UnknownTables): string {
  return `${unknownPolicyPrefix}${name}`;
}

function describe(tables: UnknownTables, id: number): PolicyState {
  return {
    name: nameOf(tables),
    namespace: "",
    origin: "grpc",
    id,
    revision: 0,
    digest: "",
    state: "enabled",
    mode: "enforce",
    error: "",
    warnings: [
      "left in force by an earlier sensor whose state on disk was lost: which policies it holds is not known, nor are its counts, and it writes no events; if you know that it is not needed any more, end it with: gander policy delete " +
        nameOf(tables),
    ],
    findings: [],
    hooks: tables.hooks.map(describeHook),
    counters: noPolicyCounts,
    kernelMemoryBytes: 0,
  };
}

/** `kind:target`, where the kind is a kind of attachment. */
function describeHook(key: string, index: number): HookState {
  const colon = key.indexOf(":");
  const [how, target] = [key.slice(0, colon), key.slice(colon + 1)];
  const kind = kindOf(how);
  return {
    ...{ index, target, kind, section: hookKinds[kind].sections[0] ?? kind, path: "" },
    ...{ state: "loaded", error: "", selectors: [] },
    attachments: [{ how, counters: noPolicyCounts }],
  };
}

function kindOf(how: string): HookState["kind"] {
  if (how === "lsm") return how;
  if (how === "tracepoint" || how === "raw_tp") return "tracepoint";
  if (how === "usdt") return how;
  return how === "uprobe" || how === "uretprobe" ? "uprobe" : "kprobe";
}
