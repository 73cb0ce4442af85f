// SPDX-License-Identifier: Apache-2.0
import { typeRow } from "@gander/crd-schemas";
import type { CompiledArg, CompiledHook } from "../compiled-policy.ts";
import { argumentsText, type ProbeArgument, type ProbeSite } from "../language/probe-argument.ts";
import type { WantedFunction } from "../language/program-place.ts";
import type { FoundProgram } from "./attach-facts.ts";
import { stops } from "./hook-traits.ts";
import { type HookPlan, type Placement, planAt, refuse } from "./placement.ts";
import { copies, missing } from "./program-refusals.ts";
import type { Refusal } from "./refusals.ts";

/** Each takes a hook of its own. */
const maxForms = 32;

/**
 * A static probe: all its places in the file. The compiler puts the arguments of each where it likes, so places
 * with the same description share one hook, whose program knows it.
 */
export function placeProbe(
  hook: CompiledHook,
  wanted: WantedFunction,
  file: FoundProgram,
): HookPlan {
  const { path } = wanted;
  const probe = file.probe(wanted);
  if (probe.problem !== undefined) return refuse(missing(probe));
  const refusals = [
    ...hook.args.flatMap((arg, i) =>
      refusalsOf(arg, probe.sites, { name: wanted.name, path: `${hook.path}.args[${i}]` }),
    ),
    ...hook.selectors.flatMap(({ index, actions }) =>
      actions.flatMap((action) =>
        action.action === "set"
          ? notWritable(action.argument, probe.sites, {
              name: wanted.name,
              path: `${hook.path}.selectors[${index}].matchActions`,
            })
          : [],
      ),
    ),
  ];
  if (refusals.length > 0) return { refusals: uniqueRefusals(refusals) };
  const forms = [...Map.groupBy(probe.sites, ({ args }) => argumentsText(args)).values()];
  if (forms.length > maxForms)
    return refuse({
      code: "kernel-unsupported",
      message: `${wanted.name} has its arguments in ${forms.length} different places of the processor, and ${maxForms} are possible`,
      hint: "Hook a function that is called there, below uprobes",
    });
  return planAt(
    hook,
    forms.flatMap((sites) => placementOf(hook, sites, { path, version: file.version })),
    [
      ...(stops(hook) ? [copies(path, file)] : []),
      ...hook.args.flatMap((arg) => narrowed(arg, probe.sites, wanted.name)),
    ],
  );
}

function placementOf(
  { target }: CompiledHook,
  sites: readonly ProbeSite[],
  file: { readonly path: string; readonly version: string },
): Placement[] {
  const [first] = sites;
  if (first === undefined) return [];
  const { offset, args } = first;
  return [
    {
      point: {
        kind: "usdt",
        target,
        syscall: false,
        file: { ...file, offset },
        probe: { places: sites.map(({ offset, counter }) => ({ offset, counter })), args },
      },
      role: "signal",
      position: (index) => index,
    },
  ];
}

type Where = { readonly name: string; readonly path: string };

function refusalsOf(
  arg: CompiledArg,
  sites: readonly ProbeSite[],
  { name, path }: Where,
): readonly Refusal[] {
  const positions = [
    { index: arg.index, field: "index" },
    ...(arg.sizeIndex === undefined ? [] : [{ index: arg.sizeIndex, field: "sizeArgIndex" }]),
  ];
  return sites.flatMap(({ args }) => {
    const wrong = positions.flatMap(({ index, field }) => {
      const found = whyNot(args, index, name);
      return found === undefined ? [] : [{ ...found, path: `${path}.${field}` }];
    });
    const value = args[arg.index];
    if (wrong.length > 0 || value === undefined) return wrong;
    return isAddress(arg) && sizeOf(value) < addressBytes
      ? [{ ...noAddress(arg, value, name), path: `${path}.type` }]
      : [];
  });
}

function whyNot(args: readonly ProbeArgument[], index: number, name: string): Refusal | undefined {
  const arg = args[index];
  const count = `${args.length === 0 ? "no arguments" : args.length === 1 ? "one argument" : `${args.length} arguments`}`;
  if (arg === undefined)
    return {
      code: "kernel-argument",
      message: `the probe ${name} passes ${count}, so none with index ${index}`,
      hint: "They are in the output of `readelf -n`, in their order",
    };
  if (arg.in !== "nothing") return undefined;
  return {
    code: "kernel-argument",
    message: `argument ${index} of the probe ${name} is \`${arg.text}\`, which cannot be read: ${arg.why}`,
    hint: "Leave it out; the others can be read",
  };
}

const setBytes = 4;

/** Where the argument is in a register or has another size, a value cannot be written to memory. */
function notWritable(
  index: number,
  sites: readonly ProbeSite[],
  { name, path }: Where,
): readonly Refusal[] {
  return sites.flatMap(({ args }) => {
    const arg = args[index];
    // Another refusal says that there is none.
    if (arg === undefined || (arg.in === "memory" && arg.size === setBytes)) return [];
    const where =
      arg.in === "memory"
        ? `has ${arg.size} bytes`
        : arg.in === "nothing"
          ? "cannot be found"
          : `is in ${arg.in === "constant" ? "the code, as a constant" : "a register"}`;
    return [
      {
        code: "kernel-argument" as const,
        message: `Set can write ${setBytes} bytes of memory, and argument ${index} of the probe ${name} ${where}`,
        hint: "Pass the probe a variable of 4 bytes that is in memory: `volatile int` in C",
        path,
      },
    ];
  });
}

const addressBytes = 8;
const isAddress = ({ type }: CompiledArg) =>
  type !== "auto" && type !== "fd" && type !== "nop" && typeRow(type).family !== "integer";

const sizeOf = (arg: ProbeArgument) => (arg.in === "nothing" ? 0 : arg.size);

const noAddress = ({ type, index }: CompiledArg, value: ProbeArgument, name: string) =>
  ({
    code: "kernel-argument",
    message: `argument ${index} of the probe ${name} has ${sizeOf(value)} bytes, which is no address of a ${type}`,
    hint: "Write an integer type, such as int or uint32",
  }) as const;

/** The lower bits alone are read. */
function narrowed(arg: CompiledArg, sites: readonly ProbeSite[], name: string): string[] {
  if (arg.type === "auto") return [];
  const { family, bits = 64 } = typeRow(arg.type);
  const widest = Math.max(
    ...sites.map(({ args }) => {
      const value = args[arg.index];
      return value === undefined || value.in === "constant" ? 0 : sizeOf(value);
    }),
  );
  if (family !== "integer" || widest * 8 <= bits) return [];
  return [
    `argument ${arg.index} of the probe ${name} has ${widest} bytes, of which ${arg.type} has only the lowest ${bits} bits`,
  ];
}

/** Places often repeat the same. */
const uniqueRefusals = (refusals: readonly Refusal[]): readonly Refusal[] => [
  ...new Map(refusals.map((one) => [`${one.path} ${one.message}`, one])).values(),
];
