// SPDX-License-Identifier: Apache-2.0
import { packaged } from "./packaged.ts";

/** `native/act.c`: in lib/ of an installed program; in the source tree, the output of `make build`. */
export const actProgram = (): string => packaged(["./act", "./lib/act", "../native/build/act"]);
