// SPDX-License-Identifier: Apache-2.0
// Every attack gets through where nobody guards: otherwise the tests with a guard mean nothing.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { attack, describeResult, UNSUPPORTED } from "./lib/attack.ts";
import { networkAttacks } from "./lib/network-attacks.ts";
import { createOutside, type Outside } from "./lib/outside.ts";

describe("unguarded connections", () => {
  let outside: Outside;
  before(async () => {
    outside = await createOutside();
  });
  after(() => outside[Symbol.asyncDispose]());

  for (const { name, argv, everywhere, effect } of networkAttacks)
    test(name, async (t) => {
      const port = outside.newPort();
      const result = attack(...argv(port));
      if (!everywhere && result.status === UNSUPPORTED) return t.skip(result.errors.trim());
      const seen = await outside.seen(port);
      assert.ok(seen.packets > 0, `no packet seen: ${describeResult(result)}`);
      if (effect === "packet") return;
      assert.ok(seen.accepted > 0, `not accepted: ${describeResult(result)}`);
      assert.ok(
        seen.received.some((text) => text.startsWith(`payload-${port}`)),
        `nothing received: ${describeResult(result)}`,
      );
    });
});
