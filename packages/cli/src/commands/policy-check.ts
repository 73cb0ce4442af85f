// SPDX-License-Identifier: Apache-2.0
import { GanderError } from "@gander/base";
import { placesOfHooks } from "@gander/policy";
import { btfKernelCheck } from "../check/btf-kernels.ts";
import { checkFiles, type KernelCheck } from "../check/check-files.ts";
import { exitStatus } from "../check/file-report.ts";
import { reportFormats } from "../check/report-formats.ts";
import { defineCommand } from "../define-command.ts";
import { explainError } from "../explain-error.ts";

/** `gander policy check FILE…`: 0 if all are good, 1 if one is not, 2 if one could not be read. */
export const policyCheck = defineCommand({
  command: "gander policy check",
  summary:
    "Checks policy files without loading anything: neither root nor a sensor is needed. All problems are reported at once, with the line and what to write instead. Exit status: 0 if all files are good (warnings are allowed, unless --fail-on says otherwise), 1 if not, 2 if one could not be read.",
  options: {
    output: {
      type: "text",
      default: "text",
      values: Object.keys(reportFormats),
      short: "o",
      help: "text is for people, json has everything; github: annotations in a GitHub workflow, sarif: a log for code scanning (SARIF 2.1.0), junit: a test report (XML).",
      flagOnly: true,
    },
    "fail-on": {
      type: "text",
      default: "error",
      values: ["error", "warning"],
      help: "What makes the exit status 1: only errors, or warnings as well.",
      flagOnly: true,
    },
    kernel: {
      type: "text",
      default: "none",
      values: ["none", "live"],
      help: "live: also check whether the running kernel has the functions, and how well it can enforce.",
      flagOnly: true,
    },
    "kernel-btf": {
      type: "list",
      default: [],
      placeholder: "FILE",
      help: "Also check against kernels of other machines: copies of their /sys/kernel/btf/vmlinux (plain or gzip); problems name a kernel by its file. `bpf` is assumed to be an active LSM there; fields of tracepoints, modules and functions without types are not known.",
      flagOnly: true,
    },
    quiet: {
      type: "boolean",
      default: false,
      short: "q",
      help: "Print only what makes the check fail.",
      flagOnly: true,
    },
  },
  positionals: {
    placeholder: "FILE…",
    help: "Policy files, directories (read recursively), or patterns such as 'policies/**/*.yaml'; - is the standard input. Other files in a directory (other kinds, kustomization.yaml) are skipped.",
    min: 1,
    max: 10_000,
  },
  examples: [
    "gander policy check policies/examples/*.yaml",
    "gander policy check --kernel live my-policy.yaml",
    "gander policy check --kernel-btf kernels/6.1.btf,kernels/6.12.btf policies/",
    "cat my-policy.yaml | gander policy check -o json -",
    "kubectl kustomize clusters/prod | gander policy check --fail-on warning -",
    "gander policy check -o github policies/",
    "gander policy check -o sarif policies/ > gander.sarif",
    "gander policy check -o junit policies/ > gander.xml",
  ],
  run: async ({ values, positionals }, io) => {
    const failOn = values.failOn === "warning" ? "warning" : "error";
    const live: KernelCheck | GanderError = values.kernel === "live" ? await liveCheck() : () => [];
    const elsewhere = await btfKernelCheck(values.kernelBtf).catch(asGanderError);
    if (live instanceof GanderError || elsewhere instanceof GanderError) {
      for (const error of [live, elsewhere])
        if (error instanceof GanderError) io.stderr.write(`${explainError(error)}\n`);
      return 2;
    }
    const onKernel: KernelCheck = async (...policy) => [
      ...(await live(...policy)),
      ...(await elsewhere(...policy)),
    ];
    const reports = await checkFiles(positionals, io, onKernel);
    const report = reportFormats[values.output]?.(reports, { io, failOn, quiet: values.quiet });
    io.stdout.write(report ?? "");
    return exitStatus(reports, failOn);
  },
});

async function liveCheck(): Promise<KernelCheck | GanderError> {
  try {
    const sensor = await import("@gander/sensor/kernel-check");
    const programs = sensor.createProgramFiles("/");
    const facts = { ...sensor.readRunningKernel(), program: programs.program };
    return async (policy, file) => {
      await programs.lookUp(placesOfHooks(policy.compiled.hooks));
      return sensor.checkOnKernel(policy, facts, file);
    };
  } catch (error) {
    return new GanderError("client-bad-input", `Cannot look at this kernel: ${String(error)}`, {
      hint: "It needs /sys/kernel/btf/vmlinux (a kernel with BTF) and, for tracepoints, root. Without --kernel only the files are checked.",
      cause: error,
    });
  }
}

function asGanderError(error: unknown): GanderError {
  if (error instanceof GanderError) return error;
  throw error;
}
