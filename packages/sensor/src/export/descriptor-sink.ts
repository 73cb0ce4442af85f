// SPDX-License-Identifier: Apache-2.0
import { write } from "node:fs";
import { promisify } from "node:util";
import type { LineSink } from "./chunk-writer.ts";

const writeSome = promisify(write);

/** An open file descriptor, such as 1 for the standard output; it is not closed. */
export function createDescriptorSink(fd: number): LineSink {
  return {
    beforeChunk: async () => {},
    async write(bytes, offset, length) {
      for (;;) {
        try {
          return (await writeSome(fd, bytes, offset, length)).bytesWritten;
        } catch (error) {
          // A pipe that another process made non-blocking and whose reader is slow.
          if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    },
    close: async () => {},
  };
}
