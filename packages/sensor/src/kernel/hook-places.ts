// SPDX-License-Identifier: Apache-2.0
import type { AttachPoint } from "@gander/libbpf";
import type { HookPoint } from "@gander/policy";
import { attachCookie } from "../link/abi.gen.ts";
import type { HookPlaces } from "./pins/hook-pins.ts";

/** What the program of a hook is attached to. `isMulti`, `isOneProbe`: one link has all places. */
export function hookPlaces(
  point: HookPoint,
  path: (file: NonNullable<HookPoint["file"]>) => string,
  { isMulti, isOneProbe }: { readonly isMulti: boolean; readonly isOneProbe: boolean },
): HookPlaces {
  const { file, functions } = point;
  if (functions !== undefined) return functionPlaces(functions, isOneProbe);
  if (file === undefined) return { point: attachPoint(point) };
  return programPlaces(point, path(file), isMulti);
}

function attachPoint({ kind, target }: HookPoint): AttachPoint {
  switch (kind) {
    case "kprobe":
    case "kretprobe":
      return { kind: "kprobe", function: target, onReturn: kind === "kretprobe" };
    case "raw_tp":
      return { kind: "raw_tracepoint", name: target };
    case "tracepoint": {
      const [category = "", name = ""] = target.split("/");
      return { kind: "tracepoint", category, name };
    }
    default:
      return { kind: "trace" };
  }
}

/** Each with its position in the list as its cookie. */
function functionPlaces(functions: readonly string[], isOneProbe: boolean): HookPlaces {
  const cookies = functions.map((_, i) => BigInt(i));
  if (isOneProbe) return { point: { kind: "kprobe_multi", functions, cookies } };
  const [point, ...others] = functions.map(
    (name, i): AttachPoint => ({ kind: "kprobe", function: name, cookie: BigInt(i) }),
  );
  if (point === undefined) throw new RangeError("a hook has no functions");
  return { point, others };
}

/** At the return of a function, the program must also be called when the function begins (bpf/calls.bpf.h). */
function programPlaces(
  { kind, file, probe }: HookPoint,
  path: string,
  isMulti: boolean,
): HookPlaces {
  if (probe !== undefined) return probePlaces(probe.places, path, isMulti);
  const { offset = 0, counter = 0 } = file ?? {};
  const at = (onReturn: boolean, cookie: number): AttachPoint =>
    isMulti
      ? {
          ...{ kind: "uprobe_multi", path, offsets: [offset], counters: [counter] },
          ...{ onReturn, cookies: [BigInt(cookie)] },
        }
      : { kind: "uprobe", path, offset, counter, onReturn, cookie: BigInt(cookie) };
  if (kind === "uprobe") return { point: at(false, 0) };
  return { point: at(true, 0), others: [at(false, attachCookie.COOKIE_BEGINS)] };
}

function probePlaces(
  places: NonNullable<HookPoint["probe"]>["places"],
  path: string,
  isMulti: boolean,
): HookPlaces {
  if (isMulti) {
    const offsets = places.map(({ offset }) => offset);
    const counters = places.map(({ counter }) => counter);
    return { point: { kind: "uprobe_multi", path, offsets, counters } };
  }
  const [point, ...others] = places.map(
    ({ offset, counter }): AttachPoint => ({ kind: "uprobe", path, offset, counter }),
  );
  if (point === undefined) throw new RangeError("a probe has no places");
  return { point, others };
}
