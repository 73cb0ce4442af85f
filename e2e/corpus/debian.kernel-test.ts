// SPDX-License-Identifier: Apache-2.0
// Servers, languages and tools, as Debian has them (`scripts/setup corpus`).
import { testCorpus } from "./lib/corpus.ts";

testCorpus("debian");
