// SPDX-License-Identifier: Apache-2.0
// Servers, languages, tools and a container runtime, as Debian has them (`scripts/setup corpus`).
import { testCorpus } from "./lib/corpus.ts";

testCorpus("debian");
