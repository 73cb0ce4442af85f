// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from "node:fs";
import { type HookCostOptions, measureHookCost, type Scenario } from "../hook-cost.ts";
import { type Phase, scaled, scaledExtent } from "../phase.ts";
import { filePolicy, READ, readerPolicy, variants, WRITE } from "../policy-texts.ts";

/** The added cost of a read under policies on security_file_permission that allow it. */
export const file: Phase = {
  name: "file",
  title: "instructions added to a read of one byte by policies on security_file_permission",
  measure(options) {
    mkdirSync("/tmp/bench", { recursive: true });
    const name = "/tmp/bench/a-file";
    writeFileSync(name, "x");
    const settings: HookCostOptions = {
      file: name,
      extents: {
        pread: scaledExtent(options, { batches: 41, size: 50 }),
        "pread-fresh": scaledExtent(options, { batches: 41, size: 50 }),
      },
      empty: [
        { kind: "fentry", target: "security_file_permission", calls: ["pread"] },
        { kind: "lsm", target: "file_permission", calls: ["pread"] },
      ],
      scenarios: [
        ...filteredOut("fentry", "Post"),
        // The same body behind another main: fewer scenarios show as much.
        ...filteredOut("lsm", "Sigkill").filter(({ id }) =>
          /\.number\.|path.*\.1\.|others\.1\./.test(id),
        ),
        {
          id: "file.posted.fentry",
          what: "1 policy matches, record written",
          policies: variants(
            filePolicy(READ, () => "/tmp/bench/"),
            1,
          ),
          attached: places.fentry,
          calls: ["pread"],
          extent: { batches: scaled(options, 21), size: 50 },
          bar: 4000,
        },
      ],
    };
    return measureHookCost(settings, options);
  },
};

/** The second program handles only core dumps. */
const places = {
  fentry: /^fentry program on security_file_permission, fentry program on security_inode_setattr$/,
  lsm: /^LSM program on file_permission, LSM program on inode_setattr$/,
};

function filteredOut(kind: "fentry" | "lsm", action: "Post" | "Sigkill"): Scenario[] {
  const nowhere = (variant: number) => `/nowhere/${variant}/`;
  const byNumber = filePolicy(WRITE, nowhere, action);
  const byPath = filePolicy(READ, nowhere, action);
  const common = { attached: places[kind], calls: ["pread"] as const };
  return [1, 10, 100].flatMap((count): Scenario[] => {
    const policies = count === 1 ? `1 policy (${kind})` : `${count} policies (${kind})`;
    return [
      {
        ...common,
        id: `file.others.${count}.${kind}`,
        what: `${policies}, none for this cgroup`,
        policies: variants(byNumber, count),
        exempt: true,
        bar: count === 1 ? 300 : 550,
      },
      {
        ...common,
        id: `file.number.${count}.${kind}`,
        what: `${policies}, filtered out by the number`,
        policies: variants(byNumber, count),
        bar: 850,
      },
      {
        ...common,
        id: `file.binary.${count}.${kind}`,
        what: `${policies}, filtered out by the binary`,
        policies: variants(readerPolicy, count),
      },
      {
        ...common,
        id: `file.path.${count}.${kind}`,
        what: `${policies}, filtered out by the path, first access`,
        policies: variants(byPath, count),
        calls: ["pread-fresh"],
        bar: count === 1 ? 2500 : 2700,
      },
      {
        ...common,
        id: `file.path-again.${count}.${kind}`,
        what: `${policies}, filtered out by the path, again`,
        policies: variants(byPath, count),
        bar: 1200,
      },
    ];
  });
}
