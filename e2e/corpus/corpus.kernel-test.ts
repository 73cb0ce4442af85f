// SPDX-License-Identifier: Apache-2.0
// What every image has: no guard policy of the library may hinder it.
import { testCorpus } from "./lib/corpus.ts";

testCorpus("guest");
