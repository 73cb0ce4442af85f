// SPDX-License-Identifier: Apache-2.0
import { limits, rowOp } from "./abi.gen.ts";
import type { OpenRow } from "./filter-rows.ts";
import { LinkLimitError } from "./link-limit-error.ts";

/**
 * What the filters at one hook ask of the arguments and variables of a new program. Rows that ask the same are one
 * test, so that the programs read these texts once for all policies (bpf/exec.bpf.h).
 */
export class ExecTests {
  readonly #numbers = new Map<string, number>();
  readonly #rows: OpenRow[] = [];

  /** The tests, by number, as rows. */
  get rows(): readonly OpenRow[] {
    return this.#rows;
  }

  /** The number of the row's test; undefined: it asks for something else. @throws LinkLimitError */
  numberOf(row: OpenRow): number | undefined {
    if (!execOps.has(row.op)) return undefined;
    const { op, slot, set, names = 0, n, values } = row;
    const key = [op, slot, set, names, n, ...values].join();
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#rows.length === most)
      throw new LinkLimitError(
        `more than ${most} different filters on arguments and variables of new programs meet at one function`,
      );
    this.#numbers.set(key, this.#rows.length);
    // Whether the row is negated, and what an unknown text means, is decided after the test.
    return this.#rows.push({ ...row, flags: 0 }) - 1;
  }
}

const most = limits.EXEC_GROUPS * limits.EXEC_GROUP_TESTS;

const execOps: ReadonlySet<number> = new Set([
  rowOp.ROW_EXEC_EQUAL,
  rowOp.ROW_EXEC_PREFIX,
  rowOp.ROW_EXEC_POSTFIX,
  rowOp.ROW_EXEC_CONTAINS,
  rowOp.ROW_EXEC_CONTAINS_ANY_CASE,
  rowOp.ROW_EXEC_SET,
]);
