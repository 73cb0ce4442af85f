// SPDX-License-Identifier: Apache-2.0
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Where a program and its Node lie in an image, as after `make install`. */
export const LIBRARY = "usr/local/lib/gander";

/** Puts the Node that runs this into `directory`, alone with its licence. */
export async function stageNodeLayer(directory: string): Promise<void> {
  await cp(process.execPath, join(directory, LIBRARY, "node"), { dereference: true });
  await cp(nodeLicense(), join(directory, "usr/share/doc/node/LICENSE"));
}

/** Node's own licence and those of all that is linked into it. */
export function nodeLicense(): string {
  return join(dirname(process.execPath), "../LICENSE");
}
