// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";

test("fails", () => assert.equal(1, 2, "one is not two"));
